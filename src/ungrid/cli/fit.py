"""`ungrid fit`: a signal file in, a `.ung` file out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from ungrid.cli.command import Command, Output, parse_bytes, plain
from ungrid.errors import InputError, TargetNotMet

MOST_CHANNELS = 4  # of a picture: a longer axis is one of space or time


@dataclass(kw_only=True)
class Fit(Command):
    """Fit a field to a signal and keep it in one .ung file."""

    source: tyro.conf.Positional[Path]
    """The signal's file: a picture, PNG, JPEG, TIFF, EXR …; a film, MP4, MKV, WebM, GIF …, or a folder of numbered pictures; a
    surface, PLY, OBJ, STL, OFF, GLB."""
    output: Output = None
    """The field's file; beside the input with the ending .ung if not given."""
    preset: str = "auto"
    """auto, fast, balanced, best, or an architecture: sine, siren, hash_grid, wire … (a name that is not there lists all)."""
    as_kind: Annotated[str | None, tyro.conf.arg(name="as", metavar="KIND")] = None
    """What the file holds, where its content leaves it open: image, audio, series, video, volume, sphere, or sdf (a surface)."""
    region: Annotated[str | None, tyro.conf.arg(metavar="t=0:7,y=0:100")] = None
    """Of a film, the part to read: seconds and pixels."""
    reduce: int = 1
    """Of a film, read the mean light of N × N pixels as one."""
    fps: Annotated[float | None, tyro.conf.arg(metavar="R")] = None
    """Of a film, frames a second to take, each the one shown at that time; of a folder of pictures, their rate."""
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
    uncertainty: Literal["laplace", "ensemble"] | None = None
    """Also learn how far off values may be, for query --deviation; keeps 2 % of the samples apart to calibrate it."""
    members: int = 5
    """Fits of an ensemble, from as many seeds."""
    start: Annotated[str | None, tyro.conf.arg(metavar="START.ung|winner")] = None
    """Begin from the weights in this file, see `ungrid learn-start`; or winner: a SIREN's own, made noisier by the detail."""
    tune: bool = False
    """Choose the frequencies of siren, sine, finer, wire or fourier_mlp by the spectrum and by trials on held-out samples."""
    resume: bool = False
    """Go on with a fit that was killed, from OUT.ung.parts."""
    checkpoint_seconds: float = 30.0
    """Seconds between two writes of the fit's state."""
    tiled: bool = False
    """Fit in tiles, films and sound in windows of time, also what is not large; large is what has 2^26 values, or takes more than
    --max-memory in one piece. Of a film or sound, what does not fit into memory in one piece."""
    tile: int | None = None
    """Samples along each axis of a tile; chosen if not given."""
    workers: int | None = None
    """Processes that fit tiles, as many as cores if not given; fewer where --max-memory does not allow so many."""
    engine: Literal["local", "dask", "slurm"] = "local"
    """Where tiles are fitted: on this machine, on a Dask cluster (extra `scale`), or as a Slurm array."""
    log: Path | None = None
    """Write a JSON line now and then to this file: step, seconds, losses, PSNR."""
    tensorboard: Path | None = None
    """Write TensorBoard events to this folder."""

    def run(self) -> dict[str, Any]:
        """Fit, save, report."""
        from ungrid import fitting, trusting, verbs
        from ungrid.files import check_writable
        from ungrid.fit.limits import Limits
        from ungrid.signals.shape import Shape

        limits = Limits(self.steps, self.max_seconds, self.target_psnr)
        device = str(fitting.choose_device(self.device))
        self._check_uncertainty()
        output = self.output or _beside(self.source)
        if self._is_large():
            from ungrid.cli.fit_tiles import fit_large

            return fit_large(self, output, limits)
        signal = verbs.as_source(self.source, self.as_kind, part=self.part())
        if output.resolve() == self.source.resolve():
            raise InputError(f"cannot write the field to {output}: that is the input; give another name with -o")
        check_writable(output)
        if self.log is not None and not self.log.exists():
            check_writable(self.log)
        if self.uncertainty is None:
            field, *checkpoints = self._fit_one(signal, self.mask, limits, device, output, None)
        elif isinstance(signal, Shape):
            raise InputError("--uncertainty is for signals on a grid; leave it out for a surface")
        else:
            parts = trusting.split(signal, None if self.mask is None else verbs.as_mask(self.mask), seed=self.seed)
            members = range(trusting.n_fits(self.uncertainty, self.members))
            fits = [self._fit_one(signal, parts.mask, limits, device, output, member) for member in members]
            field = trusting.trust(self.uncertainty, [fit[0] for fit in fits], signal, parts, seed=self.seed)
            checkpoints = [fit[1] for fit in fits]
        verbs.save(field, output)
        for checkpoint in checkpoints:
            checkpoint.remove()
        report = self.report_of(field, output, signal.n_values)
        try:
            fitting.check_target(field, self.target_psnr)
        except TargetNotMet as error:
            error.report = plain(report)
            raise
        return report

    def part(self) -> Any:
        """What is to be read of a film."""
        from ungrid.cli.options import parse_region
        from ungrid.signals.part import Part

        return Part(parse_region(self.region, ("t", "y", "x")) if self.region else {}, self.reduce, self.fps)

    def _is_large(self) -> bool:
        """Whether the input is fitted in tiles: by its number of values, or because that was asked for."""
        from ungrid.signals.large_open import needs_tiles
        from ungrid.signals.large_zarr import is_zarr, zarr_shape

        if self.tiled or self.tile is not None or self.workers is not None or self.engine != "local":
            return True
        if is_zarr(self.source) and sum(n > MOST_CHANNELS for n in zarr_shape(self.source)) < 3:
            return True  # a picture in a Zarr store is read by blocks alone; volumes have a door of their own
        return needs_tiles(self.source, self.as_kind, self.part(), self.memory)

    def _check_uncertainty(self) -> None:
        from ungrid.fields.ensemble import MAX_MEMBERS

        if self.uncertainty is not None and self.max_bytes is not None:
            raise InputError("--max-bytes is for a field alone, and --uncertainty adds to it; say one of them")
        if not 2 <= self.members <= MAX_MEMBERS:
            raise InputError(f"--members is {self.members}; expected 2 to {MAX_MEMBERS}")

    def _fit_one(self, signal: Any, mask: Any, limits: Any, device: str, output: Path, member: int | None) -> tuple[Any, Any]:
        """A fitted field, and its checkpoint: the only one, or a member of several."""
        from ungrid import fitting, trusting, verbs
        from ungrid.fit.checkpoint import Checkpoint
        from ungrid.fit.guard import Guard
        from ungrid.fit.progress import ProgressBar

        seed, memory = self.seed + (member or 0), self.memory
        plan = verbs.make_plan(
            signal,
            preset=self.preset,
            seed=seed,
            max_bytes=None if self.max_bytes is None else parse_bytes(self.max_bytes),
            mask=mask,
            start=self.start,
            tune=self.tune,
            callbacks=[] if self.quiet else [ProgressBar()],
            max_memory=memory,
        )
        if self.uncertainty == "laplace":
            trusting.check_laplace(plan.field, signal)
        if not member:
            self.say(f"{self.source.name}: {signal.describe()}")
            self.say(plan.reason)
            predicted = fitting.expected(plan, limits, device)
            if predicted is not None:
                self.say(predicted.describe())
        if member is not None and self.uncertainty == "ensemble":
            self.say(f"member {member + 1} of {self.members}")
        guard, folder = Guard(), _parts_folder(output)
        checkpoint = Checkpoint(
            folder if not member else folder.with_name(f"{folder.name}{member + 1}"),
            guard,
            fitting.identity(plan, limits, seed=seed, device=device, signal=signal),
            every_seconds=self.checkpoint_seconds,
            resume=self.resume,
        )
        callbacks = [checkpoint, *self._watchers()]
        field = fitting.carry_out(plan, limits, seed=seed, device=device, guard=guard, callbacks=callbacks, max_memory=memory)
        return field, checkpoint

    def _watchers(self) -> list[Any]:
        from ungrid.fit.log import JsonLog, TensorBoardLog
        from ungrid.fit.progress import ProgressBar

        watchers: list[Any] = [] if self.quiet else [ProgressBar()]
        if self.log is not None:
            watchers.append(JsonLog(self.log))
        if self.tensorboard is not None:
            watchers.append(TensorBoardLog(self.tensorboard))
        return watchers

    def report_of(self, field: Any, output: Path, n_values: int) -> dict[str, Any]:
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
            "tiles": fit.get("tiles"),
            "quality": field.metrics["quality"],
            "heldout": field.metrics["heldout"],
            "uncertainty": fit.get("uncertainty"),
            "device": fit["device"],
            "stopped_by": fit["stopped_by"],
            "notes": fit["notes"],
        }

    def show(self, result: dict[str, Any]) -> None:
        """The result, without what was said before."""
        super().show({key: value for key, value in result.items() if key not in ("notes", "kind") and value != {}})


def _beside(source: Path) -> Path:
    """Where the field goes unless it was said: beside the input, with the ending .ung."""
    from ungrid.files import without_ending

    stem = without_ending(source if source.name not in ("", "..") else source.resolve())
    return stem.with_name(stem.name + ".ung")


def _parts_folder(output: Path) -> Path:
    return output.with_name(output.name + ".parts")
