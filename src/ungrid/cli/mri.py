"""`ungrid mri`: samples of k-space in, the picture out."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command
from ungrid.cli.options import parse_size
from ungrid.errors import InputError, nearest

ARRAYS, FIELDS, VOLUMES = (".npy",), (".ung",), (".nii", ".nii.gz")


@dataclass(kw_only=True)
class Mri(Command):
    """Reconstruct a picture or volume from undersampled k-space of one coil or several."""

    kspace: tyro.conf.Positional[Path]
    """Complex k-space [coil?, y, x] or [coil, z, y, x] in .npy or .h5 (its dataset kspace), frequency 0 at index N//2."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """.npy keeps complex values, .ung a field of real and imaginary part; pictures and .nii.gz hold the magnitude."""
    mask: Annotated[Path | None, tyro.conf.arg(metavar="M.npy")] = None
    """Which frequencies were sampled, [y, x] or [z, y, x]; where k-space is not exactly 0 if not given."""
    trajectory: Annotated[Path | None, tyro.conf.arg(metavar="T.npy")] = None
    """Frequencies [*m, 2] as y, x in cycles per field of view, instead of a mask; readouts along the last axis but one."""
    coils: Annotated[Path | None, tyro.conf.arg(metavar="C.npy")] = None
    """Complex sensitivities [coil, y, x]; found in the middle of k-space if not given."""
    noise: float | None = None
    """Standard deviation of the real and of the imaginary part of a sample; estimated if not given."""
    size: Annotated[str | None, tyro.conf.arg(metavar="WxH|N")] = None
    """Of the picture, along a trajectory; the smallest that carries it if not given. One number for all sides."""
    real: bool = False
    """The picture has no phase; on a mask and of one coil this is seen in the samples."""
    origin: Literal["auto", "center", "corner"] = "auto"
    """The sample that phases are counted from: N//2, or 0; auto takes the center unless the picture is then rolled by half."""
    compare_classical: bool = False
    """Also measure zero-filling, wavelets and total variation by samples that are kept out for it."""

    def run(self) -> dict[str, Any]:
        """Read, reconstruct, write, report."""
        from ungrid import fitting
        from ungrid.files import check_writable
        from ungrid.magnetic_resonance import mri
        from ungrid.signals.kspace_file import read_array, read_kspace_file

        start = time.monotonic()
        device = str(fitting.choose_device(self.device))
        self._check_output()
        kspace = read_kspace_file(self.kspace)
        given = {
            name: None if path is None else read_array(path)
            for name, path in (("mask", self.mask), ("trajectory", self.trajectory), ("coils", self.coils))
        }
        shape = self._shape(given["trajectory"])
        check_writable(self.output)
        if self.mask is None and self.trajectory is None:
            self.say("no --mask was given: what is exactly 0 counts as not sampled")
        options: dict[str, Any] = {**given, "noise": self.noise, "shape": shape, "real": self.real or None, "origin": self.origin}
        field = mri(kspace, **options, device=device, max_memory=self.memory, callbacks=self._watchers())
        self._write(field)
        assert field.record is not None
        fit = field.record.fit
        told = ("noise", "strength", "method", "coils", "coils_by", "real", "origin", "sampled", "transform", "steps", "device")
        report = {"output": self.output, "shape": list(field.shape), "seconds": round(time.monotonic() - start, 3)}
        report |= {"residual": field.metrics["quality"]["residual"]} | {key: fit[key] for key in told}
        if self.compare_classical:
            from ungrid.magnetic_resonance import judge_candidates

            report["heldout_error"] = judge_candidates(kspace, **options, seed=self.seed)
        return report

    def _watchers(self) -> Any:
        from ungrid.fit.progress import ProgressBar

        return [] if self.quiet else [ProgressBar()]

    def _check_output(self) -> None:
        from ungrid.signals.image_write import FORMATS

        endings = [*ARRAYS, *FIELDS, *VOLUMES, *FORMATS]
        if not self.output.name.lower().endswith(tuple(endings)):
            raise InputError(
                f"cannot write {self.output.name}; expected a name ending in {' '.join(endings)}"
                f"{nearest(self.output.suffix, endings)}"
            )
        for path in (self.kspace, self.mask, self.trajectory, self.coils):
            if path is not None and path.resolve() == self.output.resolve():
                raise InputError(f"cannot write to {self.output}: that is an input; give another name with -o")

    def _shape(self, trajectory: Any) -> tuple[int, ...] | None:
        if self.size is None:
            return None
        if trajectory is None:
            raise InputError("--size goes with --trajectory; on a mask the picture has the size of k-space")
        height, width = parse_size(self.size)
        assert width is not None
        return (width,) * int(trajectory.shape[-1]) if height is None else (height, width)

    def _write(self, field: Any) -> None:
        from ungrid import verbs
        from ungrid.magnetic_resonance import complex_values, write_magnitude
        from ungrid.signals.kspace_file import write_complex

        name = self.output.name.lower()
        if name.endswith(FIELDS):
            verbs.save(field, self.output)
        elif name.endswith(ARRAYS):
            write_complex(self.output, complex_values(field))
        else:
            write_magnitude(field, self.output, max_memory=self.memory)

    def show(self, result: dict[str, Any]) -> None:
        """Numbers, then the errors of what was kept out."""
        heldout = result.get("heldout_error")
        super().show({key: value for key, value in result.items() if key != "heldout_error"})
        for name, error in sorted((heldout or {}).items(), key=lambda item: item[1]):
            print(f"{name:<28}{error:.4f} of the samples kept out")
