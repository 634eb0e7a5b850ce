"""Do one job: read its signals, fit them, write their fields, and say what became of each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ungrid.errors import InputError, Interrupted, MachineError, UngridError
from ungrid.fields.base import Field
from ungrid.fit.checkpoint import Checkpoint
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.fitting import carry_out, identity
from ungrid.many.items import Item, Source
from ungrid.many.jobs import Job, Settings, outline_of
from ungrid.many.stack import fit_stack
from ungrid.signals.base import Signal
from ungrid.verbs import make_plan, save

Row = dict[str, Any]
COLUMNS = ("name", "file", "index", "status", "output", "kind", "shape", "fitted", "psnr", "steps", "seconds", "bytes", "error")
DONE, BELOW, FAILED = "done", "below target", "failed"
FOLDER = ".fit-many"  # in the output: what a job that is killed goes on from


def do_job(source: Source, job: Job, settings: Settings, output: Path) -> list[Row]:
    """Fit a job's items and write their fields; a row of the report for each, also for those that failed.

    Raises:
        MachineError: the output cannot be written, which is the same for all that would follow.
        Interrupted: Ctrl-C.
    """
    rows: dict[str, Row] = {}
    signals: list[tuple[Item, Signal]] = []
    for item in job.items:
        try:
            signals.append((item, source.signal(item)))
            if job.is_stack and outline_of(signals[-1][1]) != outline_of(signals[0][1]):
                signals.pop()
                raise InputError(f"{item.file} has changed since the job began; run it again with --resume")
        except (UngridError, MemoryError) as error:
            rows[item.name] = failure(item, error)
    for item, field in _fitted(signals, job.is_stack, settings, output):
        rows[item.name] = (
            _finish(item, field, job.is_stack, settings, output) if isinstance(field, Field) else failure(item, field)
        )
    return [rows[item.name] for item in job.items]


@dataclass(frozen=True)
class ManyFit:
    """The jobs by their numbers, see `do_job`. Can be pickled.

    Args:
        source: of the items.
        jobs: what is fitted in one go.
        settings: of each fit.
        output: folder of the fields.
    """

    source: Source
    jobs: tuple[Job, ...]
    settings: Settings
    output: Path

    def __call__(self, number: int) -> dict[str, Any]:
        """Do a job; the rows of the report."""
        return {"rows": do_job(self.source, self.jobs[number], self.settings, self.output)}


def failure(item: Item, error: BaseException) -> Row:
    """The row of an item that has no field."""
    said = " ".join(str(error).split())
    if not isinstance(error, UngridError):
        said = f"out of memory: {said}" if isinstance(error, MemoryError) else f"a bug in ungrid: {type(error).__name__}: {said}"
    return dict.fromkeys(COLUMNS) | {
        "name": item.name,
        "file": item.file,
        "index": item.index,
        "status": FAILED,
        "error": said,
    }


def _fitted(
    signals: list[tuple[Item, Signal]], together: bool, settings: Settings, output: Path
) -> list[tuple[Item, Field | BaseException]]:
    if not signals:
        return []
    try:
        if together:
            fields = fit_stack([signal for _, signal in signals], settings)
            return [(item, field) for (item, _), field in zip(signals, fields, strict=True)]
        return [(item, _fit_alone(item, signal, settings, output)) for item, signal in signals]
    except (MachineError, Interrupted):
        raise
    except Exception as error:  # also a bug of ours: what is wrong with these must not stop the others
        return [(item, error) for item, _ in signals]


def _fit_alone(item: Item, signal: Signal, settings: Settings, output: Path) -> Field:
    """The ordinary fit, which goes on where it was if it is killed."""
    plan = make_plan(signal, preset=settings.preset, seed=settings.seed, max_memory=settings.max_memory)
    limits = Limits(settings.steps, settings.max_seconds, settings.target_psnr)
    who = identity(plan, limits, seed=settings.seed, device=settings.device, signal=signal)
    guard = Guard()
    folder = output / FOLDER / (item.name.replace("/", "%") + ".parts")
    checkpoint = Checkpoint(folder, guard, who, resume=True)
    try:
        field = carry_out(
            plan,
            limits,
            seed=settings.seed,
            device=settings.device,
            guard=guard,
            callbacks=[checkpoint],
            max_memory=settings.max_memory,
        )
    except Interrupted:
        raise
    except UngridError:
        checkpoint.remove()
        raise
    checkpoint.remove()
    return field


def _finish(item: Item, field: Field, together: bool, settings: Settings, output: Path) -> Row:
    """Write a field and say what it is."""
    path = output / f"{item.name}.ung"
    path.parent.mkdir(parents=True, exist_ok=True)
    save(field, path)
    record = field.record
    assert record is not None
    psnr = record.metrics["quality"].get("psnr")
    is_below = settings.target_psnr is not None and psnr is not None and psnr < settings.target_psnr
    return dict.fromkeys(COLUMNS) | {
        "name": item.name,
        "file": item.file,
        "index": item.index,
        "status": BELOW if is_below else DONE,
        "output": f"{item.name}.ung",
        "kind": record.kind,
        "shape": list(record.shape),
        "fitted": "together" if together else "alone",
        "psnr": psnr,
        "steps": record.fit["steps"],
        "seconds": record.fit["total_seconds"],
        "bytes": path.stat().st_size,
        "error": f"reached {psnr:.2f} dB of the {settings.target_psnr:g} dB asked for" if is_below else None,
    }
