"""Where batches come from: observations, drawn in some order."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.domain.sampling import Batch
from ungrid.errors import InputError
from ungrid.fit.orders import Focused, Order

LOOKED_AT = 2**16  # observations that are compared at once
SCATTERED = 2**20  # samples beyond which a batch is visited in the order of memory


@runtime_checkable
class Observations(Protocol):
    """Indexed queries and targets."""

    def __len__(self) -> int: ...

    def gather(self, index: Tensor) -> Batch:
        """The observations at these indices, as one batch."""
        ...

    def correct(self, index: Tensor, target: Tensor) -> None:
        """Replace what was observed at these indices, in place."""
        ...

    def to(self, device: torch.device) -> "Observations":
        """The same observations on a device."""
        ...


def is_long(grid: Grid) -> bool:
    """Whether float32 coordinates of the box would be off by more than a hundredth of a sample somewhere."""
    ends = (max(abs(low), abs(high)) / pitch for (low, high), pitch in zip(grid.box.bounds, grid.spacing, strict=True))
    return max(ends) > 2**24 / 100


class GridObservations:
    """Values at the points of a grid; the points are computed when they are asked for, not stored.

    Args:
        grid: where the values lie; of one that `is_long` the points are float64.
        values: [*grid.shape, c].
        weight: [*grid.shape, c] or [*grid.shape, 1] what each value counts; None for 1.
    """

    def __init__(self, grid: Grid, values: Float[Tensor, "*shape c"], weight: Float[Tensor, "*shape w"] | None = None):
        self.grid = grid
        self.values = values.reshape(grid.size, values.shape[-1])
        self.weight = None if weight is None else weight.reshape(grid.size, weight.shape[-1])
        dtype, device = torch.float64 if is_long(grid) else values.dtype, values.device
        self._axes = [grid.axis_coords(axis, dtype=dtype, device=device) for axis in range(grid.box.dim)]

    def __len__(self) -> int:
        return self.grid.size

    def gather(self, index: Int[Tensor, " n"]) -> Batch:
        """Points [n, d] in the box's units and values [n, c] at flat (row-major) indices."""
        index = index.to(self.values.device)
        coords, left = [], index
        for axis in reversed(range(len(self._axes))):
            n = self.grid.shape[axis]
            coords.append(self._axes[axis].index_select(0, left % n))  # several times as fast as indexing
            left = torch.div(left, n, rounding_mode="floor")
        weight = None if self.weight is None else self.weight.index_select(0, index)
        return Batch(torch.stack(coords[::-1], dim=-1), self.values.index_select(0, index), weight=weight)

    def correct(self, index: Int[Tensor, " n"], target: Float[Tensor, "n c"]) -> None:
        """Replace the values at these indices, in place."""
        self.values[index.to(self.values.device)] = target.to(self.values)

    def to(self, device: torch.device) -> "GridObservations":
        """The same observations on a device."""
        weight = None if self.weight is None else self.weight.to(device).reshape(*self.grid.shape, -1)
        return GridObservations(self.grid, self.values.to(device).reshape(*self.grid.shape, -1), weight)


class PointObservations:
    """Queries and targets as they were measured, in no order.

    Args:
        query: [n, q].
        target: [n, *c].
        weight: [n, c] or [n, 1] what each number of the target counts; None for 1.
    """

    def __init__(self, query: Float[Tensor, "n q"], target: Float[Tensor, "n *c"], weight: Float[Tensor, "n w"] | None = None):
        if len(query) != len(target):
            raise InputError(f"{len(query)} queries but {len(target)} targets; expected one target for each query")
        self.query, self.target, self.weight = query, target, weight

    def __len__(self) -> int:
        return len(self.query)

    def gather(self, index: Int[Tensor, " n"]) -> Batch:
        """The observations at these indices."""
        return Batch(self.query[index], self.target[index], weight=None if self.weight is None else self.weight[index])

    def correct(self, index: Int[Tensor, " n"], target: Float[Tensor, "n *c"]) -> None:
        """Replace the targets at these indices, in place."""
        self.target[index.to(self.target.device)] = target.to(self.target)

    def to(self, device: torch.device) -> "PointObservations":
        """The same observations on a device."""
        weight = None if self.weight is None else self.weight.to(device)
        return PointObservations(self.query.to(device), self.target.to(device), weight)


class IndexSampler:
    """Batches of some observations, in an order that is given.

    Args:
        observations: what is sampled.
        order: how; an object of `ungrid.fit.orders`.
        known: [n] indices that may be drawn, or None for all.
        withheld: [m] indices that may be drawn only after `give_back`, or None.
        truth: [m, c] what is observed at `withheld` after `give_back`, where the observations hold something else until then;
            all indices may then be drawn from the start.
    """

    def __init__(
        self,
        observations: Observations,
        order: Order,
        *,
        known: Int[Tensor, " n"] | None = None,
        withheld: Int[Tensor, " m"] | None = None,
        truth: Float[Tensor, "m c"] | None = None,
    ):
        self.observations, self.order, self.withheld, self.truth = observations, order, withheld, truth
        self._known = known
        self._given_back = False
        if len(self) < 1:
            raise InputError("nothing to fit: no observation is known")

    def __len__(self) -> int:
        return len(self.observations) if self._known is None else len(self._known)

    def sample(self, rng: torch.Generator, batch_size: int | None) -> Batch:
        """The next batch; all known observations, in their order, for `batch_size` None."""
        if batch_size is None or batch_size >= len(self):
            index = torch.arange(len(self))
        else:
            index = self.order.draw(len(self), batch_size, rng)
        if len(self) > SCATTERED:
            index = index.sort().values  # neighbors meet in the cache, which a large signal's grid does not fit
        return self.observations.gather(index if self._known is None else self._known.index_select(0, index))

    def give_back(self) -> None:
        """Sample the withheld observations, too, from now on."""
        if self.withheld is None or self._given_back:
            return
        self._given_back = True
        if self.truth is not None:
            self.observations.correct(self.withheld, self.truth)
        elif self._known is not None:
            self._known = torch.cat([self._known, self.withheld.to(self._known.dtype)])
            self.order.lengthen(len(self))

    def refocus(self, wrong: Callable[[Batch], Tensor]) -> None:
        """Let the order know how wrong the field is at each observation that may be drawn, if it wants to.

        Args:
            wrong: batch → error of each of its samples [n], 0 or more.
        """
        if not isinstance(self.order, Focused):
            return
        errors = torch.empty(len(self))
        for part in torch.arange(len(self)).split(LOOKED_AT):
            index = part if self._known is None else self._known[part]
            errors[part] = wrong(self.observations.gather(index)).to(errors)
        self.order.focus(errors)

    def state(self) -> dict[str, Any]:
        """What `restore` needs to continue the same sequence of batches; a tree of plain values and tensors."""
        return {"given_back": self._given_back, "order": self.order.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        if state["given_back"]:
            self.give_back()
        self.order.restore(state["order"])

    def to(self, device: torch.device) -> None:
        """Move the observations to a device; indices stay where the random numbers are made."""
        self.observations = self.observations.to(device)
