"""Linear sensors of values on a grid: what they have in common, how they are put together, and how they are checked.

A sensor is an object with `A` and `A_adjoint`, named as in deepinv. It sees the values of a field at the samples of a grid, all
at once: to ask the field for these once costs far less than to ask it along every ray, and does not grow with the number of rays.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.shapes import GridFieldLike


@runtime_checkable
class LinearOperator(Protocol):
    """Anything that has a product and its adjoint."""

    def A(self, values: Tensor, /) -> Tensor:
        """What is seen of values."""
        ...

    def A_adjoint(self, seen: Tensor, /) -> Tensor:
        """Its adjoint: ⟨A x, y⟩ = ⟨x, A_adjoint y⟩, the real part of it where y is complex."""
        ...


class LinearMeasurement(ABC):
    """prediction = A(field on the grid): a linear sensor of values [*grid.shape, c].

    A subclass sets `grid` and defines `A` and `A_adjoint`, both made of differentiable torch operations or of a pair that is each
    other's derivative.

    Shape: field → what `A` gives, of any shape, real or complex.
    """

    grid: Grid

    @abstractmethod
    def A(self, values: Float[Tensor, "*shape c"], /) -> Tensor:
        """What is seen of values on the grid."""

    @abstractmethod
    def A_adjoint(self, seen: Tensor, /) -> Float[Tensor, "*shape c"]:
        """The adjoint of `A`."""

    def __call__(self, field: GridFieldLike, query: Any = None) -> Tensor:
        """What is seen of a field."""
        return self.A(field.on(self.grid))


class OnGrid(LinearMeasurement):
    """An operator of a user's own, or of another library, as a measurement.

    Args:
        operator: an object with `A` and `A_adjoint`.
        grid: whose values it takes, as [*grid.shape, c].
        batched: whether it takes [1, c, *grid.shape] instead, as the operators of deepinv do, and gives a batch of one.
    """

    def __init__(self, operator: LinearOperator, grid: Grid, *, batched: bool = False):
        if not isinstance(operator, LinearOperator):
            raise InputError(f"an operator has the methods A and A_adjoint; {type(operator).__name__} has not")
        self.operator, self.grid, self.batched = operator, grid, batched

    def A(self, values: Float[Tensor, "*shape c"], /) -> Tensor:
        """What the operator sees."""
        return self.operator.A(values.movedim(-1, 0)[None])[0] if self.batched else self.operator.A(values)

    def A_adjoint(self, seen: Tensor, /) -> Float[Tensor, "*shape c"]:
        """The operator's own adjoint."""
        found = self.operator.A_adjoint(seen[None])[0].movedim(0, -1) if self.batched else self.operator.A_adjoint(seen)
        if found.shape[:-1] != self.grid.shape:
            raise ShapeError(f"A_adjoint gave a shape of {tuple(found.shape)}; expected {(*self.grid.shape, 'c')}")
        return found


class Chain(LinearMeasurement):
    """One sensor behind another: A = outer · inner.

    Args:
        outer: takes what the inner one gives.
        inner: sees the field.
    """

    def __init__(self, outer: LinearOperator, inner: LinearMeasurement):
        self.outer, self.inner, self.grid = outer, inner, inner.grid

    def A(self, values: Float[Tensor, "*shape c"], /) -> Tensor:
        """outer(inner(values))."""
        return self.outer.A(self.inner.A(values))

    def A_adjoint(self, seen: Tensor, /) -> Float[Tensor, "*shape c"]:
        """The adjoints in the other order."""
        return self.inner.A_adjoint(self.outer.A_adjoint(seen))


class Stack(LinearMeasurement):
    """Several sensors of one field: what they see, flattened, one after another.

    Args:
        parts: on the same grid.
        shapes: of what each sees.

    Shape: → [n], n the sum of all they see; `split` takes it apart again.
    """

    def __init__(self, parts: Sequence[LinearMeasurement], shapes: Sequence[tuple[int, ...]]):
        if not parts or len(parts) != len(shapes) or any(part.grid != parts[0].grid for part in parts):
            raise InputError("a stack needs measurements on the same grid, and the shape of what each sees")
        self.parts, self.shapes, self.grid = tuple(parts), tuple(tuple(shape) for shape in shapes), parts[0].grid

    def A(self, values: Float[Tensor, "*shape c"], /) -> Float[Tensor, " n"]:
        """What all see."""
        return torch.cat([part.A(values).flatten() for part in self.parts])

    def A_adjoint(self, seen: Float[Tensor, " n"], /) -> Float[Tensor, "*shape c"]:
        """The sum of their adjoints."""
        first, *rest = (part.A_adjoint(own) for part, own in zip(self.parts, self.split(seen), strict=True))
        for found in rest:
            first = first + found
        return first

    def split(self, seen: Float[Tensor, " n"]) -> list[Tensor]:
        """What each sees, in its own shape."""
        sizes = [torch.Size(shape).numel() for shape in self.shapes]
        return [own.reshape(shape) for own, shape in zip(seen.split(sizes), self.shapes, strict=True)]


class Combined(LinearMeasurement):
    """A weighted sum of sensors that see the same shape.

    Args:
        parts: on the same grid.
        weights: a factor of each; None for 1.
    """

    def __init__(self, parts: Sequence[LinearMeasurement], weights: Sequence[float] | None = None):
        weights = [1.0] * len(parts) if weights is None else list(weights)
        if not parts or len(parts) != len(weights) or any(part.grid != parts[0].grid for part in parts):
            raise InputError("a sum needs measurements on the same grid, and a weight for each")
        self.parts, self.weights, self.grid = tuple(parts), tuple(weights), parts[0].grid

    def A(self, values: Float[Tensor, "*shape c"], /) -> Tensor:
        """Σ weight · A."""
        seen = [weight * part.A(values) for part, weight in zip(self.parts, self.weights, strict=True)]
        return torch.stack(seen).sum(dim=0)

    def A_adjoint(self, seen: Tensor, /) -> Float[Tensor, "*shape c"]:
        """Σ weight · A_adjoint."""
        found = [weight * part.A_adjoint(seen) for part, weight in zip(self.parts, self.weights, strict=True)]
        return torch.stack(found).sum(dim=0)


class Samples(LinearMeasurement):
    """The values themselves, where a mask says that they are known; 0 elsewhere.

    Args:
        grid: of the values.
        known: [*grid.shape], or None for all.
    """

    def __init__(self, grid: Grid, known: Tensor | None = None):
        if known is not None and (tuple(known.shape) != grid.shape or known.dtype != torch.bool):
            raise ShapeError(f"the mask has {known.dtype} of shape {tuple(known.shape)}; expected booleans {grid.shape}")
        self.grid, self.known = grid, known

    def A(self, values: Float[Tensor, "*shape c"], /) -> Float[Tensor, "*shape c"]:
        """The known values."""
        return values if self.known is None else values * self.known[..., None].to(values)

    def A_adjoint(self, seen: Float[Tensor, "*shape c"], /) -> Float[Tensor, "*shape c"]:
        """The same: it is symmetric."""
        return self.A(seen)


def inner_product(first: Tensor, second: Tensor) -> float:
    """Real part of Σ conj(first) · second, in float64."""
    if first.is_complex():
        first, second = torch.view_as_real(first), torch.view_as_real(second)
    return float(torch.sum(first.double() * second.double()))
