"""An equation as a term: what should be 0 wherever one looks."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.sampling import Batch
from ungrid.errors import ShapeError
from ungrid.shapes import FieldLike

Residual = Callable[[FieldLike, Tensor], Tensor]


@runtime_checkable
class Drawn(Protocol):
    """A region that points can be drawn from, such as `domain.regions.Inside`."""

    def draw(self, n: int, rng: torch.Generator, dtype: torch.dtype, /) -> Tensor:
        """Points [n, d]."""
        ...


class Equation:
    """strength · mean |residual(field, coords)|² over points of a region.

    An equation is a function of the field and coords that is 0 where it holds: `lambda u, x: ug.laplacian(u, x) - source(x)`
    inside, `lambda u, x: u(x)` on a face. Derivatives are those of `ungrid.differentiate`, per unit of the box.

    Args:
        residual: (field, coords [n, d]) → [n] or [n, k], each row by its own coords alone.
        region: where it should hold.
        n_points: of the region at which it is looked at; in descent others at each step, a solver keeps them.
        strength: factor in the total.
        name: in logs.
    """

    paper = "raissi2019physics"

    def __init__(self, residual: Residual, region: Drawn, *, n_points: int = 4096, strength: float = 1.0, name: str = "equation"):
        self.residual, self.region, self.n_points, self.strength, self.name = residual, region, n_points, strength, name

    def weight(self, progress: float) -> float:
        """Always 1: the strength counts."""
        return 1.0

    def sample(self, rng: torch.Generator, field: FieldLike, batch_size: int | None) -> Batch:
        """New points; there is nothing to be met but 0."""
        coords = self.region.draw(self.n_points, rng, getattr(field, "coords_dtype", torch.float32))
        parameters = getattr(field, "parameters", None)
        if callable(parameters):
            coords = coords.to(next(iter(parameters())).device)
        return Batch(coords, coords.new_zeros(len(coords), 1))

    def __call__(self, field: FieldLike, batch: Batch) -> Tensor:
        """The loss."""
        assert isinstance(batch.query, Tensor)
        return self.rows(field, batch.query).square().sum() * (self.n_points / len(batch))

    def rows(self, field: FieldLike, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """√(strength / n_points) · residual: the sum of whose squares over all points is the loss.

        Raises:
            ShapeError: a residual that is not one number or one row for each point.
        """
        found = self.residual(field, coords)
        if found.ndim not in (1, 2) or len(found) != len(coords):
            raise ShapeError(
                f"{self.name} gives a shape of {tuple(found.shape)} for {len(coords)} points; expected [n] or [n, k]"
            )
        factor: float = (self.strength / self.n_points) ** 0.5
        return factor * found.reshape(len(coords), -1)
