"""`ungrid restore`: a degraded picture in, what was there out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from ungrid.cli.command import Command
from ungrid.errors import InputError, nearest


@dataclass(kw_only=True)
class Restore(Command):
    """Undo what happened to a picture, noise, blur, too few pixels, missing ones: by a field, a classical estimate, or both."""

    source: tyro.conf.Positional[Path]
    """The picture's file."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """A picture of the source's bit depth and profile, or the field as .ung."""
    denoise: Annotated[str | None, tyro.conf.arg(metavar="NOISE")] = None
    """gaussian:SIGMA (levels of 0 to 255), poisson:PEAK (photons of white), poisson-gaussian:PEAK,SIGMA, rician:SIGMA (magnitudes
    of scanners), speckle:LOOKS; all but the third estimate their number where it is left out, auto takes the noise as Gaussian.
    Left out: auto to denoise and deblur, none else."""
    upscale: int = 1
    """So many times the pixels along each side."""
    deblur: Annotated[str | None, tyro.conf.arg(metavar="PSF")] = None
    """gaussian:SIGMA, motion:LENGTH,DEGREES, or a picture of the point spread function, in pixels of the result."""
    inpaint: Annotated[Path | None, tyro.conf.arg(metavar="MASK")] = None
    """A picture that is white where the source is known; the rest is filled in."""
    method: Annotated[str, tyro.conf.arg(metavar="auto|field|classical")] = "auto"
    """auto joins a fitted field and a classical estimate; or one of the two alone; or a candidate by its name."""
    compare_classical: bool = False
    """Also write each classical candidate's own result beside the output, as OUT.NAME.png, and tell how it did."""

    def run(self) -> dict[str, Any]:
        """Restore, write, report."""
        from ungrid import fitting, restoring

        device = str(fitting.choose_device(self.device))
        self._check_output()
        signal = restoring.as_picture(self.source)
        field = self._restored(signal, self.method, self.output, device)
        compared = {}
        for name in field.record.fit["classical"] if self.compare_classical else ():
            self.say(f"beside it: {name} …")
            beside = self.output.with_name(f"{self.output.stem}.{name}{self.output.suffix}")
            compared[name] = self._told(self._restored(signal, name, beside, device)) | {"output": beside}
        told = self._told(field)
        self.say(f"{told['noise']}: {told['reason']}")
        return {"output": self.output, "shape": [*field.grid().shape, signal.out_dim], **told} | (
            {"compared": compared} if compared else {}
        )

    def show(self, result: dict[str, Any]) -> None:
        """What was done; below it a line for each result beside."""
        left_out = ("shares", "candidate_seconds", "compared", "method")
        super().show({key: value for key, value in result.items() if key not in left_out})
        for told in result.get("compared", {}).values():
            print(f"beside it: {told['output']}, {told['reason']}, residual {told['residual']}, {told['seconds']} s")

    def _restored(self, signal: Any, method: str, output: Path, device: str) -> Any:
        """A field, written."""
        from ungrid import restoring, verbs
        from ungrid.files import check_writable

        check_writable(output)
        field = restoring.restore(
            signal,
            denoise=self.denoise,
            upscale=self.upscale,
            deblur=self.deblur,
            inpaint=self.inpaint,
            method=method,
            seed=self.seed,
            device=device,
        )
        if output.suffix.lower() == ".ung":
            verbs.save(field, output)
        else:
            verbs.render(field, output, max_memory=self.memory)
        return field

    @staticmethod
    def _told(field: Any) -> dict[str, Any]:
        fit = field.record.fit
        keys = ("noise", "method", "reason", "shares", "residual", "seconds", "candidate_seconds", "stopped_by", "device")
        return {key: fit[key] for key in keys}

    def _check_output(self) -> None:
        from ungrid.signals.image_write import FORMATS

        endings = [".ung", *FORMATS]
        ending = self.output.suffix.lower()
        if ending not in endings:
            raise InputError(
                f"cannot write {self.output.name}: a restored picture is written to {' '.join(endings)}{nearest(ending, endings)}"
            )
        if self.output.resolve() == self.source.resolve():
            raise InputError(f"cannot write to {self.output}: that is the input; give another name with -o")
