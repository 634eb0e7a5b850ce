"""How time is measured: candidates in turn, on processor and wall clocks, beside what the chip can do.

A shared machine is now fast, now slow. Candidates that take turns meet the same weather, so the ratio within a round holds
where the seconds do not.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

GEMM_SHAPE = (1024, 512, 512)  # fits a core's cache, and large enough for a library's full speed
GEMM_REPEATS = 16
COPY_BYTES = 2**27  # more than a last-level cache's share of a core holds
Row = dict[str, Any]


class Timing(NamedTuple):
    """Seconds of all the process's threads together, and seconds passed."""

    cpu: float
    wall: float

    def of(self, threads: int) -> float:
        """What is compared: seconds of the processor for one thread, which others on the machine do not touch; else passed."""
        return self.cpu if threads == 1 else self.wall


class Candidate(NamedTuple):
    """One of several that do the same thing, under a name; `work` is how much one turn does."""

    name: str
    run: Callable[[], object]
    work: float = 0.0


class Stopwatch:
    """Seconds since it was made, less those within `paused`."""

    def __init__(self) -> None:
        self._start = _now()

    def spent(self) -> Timing:
        """Seconds up to now."""
        now = _now()
        return Timing(now.cpu - self._start.cpu, now.wall - self._start.wall)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside does not count."""
        before = _now()
        try:
            yield
        finally:
            after = _now()
            cpu, wall = after.cpu - before.cpu, after.wall - before.wall
            self._start = Timing(self._start.cpu + cpu, self._start.wall + wall)


def interleaved(candidates: Sequence[Candidate], rounds: int, *, n_threads: int = 1) -> list[list[Timing]]:
    """For each candidate its timings: all take one turn a round, after a turn each that does not count.

    Args:
        candidates: what is compared.
        rounds: at least 1.
        n_threads: of each turn.
    """
    timings: list[list[Timing]] = [[] for _ in candidates]
    with threads(n_threads):
        for turn in range(rounds + 1):
            for candidate, kept in zip(candidates, timings, strict=True):
                watch = Stopwatch()
                candidate.run()
                spent = watch.spent()
                if turn:
                    kept.append(spent)
    return timings


def compared(candidates: Sequence[Candidate], rounds: int, *, n_threads: int = 1, rate: str = "") -> list[Row]:
    """A row for each candidate: median seconds, and the median over rounds of the ratio to the first one.

    Args:
        candidates: what is compared, the plainest first.
        rounds: as in `interleaved`.
        n_threads: likewise.
        rate: key of work per second, such as "gflops" where work is in 10⁹ floating-point operations; "" for none.

    Returns:
        rows with name, threads, cpu_seconds, wall_seconds, clock (which of them is compared), versus, times_faster, the rate.
    """
    timings = interleaved(candidates, rounds, n_threads=n_threads)
    rows = []
    for candidate, mine in zip(candidates, timings, strict=True):
        row: Row = {
            "name": candidate.name,
            "threads": n_threads,
            "cpu_seconds": statistics.median(timing.cpu for timing in mine),
            "wall_seconds": statistics.median(timing.wall for timing in mine),
            "clock": "cpu" if n_threads == 1 else "wall",
            "versus": candidates[0].name,
            "times_faster": statistics.median(a.of(n_threads) / b.of(n_threads) for a, b in zip(timings[0], mine, strict=True)),
        }
        if rate:
            row[rate] = candidate.work / statistics.median(timing.of(n_threads) for timing in mine)
        rows.append(row)
    return rows


def beside_gemm(candidates: Sequence[Candidate], rounds: int, *, n_threads: int = 1) -> list[Row]:
    """As `compared`, work in 10⁹ operations, with a `gemm_probe` in every round: gflops, and percent_of_gemm."""
    *rows, probe = compared([*candidates, gemm_probe()], rounds, n_threads=n_threads, rate="gflops")
    return [row | {"percent_of_gemm": 100 * row["gflops"] / probe["gflops"]} for row in rows]


def gemm_probe() -> Candidate:
    """Matrix products of 1024×512×512 in float32, in 10⁹ operations: what no network of such layers can exceed."""
    m, k, n = GEMM_SHAPE
    left, right, out = torch.full((m, k), 0.5), torch.full((k, n), 0.25), torch.empty(m, n)

    def run() -> None:
        for _ in range(GEMM_REPEATS):
            torch.mm(left, right, out=out)

    return Candidate("gemm", run, 2e-9 * m * k * n * GEMM_REPEATS)


def copy_probe() -> Candidate:
    """A copy of 128 MiB in main memory, in 10⁹ bytes that are copied: each is read once and written once."""
    source = torch.zeros(COPY_BYTES // 4)
    target = torch.empty_like(source)
    return Candidate("copy", lambda: target.copy_(source), COPY_BYTES / 1e9)


@contextmanager
def threads(n: int) -> Iterator[None]:
    """PyTorch and the kernels use n threads within it."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _now() -> Timing:
    return Timing(time.process_time(), time.perf_counter())
