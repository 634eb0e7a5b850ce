"""`ungrid fit`: a signal file in, a `.ung` file out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command, Output, parse_bytes, plain
from ungrid.errors import InputError, TargetNotMet


@dataclass(kw_only=True)
class Fit(Command):
    """Fit a field to a picture and keep it in one .ung file."""

    source: tyro.conf.Positional[Path]
    """The picture: PNG, JPEG, WebP, AVIF, JPEG 2000, TIFF, EXR …"""
    output: Output = None
    """The field's file; beside the input with the ending .ung if not given."""
    preset: str = "auto"
    """auto, fast, balanced, best, or a published setting: siren, fourier_mlp, relu_pe_mlp, dense_grid, hash_grid, cppn."""
    as_kind: Annotated[Literal["image"] | None, tyro.conf.arg(name="as")] = None
    """What the file is, where its content leaves it open."""
    steps: int | None = None
    """Steps of the optimizer, at most."""
    max_seconds: float | None = None
    """Seconds of fitting, at most."""
    target_psnr: float | None = None
    """Stop at this many dB; exit code 5 if it is not reached."""
    max_bytes: Annotated[str | None, tyro.conf.arg(metavar="B|100kB")] = None
    """Most bytes of the output; the default preset sizes the field to it."""
    mask: Annotated[Path | None, tyro.conf.arg(metavar="MASK.png")] = None
    """Picture of the same size: white (255) where a sample is known. The default presets estimate the others first."""
    start: Annotated[str | None, tyro.conf.arg(metavar="START.ung|winner")] = None
    """Begin from the weights in this file, see `ungrid learn-start`; or winner: a SIREN's own, made noisier by the detail."""
    tune: bool = False
    """Choose the frequencies of siren, sine, finer, wire or fourier_mlp by the spectrum and by trials on held-out samples."""
    resume: bool = False
    """Go on with a fit that was killed, from OUT.ung.parts."""
    checkpoint_seconds: float = 30.0
    """Seconds between two writes of the fit's state."""
    log: Path | None = None
    """Write a JSON line now and then to this file: step, seconds, losses, PSNR."""
    tensorboard: Path | None = None
    """Write TensorBoard events to this folder."""

    def run(self) -> dict[str, Any]:
        """Fit, save, report."""
        from ungrid import fitting, verbs
        from ungrid.files import check_writable
        from ungrid.fit.checkpoint import Checkpoint
        from ungrid.fit.guard import Guard
        from ungrid.fit.progress import ProgressBar

        limits = fitting.Limits(self.steps, self.max_seconds, self.target_psnr)
        memory, device = self.memory, str(fitting.choose_device(self.device))
        signal = verbs.as_signal(self.source)
        output = self.output or self.source.with_suffix(".ung")
        if output.resolve() == self.source.resolve():
            raise InputError(f"cannot write the field to {output}: that is the input; give another name with -o")
        check_writable(output)
        if self.log is not None and not self.log.exists():
            check_writable(self.log)
        plan = verbs.make_plan(
            signal,
            preset=self.preset,
            seed=self.seed,
            max_bytes=None if self.max_bytes is None else parse_bytes(self.max_bytes),
            mask=self.mask,
            start=self.start,
            tune=self.tune,
            callbacks=[] if self.quiet else [ProgressBar()],
            max_memory=memory,
        )
        self.say(f"{self.source.name}: {signal.describe()}")
        self.say(plan.reason)
        predicted = fitting.expected(plan, limits, device)
        if predicted is not None:
            self.say(predicted.describe())
        guard = Guard()
        checkpoint = Checkpoint(
            output.with_name(output.name + ".parts"),
            guard,
            fitting.identity(plan, limits, seed=self.seed, device=device, signal=signal),
            every_seconds=self.checkpoint_seconds,
            resume=self.resume,
        )
        field = fitting.carry_out(
            plan,
            limits,
            seed=self.seed,
            device=device,
            guard=guard,
            callbacks=[checkpoint, *self._watchers()],
            max_memory=memory,
        )
        verbs.save(field, output)
        checkpoint.remove()
        report = self._report(field, output, signal.values.numel())
        try:
            fitting.check_target(field, self.target_psnr)
        except TargetNotMet as error:
            error.report = plain(report)
            raise
        return report

    def _watchers(self) -> list[Any]:
        from ungrid.fit.log import JsonLog, TensorBoardLog
        from ungrid.fit.progress import ProgressBar

        watchers: list[Any] = [] if self.quiet else [ProgressBar()]
        if self.log is not None:
            watchers.append(JsonLog(self.log))
        if self.tensorboard is not None:
            watchers.append(TensorBoardLog(self.tensorboard))
        return watchers

    def _report(self, field: Any, output: Path, n_values: int) -> dict[str, Any]:
        fit = field.record.fit
        return {
            "output": output,
            "kind": field.record.kind,
            "preset": fit["preset"],
            "n_params": field.n_params,
            "n_values": n_values,
            "bytes": output.stat().st_size,
            "steps": fit["steps"],
            "seconds": fit["seconds"],
            "total_seconds": fit["total_seconds"],
            "predicted": fit.get("predicted"),
            "quality": field.metrics["quality"],
            "heldout": field.metrics["heldout"],
            "device": fit["device"],
            "stopped_by": fit["stopped_by"],
            "notes": fit["notes"],
        }

    def show(self, result: dict[str, Any]) -> None:
        """The result, without what was said before."""
        super().show({key: value for key, value in result.items() if key not in ("notes", "kind") and value != {}})
