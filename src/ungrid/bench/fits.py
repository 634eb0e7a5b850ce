"""A fit under the clock: its seconds on both clocks, and when it crossed which PSNR on all samples."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from ungrid.bench.measure import Stopwatch, Timing
from ungrid.fields.base import Field
from ungrid.fit.callbacks import Callback
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.fit.state import FitState
from ungrid.fitting import carry_out
from ungrid.metrics.error import psnr
from ungrid.presets.plan import plan_signal
from ungrid.signals.base import Signal

GROWTH = 1.08  # of the seconds spent from one look at all samples to the next: no crossing is told later than by this


class Fitted(NamedTuple):
    """A fitted field, the seconds of planning and fitting it, and those at which it crossed each PSNR, None where never."""

    field: Field
    spent: Timing
    crossed: dict[float, Timing | None]


def timed_fit(
    signal: Signal,
    preset: str,
    *,
    mask: Tensor | None = None,
    thresholds: Sequence[float] = (),
    steps: int | None = None,
    seed: int = 0,
) -> Fitted:
    """Plan and fit under the clock, from a signal in memory to a field in memory; looking at the quality does not count.

    Args:
        signal: what is fitted.
        preset: an effort or a published setting.
        mask: which samples are known, or None.
        thresholds: dB, of PSNR on all samples.
        steps: fewer than the preset's own, or None.
        seed: of the fit.
    """
    watch = _Crossings(signal, thresholds)
    plan = plan_signal(signal, preset, mask=mask, seed=seed)
    field = carry_out(plan, Limits(steps), seed=seed, device="cpu", guard=Guard(), callbacks=[watch])
    assert watch.total is not None
    return Fitted(field, watch.total, watch.crossed)


def quality(field: Field, signal: Signal) -> float:
    """PSNR [dB] of a field on a signal's samples, values of no fixed range as they are, others clipped to it."""
    drawn = field.sample(signal.grid)
    return psnr(signal.shown(drawn), signal.values)


class _Crossings(Callback):
    """Looks at all samples now and then, off the clock, and keeps when each threshold was crossed."""

    def __init__(self, signal: Signal, thresholds: Sequence[float]):
        self._signal, self._watch, self._next = signal, Stopwatch(), 0.0
        self.crossed: dict[float, Timing | None] = dict.fromkeys(thresholds)
        self.total: Timing | None = None

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Look, if it is time and something is left to cross."""
        spent = self._watch.spent()
        if spent.cpu >= self._next and None in self.crossed.values():
            self._look(state, spent)
            self._next = GROWTH * spent.cpu

    def end(self, state: FitState) -> None:
        """The clock stops with the loop."""
        self.total = self._watch.spent()
        self._look(state, self.total)

    def _look(self, state: FitState, spent: Timing) -> None:
        with self._watch.paused():
            reached = quality(state.field, self._signal) if None in self.crossed.values() else -math.inf
        for threshold, before in self.crossed.items():
            if before is None and reached >= threshold:
                self.crossed[threshold] = spent
