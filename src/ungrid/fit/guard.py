"""The divergence guard: notices a loss that explodes, goes back, and lowers the rate."""

import math
from typing import Protocol, runtime_checkable

import torch

from ungrid.errors import Diverged
from ungrid.fit.state import FitState, Snapshot

SPIKE = 100.0  # a batch's loss this many times its running mean is no noise of sampling
MEMORY = 0.95  # of the running mean, which so looks back over about 20 steps
MAX_ROLLBACKS = 8


@runtime_checkable
class Watcher(Protocol):
    """What the loop asks after each step: `Guard` for one field, `ungrid.fit.many.MemberGuard` for a stack."""

    def begin(self, state: FitState) -> None:
        """Before the first step."""
        ...

    def check(self, state: FitState, loss: float) -> bool:
        """Whether the step was good; if not, the state has gone back."""
        ...

    def keep(self, state: FitState) -> None:
        """After a good step is counted."""
        ...


class Guard:
    """Keeps the last good snapshot, and returns to its weights at half the rate when the loss explodes or is no number.

    Snapshots are taken at fixed steps, so that a fit that continues from one takes the same path again.

    Args:
        every: steps between snapshots.
    """

    def __init__(self, every: int = 50):
        self.every = every
        self.last: Snapshot | None = None

    def begin(self, state: FitState) -> None:
        """Take the first snapshot."""
        state.extra.setdefault("guard", {"mean": None, "rollbacks": 0})
        self.last = state.snapshot()

    def check(self, state: FitState, loss: float) -> bool:
        """Whether the step was good; if not, the state has gone back.

        Raises:
            Diverged: after eight rollbacks.
        """
        memory = state.extra["guard"]
        mean = memory["mean"]
        bad = not math.isfinite(loss) or (mean is not None and loss > SPIKE * mean + 1e-12)
        due = (state.step + 1) % self.every == 0
        if not bad and due:
            bad = not all(bool(torch.isfinite(p).all()) for p in state.field.parameters())
        if bad:
            self._roll_back(state, loss)
            return False
        memory["mean"] = loss if mean is None else MEMORY * mean + (1 - MEMORY) * loss
        return True

    def keep(self, state: FitState) -> None:
        """Take a snapshot when one is due; called after the step is counted."""
        if state.step % self.every == 0:
            self.last = state.snapshot()

    def _roll_back(self, state: FitState, loss: float) -> None:
        memory = state.extra["guard"]
        memory["rollbacks"] += 1
        if memory["rollbacks"] > MAX_ROLLBACKS or self.last is None:
            raise Diverged(
                f"the fit diverged: the loss is {loss:.3g} at step {state.step} after {MAX_ROLLBACKS} rollbacks, the last at "
                f"a rate of {state.recipe.learning_rate * state.rate_factor:.3g}; choose a lower learning rate"
            )
        state.restore_weights(self.last)
        state.rate_factor *= 0.5
        memory["mean"] = None
        state.notes.append(
            f"step {state.step}: the loss rose to {loss:.3g}; went back to step {self.last.plain['step']}, "
            f"learning rate × {state.rate_factor:g}"
        )
