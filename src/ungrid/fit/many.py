"""Many signals at once: what the loop needs to fit a stack of fields whose members know nothing of each other.

The loop, its budget and its schedule are the ones of a single fit. Here is what differs for a stack: batches of the same places
in all signals, a loss for each member, and a guard that goes back, slows down or gives up member by member.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fit.callbacks import Callback
from ungrid.fit.guard import MAX_ROLLBACKS, MEMORY, SPIKE
from ungrid.fit.orders import FOCUSED, MOST_OFTEN, SIXTEENTHS, Shuffled
from ungrid.fit.state import FitState, Snapshot
from ungrid.shapes import FieldLike
from ungrid.spec import lookup
from ungrid.terms.regression import LOSSES

LOOKED_AT = 2**11  # places that are compared at once


@dataclass(frozen=True, eq=False)
class MemberBatch:
    """The same places in every signal.

    Args:
        query: [n, d] coords.
        target: [n, members, c] what is there.
        weight: [n, members] how much each sample counts, 1 on average over a member's samples; None where all count alike.
    """

    query: Float[Tensor, "n d"]
    target: Float[Tensor, "n members c"]
    weight: Float[Tensor, "n members"] | None = None

    def __len__(self) -> int:
        return len(self.query)


class MemberSampler:
    """Batches of the same places in signals of one shape: each place once a pass, each pass in a new random order.

    Args:
        grid: where the values lie.
        values: [members, *grid.shape, c].

    Raises:
        InputError: values of another shape.
    """

    def __init__(self, grid: Grid, values: Float[Tensor, "members *shape c"]):
        if tuple(values.shape[1:-1]) != grid.shape:
            raise InputError(f"values of shape {tuple(values.shape)} do not lie on a grid of {grid.shape}")
        self.points = grid.points(dtype=values.dtype, device=values.device).reshape(grid.size, -1)
        self.values = values.flatten(1, -2).movedim(1, 0).contiguous()  # a place's values lie together
        self.weights: Tensor | None = None
        self.order = Shuffled()

    def __len__(self) -> int:
        return len(self.points)

    def sample(self, rng: torch.Generator, batch_size: int | None) -> MemberBatch:
        """The next batch; all places, in their order, for `batch_size` None."""
        if batch_size is None or batch_size >= len(self):
            return MemberBatch(self.points, self.values, self.weights)
        return self._gather(self.order.draw(len(self), batch_size, rng).to(self.points.device))

    def focus(self, errors: Float[Tensor, "n members"]) -> None:
        """Let samples count by how wrong their member is there, as often as `Focused` would draw them.

        All members share the places of a batch, so that what is wrong in one of them counts more instead of coming more often. A
        member that is right everywhere, or no number, counts evenly.
        """
        mean = errors.mean(dim=0, keepdim=True)
        often = (errors / mean).clamp_max(MOST_OFTEN) + 1 / SIXTEENTHS
        weights = (1 - FOCUSED) + FOCUSED * often / often.mean(dim=0, keepdim=True)
        self.weights = torch.where(torch.isfinite(mean) & (mean > 0), weights, torch.ones_like(weights))

    def state(self) -> dict[str, Any]:
        """What `restore` needs to continue the same sequence of batches."""
        return {"order": self.order.state(), "weights": self.weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        self.order.restore(state["order"])
        self.weights = state["weights"]

    def to(self, device: torch.device) -> None:
        """Move what is sampled to a device."""
        self.points, self.values = self.points.to(device), self.values.to(device)
        self.weights = None if self.weights is None else self.weights.to(device)

    def _gather(self, index: Int[Tensor, " n"]) -> MemberBatch:
        weights = None if self.weights is None else self.weights.index_select(0, index)
        return MemberBatch(self.points.index_select(0, index), self.values.index_select(0, index), weights)


class MemberMisfit:
    """The data term of a stack: a loss for each member [members], by the loss that the recipe names.

    Args:
        sampler: where the batches come from.
    """

    name = "misfit"

    def __init__(self, sampler: MemberSampler):
        self.sampler = sampler

    def weight(self, progress: float) -> float:
        """Always 1."""
        return 1.0

    def sample(self, rng: torch.Generator, field: FieldLike, batch_size: int | None) -> MemberBatch:
        """The next batch."""
        return self.sampler.sample(rng, batch_size)

    def __call__(self, field: FieldLike, batch: MemberBatch) -> Float[Tensor, " members"]:
        """Each member's loss on a batch."""
        recipe = getattr(field, "recipe", None)
        loss = lookup("squared_error" if recipe is None else recipe.loss, LOSSES, "loss")
        prediction, target = field(batch.query), batch.target
        if batch.weight is None:
            losses: Tensor = torch.vmap(loss, in_dims=1)(prediction, target)
            return losses
        each: Tensor = torch.vmap(torch.vmap(loss))(prediction, target)  # [n, members]
        return (batch.weight * each).mean(dim=0)

    @torch.no_grad()
    def refocus(self, field: FieldLike) -> None:
        """Look at all places, and let those count more where a member is wrong."""
        batches = (self.sampler._gather(part) for part in torch.arange(len(self.sampler)).split(LOOKED_AT))
        errors = [(field(batch.query) - batch.target).square().mean(dim=-1).sqrt() for batch in batches]
        self.sampler.focus(torch.cat(errors))


class MemberGuard:
    """The divergence guard of a stack: each member by itself goes back to its last good weights, at half its rate.

    A member whose loss explodes or is no number goes back; after eight times, or when it was told to stop, its weights stay as
    they are. The others take the same steps, to the bit, as if it were not there.

    Args:
        n_members: of the stack.
        every: steps between snapshots.
    """

    def __init__(self, n_members: int, every: int = 50):
        self.every = every
        self.last: Snapshot | None = None
        self.rates = torch.ones(n_members)  # factor of each member's steps; 0 for one that has stopped
        self.rollbacks = torch.zeros(n_members, dtype=torch.long)
        self.means = torch.full((n_members,), math.nan)
        self.stopped: dict[int, str] = {}  # member → what ended it before the others
        self._held: list[Tensor] = []

    def begin(self, state: FitState) -> None:
        """Take the first snapshot."""
        self.last = state.snapshot()

    def check(self, state: FitState, loss: float) -> bool:
        """Look at each member's loss; always true, since members go back by themselves and the stack goes on."""
        losses = state.member_losses
        assert losses is not None, "the terms of a stack give a loss for each member"
        losses = losses.cpu()
        self._slow_down(state)
        active = self.rates > 0
        bad = ~torch.isfinite(losses) | (losses > SPIKE * self.means + 1e-12)  # never above a mean that is not yet known
        if (state.step + 1) % self.every == 0:
            bad |= ~finite_members(state.field)
        self.means = torch.where(torch.isnan(self.means), losses, MEMORY * self.means + (1 - MEMORY) * losses)
        for member in (bad & active).nonzero().flatten().tolist():
            self._roll_back(state, member)
        self._hold(state)
        return True

    def keep(self, state: FitState) -> None:
        """Take a snapshot when one is due."""
        if state.step % self.every == 0:
            self.last = state.snapshot()

    def stop(self, state: FitState, member: int, why: str) -> None:
        """Leave a member as it is from now on; the stack stops when all its members have."""
        self.stopped[member] = why
        self.rates[member] = 0.0
        self._hold(state)
        if len(self.stopped) == len(self.rates):
            state.stopped_by = why

    def _roll_back(self, state: FitState, member: int) -> None:
        assert self.last is not None
        self.rollbacks[member] += 1
        with torch.no_grad():
            for name, parameter in state.field.named_parameters():
                parameter[member] = self.last.tensors[f"field.{name}"][member]
        restore_moments(state, self.last, member)
        self.means[member] = math.nan
        self.rates[member] *= 0.5
        if self.rollbacks[member] > MAX_ROLLBACKS:
            self.stop(state, member, "diverged")

    def _slow_down(self, state: FitState) -> None:
        """Take back a part of the last step of members whose rate is below 1, or all of it."""
        slow = self._slow()
        with torch.no_grad():
            for parameter, held in zip(state.field.parameters(), self._held, strict=False):
                rates = self.rates[slow].to(held).reshape(-1, *[1] * (held.ndim - 1))
                step = torch.where(rates > 0, rates * (parameter[slow] - held), 0.0)  # of one that has stopped: not even NaN
                parameter[slow] = held + step

    def _hold(self, state: FitState) -> None:
        slow = self._slow()
        self._held = [parameter.detach()[slow] for parameter in state.field.parameters()] if len(slow) else []

    def _slow(self) -> Tensor:
        return (self.rates < 1).nonzero().flatten()


class MemberTarget(Callback):
    """Stops each member when its error on a batch of all places is below a target, measured now and then.

    Args:
        guard: of the stack, which holds members that have stopped.
        target: [members, *shape, c] the signals.
        grid: where they lie.
        most: [members] mean squared error at which a member is good enough.
        every_seconds: least time between two measurements.
    """

    def __init__(self, guard: MemberGuard, grid: Grid, target: Tensor, most: Tensor, *, every_seconds: float = 0.5):
        self.guard, self.most, self.every_seconds = guard, most, every_seconds
        self._all = MemberSampler(grid, target)
        self._next = 0.0

    def begin(self, state: FitState) -> None:
        """Start the clock."""
        self._all.to(next(state.field.parameters()).device)
        self._next = time.monotonic() + self.every_seconds

    def __call__(self, state: FitState, losses: Mapping[str, float]) -> None:
        """Measure if it is time."""
        if time.monotonic() < self._next:
            return
        errors = member_errors(state.field, self._all).cpu()
        for member in ((errors <= self.most) & (self.guard.rates > 0)).nonzero().flatten().tolist():
            self.guard.stop(state, member, "target_psnr")
        self._next = time.monotonic() + self.every_seconds


@torch.no_grad()
def member_errors(field: Any, sampler: MemberSampler) -> Float[Tensor, " members"]:
    """Mean squared error of each member over all places and channels."""
    parts = (sampler._gather(part) for part in torch.arange(len(sampler)).split(LOOKED_AT))
    sums = [(field(part.query) - part.target).square().double().mean(dim=-1).sum(dim=0) for part in parts]
    return torch.stack(sums).sum(dim=0) / len(sampler)


def finite_members(field: Any) -> Tensor:
    """Of each member, whether all its weights are numbers [members]."""
    found = [torch.isfinite(parameter.detach()).flatten(1).all(dim=1).cpu() for parameter in field.parameters()]
    return torch.stack(found).all(dim=0)


def restore_moments(state: FitState, snapshot: Snapshot, member: int) -> None:
    """Give one member the optimizer's averages of a snapshot; time goes on."""
    moments = getattr(state.optimizer, "moments", [])
    for index, own in enumerate(moments):
        for name in ("exp_avg", "exp_avg_sq"):
            if name not in own:
                continue
            then = snapshot.tensors.get(f"optimizer.moments.{index}.{name}")
            own[name][member] = 0.0 if then is None else then[member]
