"""The verb: many signals in, a folder of fields and a report out."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ungrid.errors import InputError, Interrupted
from ungrid.files import writing_error
from ungrid.fit.engines import Crew, carry, check_engine
from ungrid.fit.limits import Limits
from ungrid.fitting import choose_device
from ungrid.many.items import open_source
from ungrid.many.jobs import Settings, plan_jobs
from ungrid.many.manifest import Manifest, Report
from ungrid.many.work import FOLDER, ManyFit, Row, failure
from ungrid.presets.plan import NAMES
from ungrid.spec import lookup

MOST_WORKERS = 256
Progress = Callable[[int, int, int], None]  # items done, failed, in all


def fit_many(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    preset: str = "auto",
    steps: int | None = None,
    max_seconds: float | None = None,
    target_psnr: float | None = None,
    seed: int = 0,
    device: str = "auto",
    max_memory: int | None = None,
    kind: str | None = None,
    array: str | None = None,
    workers: int = 1,
    engine: str = "local",
    resume: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Fit every signal of a folder or a stack, small ones of one shape together, and write a field for each into a folder.

    What cannot be read or fitted does not stop the rest: the report says what became of each.

    Args:
        source: a folder of files, or a stack of arrays: an idx file, .npy, .npz, a Zarr store.
        output: folder for NAME.ung of each item, report.json and report.csv; in .fit-many what a killed job goes on from.
        preset, steps, target_psnr, seed, device: of each fit, as in `fit`.
        max_seconds: of each fit; signals that are fitted together have the sum of theirs.
        max_memory: bytes that this may take beyond the interpreter, all workers together.
        kind: what the files or arrays hold, where that is open: a name in `ungrid.signals.MODALITIES`.
        array: which array of the stack, where there are several.
        workers: processes at work, which share the threads.
        engine: where they run: "local", "dask" or "slurm".
        resume: fit what is not yet done, of this job broken off, or of one whose input has grown.
        progress: called now and then with the number of items done, failed and in all.

    Raises:
        InputError: an option that cannot be used, or an input without items.
        UnreadableInput: an input that is neither folder nor stack.
        MachineError: the output cannot be written.
        Interrupted: Ctrl-C; go on with `resume`.

    Example:
        >>> import numpy, tempfile, ungrid as ug
        >>> folder = tempfile.mkdtemp()
        >>> numpy.save(f"{folder}/pictures.npy", numpy.zeros((3, 8, 8), "uint8"))
        >>> ug.fit_many(f"{folder}/pictures.npy", f"{folder}/fields", steps=5).done
        3
    """
    started = time.monotonic()
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"workers is {workers}; expected 1 to {MOST_WORKERS}")
    lookup(preset, dict.fromkeys(NAMES), "preset")
    check_engine(engine)
    Limits(steps, max_seconds, target_psnr)  # says what is wrong with one of them
    settings = Settings(preset, steps, max_seconds, target_psnr, seed, str(choose_device(device)), _share(max_memory, workers))
    where = Path(output)
    found = open_source(Path(source), where, kind=kind, array=array)
    items = found.items()
    make_folder(where)
    manifest = Manifest(where, {"path": str(Path(source).resolve()), "kind": kind, "array": array}, settings, resume=resume)
    n_before = sum(map(manifest.is_done, items))
    jobs, new = manifest.left(items)
    planned, bad = plan_jobs(found, new, settings)
    manifest.plan(planned, new)
    manifest.add([failure(item, bad[item.name]) for item in new if item.name in bad])
    done, failed = n_before, len(bad)
    crew = Crew(engine, workers, max(1, torch.get_num_threads() // workers), where / FOLDER)
    for rows in _carried_out(ManyFit(found, (*jobs, *planned), settings, where), crew):
        manifest.add(rows)
        failed += sum(row["error"] is not None and row["output"] is None for row in rows)
        done += sum(row["output"] is not None for row in rows)
        if progress is not None:
            progress(done, failed, len(items))
    report = Report(where, [manifest.rows[item.name] for item in items], time.monotonic() - started, n_before)
    report.write()
    return report


def make_folder(path: Path) -> None:
    """Make the output's folder.

    Raises:
        InputError: there is a file of that name.
        MachineError: not writable.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file; expected a folder to write the fields to, new or not")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_error(path, error) from None


def _carried_out(work: ManyFit, crew: Crew) -> Iterator[list[Row]]:
    """The rows of each job as it is done."""
    try:
        for outcome in carry(range(len(work.jobs)), work, crew):
            if outcome.result is not None:
                yield list(outcome.result["rows"])
                continue
            error = InputError(f"{outcome.error}; run again with --resume, and fewer --workers if memory was short")
            yield [failure(item, error) for item in work.jobs[outcome.number].items]
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted("interrupted; what is done is kept: go on with --resume") from None


def _share(max_memory: int | None, workers: int) -> int | None:
    return None if max_memory is None else max_memory // workers
