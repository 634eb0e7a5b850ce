"""Where a list of independent jobs runs: here, on a Dask cluster, or as a Slurm array; the outcomes are the same."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ungrid.errors import Interrupted, MachineError, MissingExtra
from ungrid.fit.jobs import Outcome, Work, attempt, run_jobs
from ungrid.fit.slurm import find_sbatch, submit_jobs
from ungrid.spec import lookup

SCHEDULER = "DASK_SCHEDULER_ADDRESS"  # Dask's own variable


@dataclass(frozen=True)
class Crew:
    """Who does the jobs.

    Args:
        engine: a name in `ENGINES`.
        workers: processes at work at a time.
        threads: of each, where it runs here.
        folder: that all of them see, where what they need may be put.
    """

    engine: str = "local"
    workers: int = 1
    threads: int = 1
    folder: Path = Path()


def carry(numbers: Sequence[int], work: Work, crew: Crew) -> Iterator[Outcome]:
    """The outcomes of `work(number)` for each number, as they come, see `run_jobs`.

    Raises:
        UnknownName: no such engine.
        MissingExtra: Dask is not installed.
        InputError: Slurm is not there, or a number of workers out of range.
        MachineError: disk full, not writable, no cluster where it was said to be, a refused submission.
        Interrupted: Ctrl-C.
    """
    check_engine(crew.engine)
    return ENGINES[crew.engine].run(numbers, work, crew)


def check_engine(name: str) -> None:
    """Raise, before anything is done, where an engine is unknown or not there.

    Raises:
        UnknownName, MissingExtra, InputError: as `carry`.
    """
    lookup(name, ENGINES, "engine").check()


def _here(numbers: Sequence[int], work: Work, crew: Crew) -> Iterator[Outcome]:
    return run_jobs(numbers, work, workers=crew.workers, threads=crew.threads)


def _on_dask(numbers: Sequence[int], work: Work, crew: Crew) -> Iterator[Outcome]:
    """On the cluster of the client that there is, else of the scheduler that the environment names, else on one of our own."""
    import distributed

    if not numbers:
        return
    try:
        client, own = distributed.Client.current(), None
    except ValueError:
        client, own = _client(distributed, crew)
    futures: list[Any] = []
    try:
        shared = client.scatter(work, broadcast=True, hash=False)
        futures = [client.submit(attempt, shared, number, pure=False) for number in numbers]
        order = {future.key: number for future, number in zip(futures, numbers, strict=True)}
        for future in distributed.as_completed(futures):
            yield _outcome(distributed, future, order[future.key])
    except KeyboardInterrupt:
        client.cancel(futures)
        raise Interrupted("interrupted; what is done is kept") from None
    finally:
        for ours in own or ():
            ours.close()


def _client(distributed: Any, crew: Crew) -> tuple[Any, tuple[Any, ...]]:
    """A client of our own, and what is to be closed with it."""
    address = os.environ.get(SCHEDULER)
    try:
        if address:
            client = distributed.Client(address, set_as_default=False)
            return client, (client,)
        cluster = distributed.LocalCluster(n_workers=crew.workers, threads_per_worker=1, dashboard_address=None)
        client = distributed.Client(cluster, set_as_default=False)
        return client, (client, cluster)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())[:160]
        where = f"no Dask scheduler answers at {address} ({SCHEDULER})" if address else "a Dask cluster could not be started"
        raise MachineError(f"{where}: {said}; expected one: start it, or take --engine local") from None


def _outcome(distributed: Any, future: Any, number: int) -> Outcome:
    try:
        outcome: Outcome = future.result()
    except distributed.KilledWorker:
        return Outcome(number, None, "its worker was killed, as happens when memory runs out")
    except distributed.CancelledError:
        return Outcome(number, None, "it was canceled")
    return outcome


def _on_slurm(numbers: Sequence[int], work: Work, crew: Crew) -> Iterator[Outcome]:
    return submit_jobs(numbers, work, workers=crew.workers, folder=crew.folder)


def _check_dask() -> None:
    if find_spec("distributed") is None:
        raise MissingExtra("distributed", "scale", "engine dask")


class Engine(NamedTuple):
    """Whether it is there, and how it does a list of jobs."""

    check: Callable[[], object]
    run: Callable[[Sequence[int], Work, Crew], Iterator[Outcome]]


ENGINES: dict[str, Engine] = {
    "local": Engine(lambda: None, _here),
    "dask": Engine(_check_dask, _on_dask),
    "slurm": Engine(find_sbatch, _on_slurm),
}
