"""The one loop: sample, measure, compare, descend. It knows nothing of pictures or rays."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ungrid.errors import InputError, Interrupted
from ungrid.fit.callbacks import Callback
from ungrid.fit.guard import Guard, Watcher
from ungrid.fit.state import FitState


@dataclass(frozen=True)
class Budget:
    """How long a fit may take; it ends at whatever is reached first.

    Args:
        steps: of the optimizer; at least 0.
        max_seconds: in the loop; above 0.
        clock: whose seconds these are: of the wall, or `time.process_time` for the processor's, which others on the machine
            do not touch.

    Raises:
        InputError: neither is given, or one is out of range.
    """

    steps: int | None = None
    max_seconds: float | None = None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        if self.steps is None and self.max_seconds is None:
            raise InputError("a fit needs a budget: steps or max_seconds")
        if (self.steps is not None and self.steps < 0) or (self.max_seconds is not None and not self.max_seconds > 0):
            raise InputError(f"steps is {self.steps} and max_seconds {self.max_seconds}; expected at least 0, and above 0")

    def progress(self, state: FitState) -> float:
        """Fraction of the budget that is used, 0…1."""
        by_step = 0.0 if self.steps is None else (state.step / self.steps if self.steps else 1.0)
        by_time = 0.0 if self.max_seconds is None else state.seconds / self.max_seconds
        return min(1.0, max(by_step, by_time))

    def used_up(self, state: FitState) -> str | None:
        """What ended the fit, or None."""
        if self.steps is not None and state.step >= self.steps:
            return "steps"
        if self.max_seconds is not None and state.seconds >= self.max_seconds:
            return "max_seconds"
        return None


def run(state: FitState, budget: Budget, callbacks: Sequence[Callback] = (), guard: Watcher | None = None) -> FitState:
    """Descend until the budget is used up or a callback sets `state.stopped_by`. The state's field is fitted in place.

    Raises:
        Diverged: the loss stayed unstable after every rollback.
        Interrupted: Ctrl-C; the state is that of the last whole step.
    """
    guard = guard or Guard()
    state.progress = budget.progress(state)
    guard.begin(state)
    begun: list[Callback] = []
    try:
        for callback in callbacks:
            callback.begin(state)
            begun.append(callback)
        _descend(state, budget, callbacks, guard)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted at step {state.step}") from None
    finally:
        for callback in begun:
            callback.end(state)
    return state


def _descend(state: FitState, budget: Budget, callbacks: Sequence[Callback], guard: Watcher) -> None:
    before, start = state.seconds, budget.clock()
    while state.stopped_by is None:
        state.progress = budget.progress(state)
        state.stopped_by = budget.used_up(state)
        if state.stopped_by is not None:
            return
        batches = {t.name: t.sample(state.rng, state.field, state.recipe.batch_size) for t in state.problem.terms}
        losses = state.descend(batches)
        good = guard.check(state, sum(losses.values()))
        state.step += 1
        state.seconds = before + budget.clock() - start
        if good:
            for callback in callbacks:
                callback(state, losses)
            guard.keep(state)
