"""Fits of signals larger than memory: jobs of one tile each in a folder that a killed fit goes on from, packed at the end."""

import copy
import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import torch

from ungrid.errors import FormatError, InputError
from ungrid.fields.base import Field
from ungrid.fields.packing import pack_tiles, read_tile, rewrite_record
from ungrid.fields.record import Record
from ungrid.fields.tiled import TiledField
from ungrid.files import write_beside, writing_error
from ungrid.fit.guard import Guard
from ungrid.fit.jobs import Outcome, run_jobs
from ungrid.fitting import Limits, carry_out, choose_device
from ungrid.metrics.signal import decibels
from ungrid.metrics.streamed import FLAT_PEAKS, streamed_metrics
from ungrid.presets.plan import plan_signal
from ungrid.presets.tiles import TilePlan, tile_bytes, workers_within
from ungrid.render.light import averaging_curves
from ungrid.signals.large import LargeSignal, reduced
from ungrid.tile_job import COARSE, TileFit, tile_path
from ungrid.verbs import load_as_field, save

MANIFEST, PACKED = "manifest.json", "packed.ung"
Watch = Callable[[Outcome, int, int], None]


def fit_tiles(
    signal: LargeSignal,
    plan: TilePlan,
    output: Path,
    *,
    limits: Limits,
    workers: int = 1,
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
    _begin_folder(folder, _identity(signal, plan, limits, device), resume)
    notes = list(signal.notes) + _fit_coarse(signal, plan, Limits(limits.steps), folder, device)
    fit = TileFit(signal, plan, each or limits, folder, str(choose_device(device)), _share(plan, workers, max_memory))
    done = _done(plan, folder)
    left = [flat for flat in range(plan.n_tiles) if flat not in done]
    failed: list[str] = []
    for outcome in run_jobs(left, fit, workers=workers):
        if outcome.result is None:
            failed.append(f"tile {outcome.number} at {_place(signal, plan, outcome.number)}: {outcome.error}")
        else:
            done[outcome.number] = dict(outcome.result)
        if watch is not None:
            watch(outcome, len(done) + len(failed), plan.n_tiles)
    if not done:
        raise InputError(f"none of {plan.n_tiles} tiles could be fitted: {failed[0]}")
    record = _record(signal, plan, done, notes + failed, workers, device)
    return _packed(signal, plan, output, record, _heldout(done, record), begin), failed


def _packed(
    signal: LargeSignal, plan: TilePlan, output: Path, record: Record, heldout: Mapping[str, Any], begin: float
) -> TiledField:
    """The tiles in one file, measured as it is, with what was measured in its record."""
    folder, version = parts_folder(output), installed_version("ungrid")
    field, packed = _hollow(signal, plan, folder), folder / PACKED
    pack_tiles(field, record, lambda flat: tile_path(folder, flat), packed, version=version)
    whole = load_as_field(packed)
    assert isinstance(whole, TiledField)
    assert whole.record is not None
    metrics = {"quality": streamed_metrics(whole, signal), "heldout": dict(heldout)}
    fit = whole.record.fit | {"total_seconds": round(time.monotonic() - begin, 3)}
    rewrite_record(packed, field, replace(whole.record, metrics=metrics, fit=fit), version=version)
    with write_beside(output) as temporary:
        packed.rename(temporary)
    finished = load_as_field(output)
    assert isinstance(finished, TiledField)
    return finished


def parts_folder(output: Path) -> Path:
    """Where a fit keeps what is done, beside its output."""
    return output.with_name(output.name + ".parts")


def _identity(signal: LargeSignal, plan: TilePlan, limits: Limits, device: str) -> dict[str, Any]:
    """What tells one fit from another: only a fit of the same identity may be gone on with."""
    asked = dataclasses.asdict(limits)
    plain: dict[str, Any] = json.loads(
        json.dumps({"input": signal.identity, "plan": dataclasses.asdict(plan), **asked, "device": str(choose_device(device))})
    )
    return plain


def _begin_folder(folder: Path, identity: Mapping[str, Any], resume: bool) -> None:
    """Make the folder, or check that what is in it is of this fit; without `resume`, what is done is done again."""
    path = folder / MANIFEST
    if path.exists() and resume:
        try:
            found = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, OSError) as error:
            raise FormatError(f"{path} cannot be read ({error}); start without --resume") from None
        if found != identity:
            differs = sorted(key for key in identity if found.get(key) != identity[key])
            raise InputError(f"cannot resume: {folder} is of a fit with another {', '.join(differs)}; start without --resume")
        return
    try:
        folder.mkdir(exist_ok=True)
        for old in [*folder.glob("[0-9][0-9][0-9][0-9]"), folder / COARSE, folder / PACKED]:
            shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    except OSError as error:
        raise writing_error(folder, error) from None
    with write_beside(path) as temporary:
        temporary.write_text(json.dumps(identity), encoding="utf-8")


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


def _done(plan: TilePlan, folder: Path) -> dict[int, dict[str, Any]]:
    """What is said of the tiles that are there; a file that is damaged is removed, and its tile done again."""
    with torch.device("meta"):
        like = plan.tile().state_dict()
    done = {}
    for flat in range(plan.n_tiles):
        path = tile_path(folder, flat)
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            try:
                done[flat] = read_tile(path, like)[1]
            except FormatError:
                path.unlink()
    return done


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


def _heldout(done: Mapping[int, Mapping[str, Any]], record: Record) -> dict[str, Any]:
    """PSNR at the samples that no tile had seen, over all tiles."""
    seen = [said["heldout"] for said in done.values() if said["heldout"] and said["heldout"].get("psnr") is not None]
    n = sum(held["n_samples"] for held in seen)
    if not n or record.kind not in FLAT_PEAKS:  # others have a peak of their own in each tile
        return {}
    error = sum(held["n_samples"] * 10 ** (-held["psnr"] / 10) for held in seen) / n
    return {"psnr": decibels(error, 1.0), "n_samples": n}


def _place(signal: LargeSignal, plan: TilePlan, flat: int) -> str:
    tiling = plan.tiling(signal.grid.box)
    where = tiling.cell(signal.grid, tiling.index(flat))[1]
    return ", ".join(f"{axis}={part.start}:{part.stop}" for axis, part in zip(plan.axes, where, strict=True))
