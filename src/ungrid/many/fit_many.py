"""The verb: many signals in, a folder of fields and a report out."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from pathlib import Path

from ungrid.errors import InputError, Interrupted
from ungrid.files import writing_error
from ungrid.fit.limits import Limits
from ungrid.fitting import choose_device
from ungrid.many.items import Source, open_source
from ungrid.many.jobs import Job, Settings, plan_jobs
from ungrid.many.manifest import Manifest, Report
from ungrid.many.work import Row, do_job, failure
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
    for rows in _carried_out(found, [*jobs, *planned], settings, where, workers):
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


def _carried_out(source: Source, jobs: Sequence[Job], settings: Settings, output: Path, workers: int) -> Iterator[list[Row]]:
    """The rows of each job as it is done, in this process or in several."""
    try:
        if workers == 1 or len(jobs) < 2:
            for job in jobs:
                yield do_job(source, job, settings, output)
        else:
            yield from _in_processes(source, jobs, settings, output, workers)
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted("interrupted; what is done is kept: go on with --resume") from None


def _in_processes(source: Source, jobs: Sequence[Job], settings: Settings, output: Path, workers: int) -> Iterator[list[Row]]:
    import torch

    threads = max(1, torch.get_num_threads() // workers)
    others = set(active_children())
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin_worker, (threads,))
    try:
        waiting = {pool.submit(do_job, source, job, settings, output): job for job in jobs}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except BrokenProcessPool:
                error = InputError("a worker was killed, perhaps for memory; run again with --resume and fewer --workers")
                yield [failure(item, error) for item in waiting[future].items]
    except KeyboardInterrupt:
        for worker in set(active_children()) - others:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_worker(threads: int) -> None:
    """Take a share of the threads, and leave Ctrl-C to the process that everything is told to."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)


def _share(max_memory: int | None, workers: int) -> int | None:
    return None if max_memory is None else max_memory // workers
