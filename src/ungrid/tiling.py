"""Fits of signals larger than memory: jobs of one tile each in a folder that a killed fit goes on from, packed at the end."""

import copy
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ungrid.errors import InputError, TargetNotMet
from ungrid.fields.base import Field
from ungrid.fields.packing import pack_tiles, rewrite_record
from ungrid.fields.record import Record
from ungrid.fields.tiled import TiledField
from ungrid.files import check_writable, write_beside
from ungrid.fit.engines import Crew, carry, check_engine
from ungrid.fit.guard import Guard
from ungrid.fit.jobs import Outcome
from ungrid.fit.limits import Limits
from ungrid.fitting import carry_out, choose_device
from ungrid.metrics.signal import decibels
from ungrid.metrics.streamed import streamed_metrics
from ungrid.presets.plan import plan_signal
from ungrid.presets.tiles import TilePlan, plan_tiles, tile_bytes, workers_within
from ungrid.render.light import averaging_curves
from ungrid.signals.base import Signal
from ungrid.signals.large import LargeSignal, reduced
from ungrid.signals.large_open import hold_array, hold_signal, open_large
from ungrid.tile_job import TileFit
from ungrid.tile_parts import (
    COARSE,
    PACKED,
    begin_folder,
    fit_identity,
    parts_folder,
    parts_of,
    tile_path,
    tiles_done,
)
from ungrid.verbs import as_signal, load_as_field, save

Watch = Callable[[Outcome, int, int], None]


def fit_tiles(
    signal: LargeSignal,
    plan: TilePlan,
    output: Path,
    *,
    limits: Limits,
    workers: int = 1,
    engine: str = "local",
    device: str = "auto",
    max_memory: int | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> tuple[TiledField, list[str]]:
    """Fit all tiles of a signal, pack them into a file, measure it; the field as it is read from there, and what went wrong.

    Args:
        signal: what is fitted; of a picture that was decoded, its samples lie in the folder.
        plan: how it is cut, and what is fitted to each tile.
        output: of the field. Beside it, `OUT.ung.parts` holds what is done until all is.
        limits: `steps` and `target_psnr` hold for each tile, `max_seconds` for all together.
        workers: processes, each with one thread; fewer where memory does not allow so many.
        engine: where they run, a name in `ungrid.fit.engines.ENGINES`.
        device: where to compute.
        max_memory: bytes that all of it may take.
        resume: whether to keep tiles that are done.
        watch: called after each tile with what became of it, how many are done, and how many there are.

    Raises:
        InputError: nothing could be fitted, or the folder is of another fit.
        MachineError: not writable, disk full.
        Interrupted: Ctrl-C; go on with `resume`.
    """
    begin = time.monotonic()
    folder = parts_folder(output)
    workers = workers_within(plan, workers, max_memory)
    each = None if limits.max_seconds is None else replace(limits, max_seconds=limits.max_seconds * workers / plan.n_tiles)
    begin_folder(folder, fit_identity(signal, plan, limits, device), resume)
    notes = list(signal.notes) + _fit_coarse(signal, plan, Limits(limits.steps), folder, device)
    fit = TileFit(signal, plan, each or limits, folder, str(choose_device(device)), _share(plan, workers, max_memory))
    done = tiles_done(plan, folder)
    left = [flat for flat in range(plan.n_tiles) if flat not in done]
    failed: list[str] = []
    for outcome in carry(left, fit, Crew(engine, workers, folder=folder)):
        if outcome.result is None:
            failed.append(f"tile {outcome.number} at {_place(signal, plan, outcome.number)}: {outcome.error}")
        else:
            done[outcome.number] = dict(outcome.result)
        if watch is not None:
            watch(outcome, len(done) + len(failed), plan.n_tiles)
    if not done:
        raise InputError(f"none of {plan.n_tiles} tiles could be fitted: {failed[0]}")
    record = _record(signal, plan, done, notes + failed, workers, device)
    return _packed(signal, plan, output, record, list(done.values()), begin), failed


def fit_large(
    source: Any,
    output: str | os.PathLike[str],
    *,
    kind: str | None = None,
    preset: str = "auto",
    steps: int | None = None,
    max_seconds: float | None = None,
    seed: int = 0,
    max_memory: int | None = None,
    workers: int = 1,
    engine: str = "local",
    resume: bool = False,
) -> TiledField:
    """Fit a signal of any size in tiles, a film or sound in windows of time, to a `.ung` file, and return the field in it.

    For what does not fit into memory, or would not with its fit: `ug.fit` for all else. The file is read by blocks, and tiles
    are fitted one after another. `OUTPUT.parts` holds what is done until all is.

    Args:
        source: a path, an array, or what else `ug.fit` takes; arrays and signals in memory are first written beside the output.
        output: the `.ung` file.
        kind: what the source holds, where that is open: "image", "volume", "series", "video", "audio".
        preset: "auto", "fast", "balanced" or "best".
        steps: of each tile, at most.
        max_seconds: of wall time for all tiles together, at most.
        seed: of weights and batches.
        max_memory: bytes that the fit may take beyond the interpreter; None for tiles as large as the kind likes them.
        workers: processes, each with one thread.
        engine: where they run: "local", "dask" or "slurm".
        resume: go on with a fit that was killed.

    Raises:
        InputError: an option or a signal that cannot be used.
        TargetNotMet: some tiles could not be fitted; the file holds the others, and the error's `field` is what is in it.
        MachineError: the disk has no room.

    Example:
        >>> import numpy, tempfile, ungrid as ug
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     field = ug.fit_large(numpy.full((40, 40), 0.5), folder + "/gray.ung", steps=2)
        >>> field.tiling.size
        1
    """
    output = Path(output)
    check_writable(output)
    check_engine(engine)
    with parts_of(output) as folder:
        signal = open_large(Path(source), kind, folder) if isinstance(source, str | os.PathLike) else _held(source, kind, folder)
        plan = plan_tiles(signal, preset, seed=seed, max_memory=max_memory)
        limits = Limits(steps, max_seconds)
        options = {"workers": workers, "engine": engine, "max_memory": max_memory, "resume": resume}
        field, failed = fit_tiles(signal, plan, output, limits=limits, **options)  # type: ignore[arg-type]
    check_complete(field, failed)
    shutil.rmtree(folder, ignore_errors=True)
    return field


def _held(source: Any, kind: str | None, folder: Path) -> LargeSignal:
    """What is in memory, written into the folder."""
    if hasattr(source, "__array__") and not isinstance(source, Signal):
        return hold_array(np.asarray(source), kind, folder)
    return hold_signal(as_signal(source, kind), folder)


def check_complete(field: TiledField, failed: Sequence[str]) -> None:
    """Raise TargetNotMet, with the field, if some tiles failed."""
    if not failed:
        return
    error = TargetNotMet(
        f"{len(failed)} of {field.tiling.size} tiles failed, the others are written; the first: {failed[0]}; go on with --resume "
        f"once it can be read"
    )
    error.field = field
    raise error


def _packed(
    signal: LargeSignal, plan: TilePlan, output: Path, record: Record, done: Sequence[Mapping[str, Any]], begin: float
) -> TiledField:
    """The tiles in one file, measured as it is, with what was measured in its record."""
    folder, version = parts_folder(output), installed_version("ungrid")
    field, packed = _hollow(signal, plan, folder), folder / PACKED
    pack_tiles(field, record, lambda flat: tile_path(folder, flat), packed, version=version)
    whole = load_as_field(packed)
    assert isinstance(whole, TiledField)
    assert whole.record is not None
    quality = streamed_metrics(whole, signal)
    metrics = {"quality": quality, "heldout": _heldout(done, quality)}
    fit = whole.record.fit | {"total_seconds": round(time.monotonic() - begin, 3)}
    rewrite_record(packed, field, replace(whole.record, metrics=metrics, fit=fit), version=version)
    with write_beside(output) as temporary:
        packed.rename(temporary)
    finished = load_as_field(output)
    assert isinstance(finished, TiledField)
    return finished


def _fit_coarse(signal: LargeSignal, plan: TilePlan, limits: Limits, folder: Path, device: str) -> list[str]:
    """Fit the coarse field, unless it is there or not wanted; what is to be said of it."""
    if not plan.cut.coarse_factor or (folder / COARSE).exists():
        return []
    outline = signal.outline
    curves = averaging_curves(_described(signal)) if outline.kind == "image" else (None, None)
    whole, failed = reduced(signal, plan.cut.coarse_factor, to_light=curves[0], from_light=curves[1])
    if whole.known is not None and not bool(whole.known.any()):
        raise InputError(f"none of the samples of {outline.source.get('file', 'the input')} can be read; check the file")
    own = plan_signal(whole, plan.effort, seed=plan.seed)
    coarse = carry_out(own, limits, seed=plan.seed, device=device, guard=Guard())
    save(coarse, folder / COARSE)
    return [f"{failed} blocks could not be read for the coarse field"] if failed else []


def _described(signal: LargeSignal) -> Record:
    known = signal.outline
    return Record(known.kind, known.grid.shape, known.channels, known.source, known.blobs)


def _share(plan: TilePlan, workers: int, max_memory: int | None) -> int | None:
    """Bytes that one tile's fit may take."""
    return None if max_memory is None else max(tile_bytes(plan), max_memory // (2 * workers))


def _hollow(signal: LargeSignal, plan: TilePlan, folder: Path) -> TiledField:
    """The whole field, its tiles without memory."""
    coarse: Field | None = load_as_field(folder / COARSE) if plan.cut.coarse_factor else None
    shape = tuple(-(-n // plan.cut.coarse_factor) for n in signal.grid.shape) if plan.cut.coarse_factor else ()
    with torch.device("meta"):
        tile = plan.tile()
    stand_in = None if coarse is None else copy.deepcopy(coarse).to("meta")
    field = TiledField(signal.grid.box, tile, plan.cut.counts, plan.cut.overlap, stand_in, shape)
    field.recipe, field.coarse = tile.recipe, coarse
    return field


def _record(
    signal: LargeSignal, plan: TilePlan, done: Mapping[int, Mapping[str, Any]], notes: list[str], workers: int, device: str
) -> Record:
    stops = sorted({str(said["stopped_by"]) for said in done.values()})
    own = sorted({note for said in done.values() for note in said["notes"]})
    fit = {
        "preset": plan.effort,
        "reason": plan.describe(),
        "steps": sum(said["steps"] for said in done.values()),
        "seconds": round(sum(said["seconds"] for said in done.values()), 3),
        "cpu_seconds": round(sum(said["cpu_seconds"] for said in done.values()), 3),
        "seed": plan.seed,
        "stopped_by": ", ".join(stops),
        "device": str(choose_device(device)),
        "tiles": {"n": plan.n_tiles, "failed": plan.n_tiles - len(done), "workers": workers},
        "notes": (notes + own)[:20],
    }
    return replace(_described(signal), fit=fit)


def _heldout(done: Sequence[Mapping[str, Any]], quality: Mapping[str, float | None]) -> dict[str, Any]:
    """PSNR at the samples that no tile had seen, over all tiles, against the peak that the whole is measured against."""
    error, n = 0.0, 0
    for said in done:
        held, peak = said["heldout"], said.get("peak")  # none where channels have peaks of their own
        if held and peak and held.get("psnr") is not None:
            error += held["n_samples"] * (peak * 10 ** (-held["psnr"] / 20)) ** 2
            n += held["n_samples"]
    level, rmse = quality["psnr"], quality["rmse"]
    if not n or level is None or rmse is None:
        return {}
    return {"psnr": decibels(error / n, rmse * 10 ** (level / 20)), "n_samples": n}


def _place(signal: LargeSignal, plan: TilePlan, flat: int) -> str:
    tiling = plan.tiling(signal.grid.box)
    where = tiling.cell(signal.grid, tiling.index(flat))[1]
    return ", ".join(f"{axis}={part.start}:{part.stop}" for axis, part in zip(plan.axes, where, strict=True))
