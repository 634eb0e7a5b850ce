"""Many independent jobs, by one process or a pool of them: each may be done again, and one that fails leaves the others alone."""

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import torch

from ungrid.errors import InputError, Interrupted, MachineError, UngridError

Work = Callable[[int], Mapping[str, Any]]
ATTEMPTS = 2  # at a job whose process was killed under it
ORPHAN_SECONDS = 1.0  # within which a worker notices that its parent is gone
MOST_WORKERS = 1024


@dataclass(frozen=True)
class Outcome:
    """What became of a job: its result, or in words why there is none."""

    number: int
    result: Mapping[str, Any] | None
    error: str | None = None


def run_jobs(numbers: Sequence[int], work: Work, *, workers: int = 1, threads: int = 1) -> Iterator[Outcome]:
    """The outcomes of `work(number)` for each number, as they come.

    A job that raises an error of ungrid's own is an outcome; a machine that would not, or an interruption, ends them all. A
    worker that is killed is replaced, and what it was at is tried again.

    Args:
        numbers: of the jobs.
        work: does one of them; what it writes, it writes beside and renames, so that doing it again does no harm. It is pickled
            where there are several workers.
        workers: processes; with 1 the jobs are done here.
        threads: of each process.

    Raises:
        InputError: a number of workers out of range.
        MachineError: disk full, not writable.
        Interrupted: Ctrl-C.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"workers is {workers}; expected 1 to {MOST_WORKERS}")
    if workers == 1 or len(numbers) < 2:
        yield from _here(numbers, work)
    else:
        yield from _pooled(numbers, work, min(workers, len(numbers)), threads)


def _here(numbers: Sequence[int], work: Work) -> Iterator[Outcome]:
    for number in numbers:
        try:
            yield attempt(work, number)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted at job {number}") from None


def _pooled(numbers: Sequence[int], work: Work, workers: int, threads: int) -> Iterator[Outcome]:
    left, attempts = list(numbers), dict.fromkeys(numbers, 0)
    while left:
        context = multiprocessing.get_context("spawn")  # a forked process would inherit locks of threads that it has not
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(work, os.getpid(), threads))
        try:
            for outcome in _outcomes(pool, left, attempts, workers):
                left.remove(outcome.number)
                yield outcome
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted with {len(left)} of {len(numbers)} jobs left") from None
        finally:
            pool.shutdown(wait=not left, cancel_futures=True)
            if left:
                _stop(pool)


def _outcomes(pool: ProcessPoolExecutor, left: Sequence[int], attempts: dict[int, int], workers: int) -> Iterator[Outcome]:
    """Outcomes of one pool until all is done or a worker is killed; few jobs wait in the queue, so that few are lost with it."""
    queue = iter(list(left))
    running: dict[Future[Outcome], int] = {}
    while True:
        broken = False
        for number in queue:
            try:
                running[pool.submit(_do, number)] = number
            except BrokenProcessPool:
                broken = True
                attempts[number] += 1
                break
            if len(running) >= 2 * workers:
                break
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            number = running.pop(future)
            try:
                outcome = future.result()
            except BrokenProcessPool:
                broken = True
                attempts[number] += 1
                if attempts[number] >= ATTEMPTS * workers:  # any of those in the pool may be the one that was at fault
                    yield Outcome(number, None, "its process was killed, as happens when memory runs out")
                continue
            yield outcome
        if broken:
            return


def attempt(work: Work, number: int) -> Outcome:
    """Do one job: an error of ungrid's own is an outcome.

    Raises:
        MachineError, Interrupted: what ends all jobs.
    """
    try:
        return Outcome(number, work(number))
    except (MachineError, Interrupted):
        raise
    except UngridError as error:
        return Outcome(number, None, " ".join(str(error).split()))
    except MemoryError:
        return Outcome(number, None, "there was not enough memory for it")


_WORK: list[Work] = []  # of a worker process: given once, when it starts


def _begin(work: Work, parent: int, threads: int) -> None:
    torch.set_num_threads(threads)
    _WORK[:] = [work]
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """End this process when its parent is gone: a killed parent cannot tell its workers."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)


def _do(number: int) -> Outcome:
    try:
        return attempt(_WORK[0], number)
    except KeyboardInterrupt:  # the parent has its own
        return Outcome(number, None, "interrupted")
    except MachineError:
        raise
    except Exception as error:
        raise RuntimeError(f"{error}\n{traceback.format_exc()}") from None  # tracebacks of other processes are lost


def _stop(pool: ProcessPoolExecutor) -> None:
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()
