"""The engine's suite: steps, decoding, seconds to a quality and quality between samples, with no package but our own needed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from ungrid.bench.decoding import FRAME, decode
from ungrid.bench.fits import timed_fit
from ungrid.bench.measure import Row, compared, copy_probe, gemm_probe
from ungrid.bench.pictures import center
from ungrid.bench.quality import between_samples, time_to_quality
from ungrid.bench.steps import hash_double_backward, hash_step, siren_step, small_step
from ungrid.signals.base import Signal
from ungrid.signals.phantoms import zone_plate
from ungrid.spec import lookup


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Args:
        points: samples of a training step.
        rounds: turns of each candidate; the row has the medians.
        decode_points: of the strip that is drawn.
        frame: rows and columns of the picture that the strip is of.
        presets: efforts that are fitted.
        n_pictures: of those given, at most; None for all.
        side: pixels of the middle of a picture that are fitted; None for all of it. For `between_samples` at most 256, which
            biharmonic inpainting can do.
        steps: of each fit, or None for the preset's own.
    """

    points: int = 65_536
    rounds: int = 5
    decode_points: int = 130_560  # 34 rows of 3840
    frame: tuple[int, int] = FRAME
    presets: tuple[str, ...] = ("fast", "balanced", "best")
    n_pictures: int | None = None
    side: int | None = None
    steps: int | None = None


FULL = Sizes()
QUICK = Sizes(points=16_384, rounds=2, decode_points=15_360, presets=("fast", "balanced"), n_pictures=1, side=128)
BETWEEN_SIDE = 256


@dataclass(frozen=True)
class Work:
    """What a measurement is given: sizes, pictures by name, the seed of fits and masks."""

    sizes: Sizes
    pictures: Mapping[str, Signal]
    seed: int = 0

    def chosen(self, most_side: int | None = None) -> Iterator[tuple[str, Signal]]:
        """Names and pictures, as many and as large as the sizes say."""
        sides = [side for side in (self.sizes.side, most_side) if side is not None]
        for name, signal in list(self.pictures.items())[: self.sizes.n_pictures]:
            yield name, center(signal, min(sides, default=None))


def run(work: Work, names: Sequence[str] = (), *, tell: Callable[[str], None] = lambda line: None) -> list[Row]:
    """All rows of the named measurements, or of all of them.

    Args:
        work: sizes and pictures.
        names: of `MEASUREMENTS`; none for all.
        tell: is told what is measured next.

    Raises:
        UnknownName: no such measurement.
    """
    measurements = {name: lookup(name, MEASUREMENTS, "measurement") for name in names} or MEASUREMENTS
    rows: list[Row] = []
    for name, measure in measurements.items():
        tell(f"{name} …")
        rows.extend(measure(work))
    return rows


def thread_counts() -> tuple[int, ...]:
    """One thread, and two where there are as many and the process may use them."""
    return (1, 2) if torch.get_num_threads() > 1 else (1,)


def _limits(work: Work) -> Iterator[Row]:
    """Matrix products in GF/s, and copying in GB/s of what is copied."""
    for n_threads in thread_counts():
        for probe, rate in ((gemm_probe(), "gflops"), (copy_probe(), "gigabytes_per_second")):
            (row,) = compared([probe], work.sizes.rounds, n_threads=n_threads, rate=rate)
            yield {"measurement": "limits", **{key: row[key] for key in ("name", "threads", "cpu_seconds", "wall_seconds", rate)}}


def _siren_step(work: Work) -> Iterator[Row]:
    yield from siren_step(work.sizes.points, work.sizes.rounds, thread_counts())


def _hash_step(work: Work) -> Iterator[Row]:
    for dim in (2, 3):
        yield from hash_step(dim, work.sizes.points, work.sizes.rounds)
        yield from hash_double_backward(dim, work.sizes.points, work.sizes.rounds)


def _small_step(work: Work) -> Iterator[Row]:
    for n_points in (2_048, 4_096):
        yield from small_step(min(n_points, work.sizes.points), work.sizes.rounds)


def _decode(work: Work) -> Iterator[Row]:
    yield from decode(work.sizes.decode_points, work.sizes.rounds, frame=work.sizes.frame)


def _time_to_quality(work: Work) -> Iterator[Row]:
    _warm_up(work.sizes.presets)
    for name, signal in work.chosen():
        yield from time_to_quality(name, signal, work.sizes.presets, steps=work.sizes.steps, seed=work.seed)


def _between_samples(work: Work) -> Iterator[Row]:
    _warm_up(work.sizes.presets)
    for name, signal in work.chosen(BETWEEN_SIDE):
        yield from between_samples(name, signal, work.sizes.presets, steps=work.sizes.steps, seed=work.seed)


def _warm_up(presets: Sequence[str]) -> None:
    """What is imported and loaded at a process's first fit is not the fit's."""
    for preset in presets:
        timed_fit(zone_plate(16), preset, steps=2)


MEASUREMENTS: dict[str, Callable[[Work], Iterator[Row]]] = {
    "limits": _limits,
    "siren_step": _siren_step,
    "hash_step": _hash_step,
    "small_step": _small_step,
    "decode": _decode,
    "time_to_quality": _time_to_quality,
    "between_samples": _between_samples,
}
