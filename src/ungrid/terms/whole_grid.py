"""Least squares of a refined spline over all samples of its grid at once, with its gradient in closed form."""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.refined_spline import RefinedSpline
from ungrid.fields.refinement import along_axes, at_samples, from_samples, level_weights, taken, to_samples


class Whole(NamedTuple):
    """All samples in the field's own scale [*shape, c], and 1 where they may be seen [*shape, 1], or None for everywhere."""

    values: Tensor
    seen: Tensor | None
    n_values: int


class WholeSamples:
    """All samples of a grid, at every step.

    Args:
        grid: where the values lie.
        values: [*grid.shape, c].
        known: flat indices that may be seen, or None for all.
        withheld: those that may be seen only after `give_back`, or None.
    """

    def __init__(
        self,
        grid: Grid,
        values: Float[Tensor, "*shape c"],
        *,
        known: Int[Tensor, " k"] | None = None,
        withheld: Int[Tensor, " m"] | None = None,
    ):
        self.grid, self.values, self.withheld = grid, values, withheld
        self._seen: Tensor | None = None
        if known is not None:
            self._seen = torch.zeros(grid.size, dtype=torch.bool)
            self._seen[known.long()] = True
        self._given_back, self._is_absorbed = False, False
        self._whole: Whole | None = None

    def sample(self, rng: torch.Generator, batch_size: int | None) -> Any:
        """Nothing by chance: `of` gives all there is."""
        raise InputError("all samples at once are for a RefinedSpline; take another order")

    def of(self, field: RefinedSpline) -> Whole:
        """The samples as the field's parameters speak, made when they are first asked for."""
        if self._whole is None:
            seen = self._seen
            if seen is not None and bool(seen.all()):
                seen = None
            own = field.nodes[0]
            values = (self.values.to(own) - own.new_tensor(field.value_offset)) / own.new_tensor(field.value_scale)
            n_seen = self.grid.size if seen is None else int(seen.sum())
            mask = None if seen is None else seen.reshape(*self.grid.shape, 1).to(own)
            self._whole = Whole(values, mask, n_seen * values.shape[-1])
        return self._whole

    def give_back(self) -> None:
        """See the withheld samples, too, from now on."""
        if self.withheld is not None and self._seen is not None and not self._given_back:
            self._seen[self.withheld.long()] = True
            self._given_back, self._whole = True, None

    def state(self) -> dict[str, Any]:
        """Whether the withheld are given back, and the field has taken them in."""
        return {"given_back": self._given_back, "absorbed": self._is_absorbed}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        if state["given_back"]:
            self.give_back()
        self._is_absorbed = state["absorbed"]

    @torch.no_grad()
    def absorb(self, field: RefinedSpline) -> None:
        """Take what is given back into the finest nodes, once: the spline through what the field leaves over there, and through
        zeros elsewhere. Descent would take many steps, as single samples have the highest frequencies."""
        if not self._given_back or self._is_absorbed or self.withheld is None:
            return
        self._is_absorbed = True
        whole = self.of(field)
        left = whole.values - to_samples(field.expand(list(field.nodes)))
        index = self.withheld.long().to(left.device)
        flat = left.flatten(0, -2)
        alone = torch.zeros_like(flat).index_copy(0, index, flat[index]).reshape(left.shape)
        through = along_axes(alone, [torch.linalg.inv(at_samples(n)) for n in field.shape])
        field.nodes[0].add_(taken(through, field.kept()[0]))

    def to(self, device: torch.device) -> None:
        """Move the values to a device."""
        self.values, self._whole = self.values.to(device), None


class WholeMisfit:
    """Mean squared error of a refined spline over all samples that may be seen, in units of its scale.

    Args:
        sampler: of the samples.
        name: in logs.
    """

    def __init__(self, sampler: WholeSamples, *, name: str = "misfit"):
        self.sampler, self.name = sampler, name

    def weight(self, progress: float) -> float:
        """Always 1."""
        return 1.0

    def sample(self, rng: torch.Generator, field: Any, batch_size: int | None) -> Whole:
        """All samples. The nodes are told the curvature, by which an optimizer scales its steps."""
        if not isinstance(field, RefinedSpline):
            raise InputError(f'order "whole" is for a RefinedSpline; this one is a {type(field).__name__}: take "shuffled"')
        if field.shape != self.sampler.grid.shape:
            raise InputError(f"the spline has nodes for {field.shape} samples, the signal {self.sampler.grid.shape}")
        whole = self.sampler.of(field)
        for nodes, weight in zip(field.nodes, level_weights(field.shape), strict=True):
            nodes.curvature = 2 * weight / whole.n_values
        return whole

    def absorb(self, field: Any) -> None:
        """Take what is given back into the field, once."""
        if isinstance(field, RefinedSpline):
            self.sampler.absorb(field)

    def __call__(self, field: Field, batch: Whole) -> Float[Tensor, ""]:
        """The loss."""
        assert isinstance(field, RefinedSpline)
        loss: Tensor = _Squares.apply(field, batch, *field.nodes)
        return loss


class _Squares(torch.autograd.Function):
    """‖S Σₗ Rₗ θₗ − y‖² / n."""

    @staticmethod
    def forward(ctx: Any, field: RefinedSpline, whole: Whole, *nodes: Tensor) -> Tensor:
        left = to_samples(field.expand(nodes)).sub_(whole.values)
        if whole.seen is not None:
            left.mul_(whole.seen)
        ctx.field, ctx.n_values = field, whole.n_values
        ctx.save_for_backward(left)
        return (left.square().sum(dtype=torch.float64) / whole.n_values).to(left.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (left,) = ctx.saved_tensors
        field: RefinedSpline = ctx.field
        slopes = from_samples(left)
        factor = float(grad) * 2 / ctx.n_values
        assert math.isfinite(factor)
        return None, None, *[found.mul_(factor) for found in field.collapse(slopes)]
