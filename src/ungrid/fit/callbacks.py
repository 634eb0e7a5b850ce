"""What happens beside the descent: watching, holding out, annealing. The loop calls each after every step."""

import math
import time
from collections.abc import Mapping
from typing import Any

from ungrid.fit.state import FitState

GIVE_BACK_AT = 0.75  # of the fit: late enough to tell, early enough for the held-out samples to be learned

LOOK_AT = (0.15, 0.4, 0.7)  # of the fit; docs/explain/loop.md has what other times gave


class Callback:
    """Does nothing; a final class overrides what it needs."""

    def begin(self, state: FitState) -> None:
        """Before the first step, or after a resume."""

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """After each step; `losses` holds the weighted loss of each term on that step's batch."""

    def end(self, state: FitState) -> None:
        """After the last step, also when the fit is stopped by an error."""


class Monitor(Callback):
    """Measures PSNR on a small fixed sample now and then, keeps the curve, and stops the fit at a target.

    Args:
        every_seconds: least time between two measurements.
        target_psnr: dB at which to stop, confirmed on everything that is known; None to go on.
    """

    def __init__(self, every_seconds: float = 0.5, *, target_psnr: float | None = None):
        self.every_seconds, self.target_psnr = every_seconds, target_psnr
        self._next = 0.0

    def begin(self, state: FitState) -> None:
        """Start the curve."""
        state.extra.setdefault("curve", [])
        self._next = time.monotonic() + self.every_seconds / 2

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Measure if it is time."""
        judge = state.problem.judge
        if judge is None or time.monotonic() < self._next:
            return
        state.psnr = judge.monitor(state.field)
        measured = round(state.psnr, 3) if math.isfinite(state.psnr) else None  # of an exact match, as JSON has it
        state.extra["curve"].append([state.step, round(state.seconds, 3), measured])
        if self.target_psnr is not None and state.psnr >= self.target_psnr:
            HeldOut.measure(state)
            judge.give_back()
            quality = judge.quality(state.field)["psnr"]
            if quality is None or quality >= self.target_psnr:
                state.stopped_by = "target_psnr"
        self._next = time.monotonic() + self.every_seconds


class HeldOut(Callback):
    """Measures the field on samples it has not seen, once, then gives them to the fit."""

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Measure and give back when three quarters of the fit are done."""
        if state.progress >= GIVE_BACK_AT:
            self.measure(state)

    def end(self, state: FitState) -> None:
        """A fit that ends earlier is measured now."""
        self.measure(state)

    @staticmethod
    def measure(state: FitState) -> None:
        """Measure and give back, unless that was done before."""
        if state.problem.judge is None or "heldout" in state.extra:
            return
        state.extra["heldout"] = state.problem.judge.heldout(state.field)
        state.problem.judge.give_back()
        for term in state.problem.terms:  # one that can take them in at once, also when no step is left
            absorb = getattr(term, "absorb", None)
            if absorb is not None:
                absorb(state.field)


class Refocus(Callback):
    """Looks at all observations a few times and lets each term's sampler draw more often what is wrong, if it wants to."""

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Look if it is time."""
        looks = state.extra.get("looks", 0)
        if looks < len(LOOK_AT) and state.progress >= LOOK_AT[looks]:
            state.extra["looks"] = looks + 1
            for term in state.problem.terms:
                refocus = getattr(term, "refocus", None)
                if refocus is not None:
                    refocus(state.field)


class Anneal(Callback):
    """Tells every part that asks (`anneal(progress)`) how far the fit is: coarse-to-fine encodings, unless at rest."""

    def begin(self, state: FitState) -> None:
        """Find the parts."""
        self._parts: list[Any] = [part for part in state.field.modules() if part.training and hasattr(part, "anneal")]
        self._tell(state.progress)

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Tell them."""
        self._tell(state.progress)

    def end(self, state: FitState) -> None:
        """A finished field shows everything."""
        self._tell(1.0)

    def _tell(self, progress: float) -> None:
        for part in self._parts:
            part.anneal(progress)
