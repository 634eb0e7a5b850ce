"""A recording of a low rate at a higher one, and what can be said of the frequencies that it does not have."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from ungrid.classical.resampling import papers as replication_papers
from ungrid.classical.resampling import replicated, resampled
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.metrics.audio import snr
from ungrid.restoration.choose import AUTO
from ungrid.restoration.undone import Undone
from ungrid.signals.base import Signal
from ungrid.spec import lookup

MOST_RATIO = 8.0
TRIED = 2**18  # samples that candidates are judged on, at most: 6 s at 44.1 kHz


@dataclass(frozen=True)
class Bandwidth:
    """A recording was sampled too seldom for its highest frequencies.

    Args:
        highest: that the result can hold, in Hz; its rate is twice that.
    """

    highest: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.highest) and self.highest > 0):
            raise InputError(f"the bandwidth is {self.highest}; expected a number of Hz above 0")


class BandwidthCandidate(NamedTuple):
    """One way to a higher rate: its name for a person, the function of samples, ratio and old rate, its papers."""

    said: str
    restore: Callable[[Tensor, float, float], Tensor]
    papers: tuple[str, ...] = ()


def _resampled(values: Tensor, ratio: float, rate: float) -> Tensor:
    return resampled(values, ratio, round(len(values) * ratio))


def _replicated(values: Tensor, ratio: float, rate: float) -> Tensor:
    return replicated(_resampled(values, ratio, rate), rate / 2, rate * ratio)


BANDWIDTH_CANDIDATES: Mapping[str, BandwidthCandidate] = {
    "resampled": BandwidthCandidate("band-limited resampling, with nothing above the old band", _resampled),
    "replicated": BandwidthCandidate("copies of the band's upper half above it", _replicated, replication_papers),
}


def restore_bandwidth(signal: Signal, losses: Sequence[Bandwidth], method: str = AUTO) -> Undone:
    """The recording at a higher rate.

    "auto" makes a recording of half the rate, asks the candidates for the one that there was, and takes the one of highest SNR:
    so far band-limited resampling, on every recording tried, as phases above the band cannot be told from what is below.

    Args:
        signal: a sound.
        losses: one `Bandwidth`.
        method: "auto", "classical", or a name in `BANDWIDTH_CANDIDATES`.

    Raises:
        UnknownName: no such method.
        InputError: a bandwidth that the recording has, or more than 8 times of that; several losses.
    """
    lookup(method, dict.fromkeys([AUTO, "classical", *BANDWIDTH_CANDIDATES]), "method of extending the bandwidth")
    if len(losses) > 1:
        raise InputError(f"{len(losses)} bandwidths; expected one")
    rate = 1 / signal.grid.spacing[0]
    ratio = 2 * losses[0].highest / rate
    if not 1 < ratio <= MOST_RATIO:
        raise InputError(
            f"a bandwidth of {losses[0].highest:g} Hz; the recording holds {rate / 2:g} Hz, expected more, up to "
            f"{MOST_RATIO * rate / 2:g} Hz"
        )
    heldout = _judged(signal.values, rate) if method not in BANDWIDTH_CANDIDATES else {}
    best = method if method in BANDWIDTH_CANDIDATES else max(heldout, key=lambda name: heldout[name])
    start = time.monotonic()
    values = BANDWIDTH_CANDIDATES[best].restore(signal.values, ratio, rate)
    (low, _), n = signal.box.bounds[0], len(values)
    box = Box(("t",), ((low, low + n / (2 * losses[0].highest)),), signal.box.units)
    how = " (best of what was hidden to judge by)" if heldout else ""
    return Undone(
        values,
        Grid(box, (n,)),
        f"bandwidth:{rate / 2:g}->{losses[0].highest:g} Hz",
        BANDWIDTH_CANDIDATES[best].said + how,
        {best: 1.0},
        list(BANDWIDTH_CANDIDATES),
        "filter",
        BANDWIDTH_CANDIDATES[best].papers,
        {name: round(decibels, 3) for name, decibels in heldout.items()},
        {best: round(time.monotonic() - start, 3)},
    )


def _judged(values: Tensor, rate: float) -> dict[str, float]:
    """SNR in dB of a recording told from one of half the rate."""
    first = max(0, (len(values) - TRIED) // 2)
    truth = values[first : first + TRIED]
    truth = truth[: len(truth) // 2 * 2]
    half = resampled(truth, 0.5, len(truth) // 2)
    return {
        name: min(snr(candidate.restore(half, 2.0, rate / 2), truth), 300.0) for name, candidate in BANDWIDTH_CANDIDATES.items()
    }
