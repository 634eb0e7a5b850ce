"""Regularizers of a field on a grid that convex solvers know, too: total variation, energy of differences, bounds."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.shapes import GridFieldLike

SMOOTHED = 1e-4  # of the gradient's length, below which descent sees a parabola


class TotalVariation:
    """strength · mean over samples of |∇|, the length of the differences along all axes and of all channels together.

    Edges then cost what their height is, however sharp they are (rudin1992nonlinear); channels have theirs in the same places.
    Differences are those between neighboring samples of the grid, over their distance in units of the smallest one.

    Args:
        grid: where the field is looked at.
        strength: factor in the total; for values of a range of about 1.
        name: in logs.
    """

    paper = "rudin1992nonlinear"

    def __init__(self, grid: Grid, strength: float, *, name: str = "total_variation"):
        self.grid, self.strength, self.name = grid, strength, name
        pitch = grid.spacing
        self._factors = tuple(min(pitch) / each for each in pitch)

    def weight(self, progress: float) -> float:
        """Always 1: the strength counts."""
        return 1.0

    def sample(self, rng: torch.Generator, field: Any, batch_size: int | None) -> None:
        """Nothing by chance: the whole grid is looked at."""

    def __call__(self, field: GridFieldLike, batch: Any = None) -> Tensor:
        """The loss, rounded off where the gradient is near 0."""
        squared = self.apply(field.on(self.grid)).square().sum(dim=(0, -1))
        return self.strength * ((squared + SMOOTHED**2).sqrt() - SMOOTHED).mean()

    def apply(self, values: Float[Tensor, "*shape c"]) -> Float[Tensor, "d *shape c"]:
        """Differences to the next sample along each axis; 0 at the last."""
        differences = values.new_zeros(len(self.grid.shape), *values.shape)
        for axis, factor in enumerate(self._factors):
            n = values.shape[axis] - 1
            inside = differences[axis].narrow(axis, 0, n)
            torch.sub(values.narrow(axis, 1, n), values.narrow(axis, 0, n), out=None if values.requires_grad else inside)
            if values.requires_grad:
                inside.copy_(values.narrow(axis, 1, n) - values.narrow(axis, 0, n))
            inside.mul_(factor)
        return differences

    def adjoint(self, differences: Float[Tensor, "d *shape c"]) -> Float[Tensor, "*shape c"]:
        """The adjoint of `apply`: minus a divergence."""
        values = torch.zeros_like(differences[0])
        for axis, factor in enumerate(self._factors):
            n = values.shape[axis] - 1
            inside = differences[axis].narrow(axis, 0, n)
            values.narrow(axis, 1, n).add_(inside, alpha=factor)
            values.narrow(axis, 0, n).sub_(inside, alpha=factor)
        return values

    def shrink(self, differences: Float[Tensor, "d *shape c"], amount: float) -> Float[Tensor, "d *shape c"]:
        """Proximal map of amount · Σ |∇|: every gradient shorter by the amount, at least 0. In place."""
        length = differences.square().sum(dim=(0, -1), keepdim=True).sqrt_()
        return differences.mul_((1 - amount / length.clamp_min(torch.finfo(length.dtype).tiny)).clamp_min_(0.0))

    def symbol(self) -> Float[Tensor, "*frequencies"]:
        """|K̂|² on the frequencies of a real FFT over the grid's axes, as if the grid wrapped."""
        shape, total = self.grid.shape, torch.zeros(())
        for axis, factor in enumerate(self._factors):
            steps = torch.fft.rfftfreq(shape[axis]) if axis == len(shape) - 1 else torch.fft.fftfreq(shape[axis])
            along = factor**2 * (2 - 2 * torch.cos(2 * torch.pi * steps))
            total = total + along.reshape([-1 if k == axis else 1 for k in range(len(shape))])
        return total


class AtLeast:
    """A bound: no value below `least`. Convex solvers keep it exactly; in descent the mean squared shortfall is the loss.

    Args:
        grid: where it holds.
        least: smallest value.
        name: in logs.
    """

    strength = 0.0

    def __init__(self, grid: Grid, least: float = 0.0, *, name: str = "at_least"):
        self.grid, self.least, self.name = grid, least, name

    def weight(self, progress: float) -> float:
        """Always 1."""
        return 1.0

    def sample(self, rng: torch.Generator, field: Any, batch_size: int | None) -> None:
        """Nothing by chance: the whole grid is looked at."""

    def __call__(self, field: GridFieldLike, batch: Any = None) -> Tensor:
        """Mean squared shortfall."""
        return (self.least - field.on(self.grid)).clamp_min(0.0).square().mean()

    def apply(self, values: Tensor) -> Tensor:
        """The values themselves."""
        return values.clone()

    def adjoint(self, values: Tensor) -> Tensor:
        """The same."""
        return values

    def shrink(self, values: Tensor, amount: float) -> Tensor:
        """The nearest values within the bound. In place."""
        return values.clamp_min_(self.least)

    def settle(self, values: Tensor) -> Tensor:
        """The nearest values within the bound: what a solver has in the end is only near it."""
        return values.clamp_min(self.least)

    def symbol(self) -> Tensor:
        """1 at every frequency."""
        return torch.ones(())
