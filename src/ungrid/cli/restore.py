"""`ungrid restore`: a degraded picture, sound or volume in, what was there out."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import tyro

from ungrid.cli.command import Command
from ungrid.cli.options import parse_spans
from ungrid.errors import InputError, nearest

SEEN = "auto"  # --declip without a level


@dataclass(kw_only=True)
class Restore(Command):
    """Undo what happened to a picture, noise, blur, too few pixels, missing ones, to a sound, clipped peaks and gaps, or to a
    volume, thick slices: by a field, a classical estimate, or both."""

    alone: ClassVar[dict[str, str]] = {"--declip": SEEN}

    source: tyro.conf.Positional[Path]
    """The file of a picture, sound or volume."""
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="FILE")]
    """A file of the source's kind, depth and profile or rate, or the field as .ung."""
    denoise: Annotated[str | None, tyro.conf.arg(metavar="NOISE")] = None
    """gaussian:SIGMA (levels of 0 to 255), poisson:PEAK (photons of white), poisson-gaussian:PEAK,SIGMA, rician:SIGMA (magnitudes
    of scanners), speckle:LOOKS; all but the third estimate their number where it is left out, auto takes the noise as Gaussian.
    Left out: auto to denoise and deblur, none else."""
    upscale: int = 1
    """So many times the pixels along each side."""
    deblur: Annotated[str | None, tyro.conf.arg(metavar="PSF")] = None
    """gaussian:SIGMA, motion:LENGTH,DEGREES, or a picture of the point spread function, in pixels of the result; blind finds
    it in the picture, blind:SIDE with so many pixels a side."""
    save_kernel: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where to keep the point spread function that was found, as a picture or .npy, to be given to --deblur."""
    inpaint: Annotated[Path | None, tyro.conf.arg(metavar="MASK")] = None
    """A picture that is white where the source is known; the rest is filled in."""
    shots: Annotated[list[Path] | None, tyro.conf.arg(metavar="FILE …")] = None
    """More pictures of the scene, of the same size, shifted by parts of a pixel: aligned to the source, and joined with it."""
    declip: Annotated[str | None, tyro.conf.arg(metavar="[LEVEL]")] = None
    """Give a sound its peaks back that were cut off at LEVEL of full scale; without a number, at its largest value."""
    gaps: Annotated[str | None, tyro.conf.arg(metavar="START:END,…|MASK.npy")] = None
    """Fill in stretches of a sound, in seconds, or where the mask, a boolean a sample, is false."""
    bandwidth: Annotated[float | None, tyro.conf.arg(metavar="HZ")] = None
    """Give a sound a rate of twice that; above its old band there is nothing, or with --method replicated copies of it."""
    slices_to: Annotated[float | None, tyro.conf.arg(metavar="MM")] = None
    """Give a volume of thick slices slices so far apart."""
    thickness: Annotated[float | None, tyro.conf.arg(metavar="MM")] = None
    """Of the slices; left out, they touch."""
    profile: Literal["box", "gaussian"] = "box"
    """Of a slice: even over its thickness, or a bell with that full width at half maximum."""
    stack: Annotated[tyro.conf.UseAppendAction[list[Path]], tyro.conf.arg(metavar="FILE")] = field(default_factory=list)
    """Another volume of the same object, cut along another axis; may stand several times."""
    method: Annotated[str, tyro.conf.arg(metavar="auto|field|classical")] = "auto"
    """auto joins a fitted field and a classical estimate, or takes of several the one that tells best what was hidden from it;
    or one of the two kinds alone; or a candidate by its name."""
    compare_classical: bool = False
    """Also write each classical candidate's own result beside the output, as OUT.NAME.png, and tell how it did."""

    def run(self) -> dict[str, Any]:
        """Restore, write, report."""
        from ungrid import fitting, undoing

        device = str(fitting.choose_device(self.device))
        undo = self._losses()
        signal = undoing.as_restorable(self.source)
        self._check_output(signal.kind)
        deblur = self._blur(signal)
        field = self._restored(signal, undo, self.method, self.output, device, deblur)
        compared = {}
        for name in field.record.fit["classical"] if self.compare_classical else ():
            self.say(f"beside it: {name} …")
            beside = self.output.with_name(_named(self.output.name, name))
            compared[name] = self._told(self._restored(signal, undo, name, beside, device, deblur)) | {"output": beside}
        told = self._told(field)
        self.say(f"{told['noise']}: {told['reason']}")
        for note in field.record.fit["notes"]:
            self.say(note)
        return {"output": self.output, "shape": [*field.grid().shape, signal.out_dim], **told} | (
            {"compared": compared} if compared else {}
        )

    def show(self, result: dict[str, Any]) -> None:
        """What was done; below it what told hidden samples how well, and a line for each result beside."""
        left_out = ("shares", "candidate_seconds", "compared", "method", "heldout", "notes", "shifts")
        super().show({key: value for key, value in result.items() if key not in left_out})
        for k, (down, across) in enumerate(result.get("shifts", ()), 1):
            print(f"shot {k:<7}{down:8.3f} down, {across:8.3f} across, in pixels")
        for name, decibels in sorted(result.get("heldout", {}).items(), key=lambda item: -item[1]):
            print(f"{name:<20}{decibels:6.2f} dB on what was hidden")
        for told in result.get("compared", {}).values():
            residual = "" if told["residual"] is None else f"residual {told['residual']}, "
            print(f"beside it: {told['output']}, {told['reason']}, {residual}{told['seconds']} s")

    def _losses(self) -> list[Any]:
        """What is to be undone in a sound or volume."""
        from ungrid.restoration.slice_losses import ThickSlices
        from ungrid.restoration.sound_bandwidth import Bandwidth
        from ungrid.restoration.sound_losses import Clipping, Gaps

        undo: list[Any] = []
        if self.declip is not None:
            undo.append(Clipping(None if self.declip == SEEN else _level(self.declip)))
        if self.gaps is not None:
            is_mask = self.gaps.lower().endswith(".npy")
            undo.append(Gaps(known=Path(self.gaps)) if is_mask else Gaps(parse_spans(self.gaps, "--gaps")))
        if self.bandwidth is not None:
            undo.append(Bandwidth(self.bandwidth))
        if self.slices_to is not None:
            undo.append(ThickSlices(self.slices_to, self.thickness, self.profile, self.stack))
        elif self.stack or self.thickness is not None:
            raise InputError(
                "--stack and --thickness say how thick slices lie; say also with --slices-to how far apart they shall be"
            )
        return undo

    def _restored(self, signal: Any, undo: list[Any], method: str, output: Path, device: str, deblur: Any) -> Any:
        """A field, written."""
        from ungrid import restoring, verbs
        from ungrid.files import check_writable

        check_writable(output)
        field = restoring.restore(
            signal,
            undo,
            denoise=self.denoise,
            upscale=self.upscale,
            deblur=deblur,
            inpaint=self.inpaint,
            shots=self.shots,
            method=method,
            seed=self.seed,
            device=device,
        )
        if output.suffix.lower() == ".ung":
            verbs.save(field, output)
        else:
            _check_peaks(field, output)
            verbs.render(field, output, max_memory=self.memory)
        return field

    def _blur(self, signal: Any) -> Any:
        """What to deblur by: as it was said, or, once for all methods, what is found in the picture."""
        from ungrid import blurring
        from ungrid.files import check_writable

        found = blurring.is_blind(self.deblur)
        if self.save_kernel is not None and not found:
            raise InputError("--save-kernel keeps a blur that is found; give --deblur blind, too")
        if self.save_kernel is not None:
            blurring.check_kernel_name(self.save_kernel)
            if self.save_kernel.resolve() in (self.source.resolve(), self.output.resolve()):
                raise InputError(f"cannot write the kernel to {self.save_kernel}: that is the input or the output")
            check_writable(self.save_kernel)
        if not found or self.upscale != 1 or self.inpaint is not None or self.shots is not None:
            return self.deblur
        blind = blurring.find_blur(signal, blurring.blind_side(str(self.deblur)))
        if self.save_kernel is not None:
            blurring.save_kernel(blind.kernel, self.save_kernel)
        return blind

    def _told(self, field: Any) -> dict[str, Any]:
        fit = field.record.fit
        keys = ("noise", "method", "reason", "shares", "residual", "seconds", "candidate_seconds", "stopped_by", "device")
        kernel = {"kernel": {"path": self.save_kernel, **fit["kernel"]}} if "kernel" in fit else {}
        return (
            {key: fit[key] for key in keys} | kernel | {key: fit[key] for key in ("shifts", "heldout", "notes") if fit.get(key)}
        )

    def _check_output(self, kind: str) -> None:
        from ungrid.signals import MODALITIES

        endings = [".ung", *(MODALITIES[kind].endings if kind in MODALITIES else ())]
        ending = self.output.suffix.lower()
        if not self.output.name.lower().endswith(tuple(endings)):
            raise InputError(
                f"cannot write {self.output.name}: a restored {SAID.get(kind, kind)} is written to {' '.join(endings)}"
                f"{nearest(ending, endings)}"
            )
        if self.output.resolve() in [path.resolve() for path in (self.source, *(self.shots or ()))]:
            raise InputError(f"cannot write to {self.output}: that is the input; give another name with -o")


SAID = {"image": "picture", "audio": "sound"}  # of kinds, in words


def _named(name: str, candidate: str) -> str:
    """ "head.nii.gz" → "head.cubic.nii.gz"."""
    ending = ".nii.gz" if name.lower().endswith(".nii.gz") else Path(name).suffix
    return f"{name[: len(name) - len(ending)]}.{candidate}{name[len(name) - len(ending) :]}"


def _level(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--declip {text}: expected a level as a share of full scale, such as 0.8, or nothing") from None


def _check_peaks(field: Any, output: Path) -> None:
    """Raise InputError where restored peaks would be cut off again by the format."""
    peak = float(field.samples.detach().abs().max()) if field.record.kind == "audio" else 0.0
    if peak > 1 and output.suffix.lower() in (".flac", ".ogg"):
        raise InputError(
            f"the restored peaks reach {peak:.3g} of full scale, which {output.suffix} cuts off; write to .wav or .ung"
        )
