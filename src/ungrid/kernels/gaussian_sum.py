"""The sum of many Gaussians at points, exactly, in bounded memory.

Lengths are in cells of a grid. A Gaussian has a center μ, the lower triangle L of its covariance's Cholesky factor, Σ = L Lᵀ, and
weights c: its values are c · exp(-½ |L⁻¹(x - μ)|²). Plain operations, differentiable any number of times.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

PAIRS_AT_ONCE = 2**18  # of a Gaussian and a point: what is made of them stays in a core's cache
PAIRS_KEPT = 2**23  # for a gradient; beyond, they are computed a second time instead
SMALLEST_FACTOR = 1e-3  # cells: a narrower Gaussian lies between any samples, and its inverse would overflow


class Gaussians(NamedTuple):
    """N Gaussians in d dimensions: centers [N, d], factors [N, d(d + 1)/2] row by row, weights [N, c]."""

    centers: Float[Tensor, "N d"]
    factors: Float[Tensor, "N entries"]
    weights: Float[Tensor, "N c"]

    def take(self, index: Int[Tensor, " n"] | slice) -> "Gaussians":
        """Some of them."""
        return Gaussians(self.centers[index], self.factors[index], self.weights[index])


def whitened(offset: Sequence[Tensor], factors: Sequence[Tensor]) -> list[Tensor]:
    """L⁻¹ · offset by forward substitution, entry by entry; the diagonal keeps `SMALLEST_FACTOR` away from 0."""
    solved: list[Tensor] = []
    entries = iter(factors)
    for along in offset:
        rest = along
        for earlier in solved:
            rest = rest - next(entries) * earlier
        diagonal = next(entries)
        smallest = torch.full_like(diagonal, SMALLEST_FACTOR).copysign(diagonal)
        solved.append(rest / torch.where(diagonal.abs() < SMALLEST_FACTOR, smallest, diagonal))
    return solved


def gaussian_sum(points: Float[Tensor, "*batch d"], gaussians: Gaussians) -> Float[Tensor, "*batch c"]:
    """Σ c · exp(-½ |L⁻¹(x - μ)|²) at points in cells, without any cutoff: the reference.

    Computed for some Gaussians at a time. Where a gradient would keep too many pairs, these are computed twice.

    Shape: points [*, d], N Gaussians with weights [N, c] → [*, c].
    """
    count, n_points = len(gaussians.centers), max(1, points[..., 0].numel())
    step = max(1, PAIRS_AT_ONCE // n_points)
    forget = torch.is_grad_enabled() and count * n_points > PAIRS_KEPT and not torch._C._are_functorch_transforms_active()
    total = points.new_zeros((*points.shape[:-1], gaussians.weights.shape[-1]))
    for start in range(0, count, step):
        part = gaussians.take(slice(start, start + step))
        if forget:
            total = total + checkpoint(_at_points, points, *part, use_reentrant=False, preserve_rng_state=False)
        else:
            total = total + _at_points(points, *part)
    return total


def _at_points(points: Tensor, centers: Tensor, factors: Tensor, weights: Tensor) -> Tensor:
    offset = points[..., None, :] - centers
    parts = whitened(offset.unbind(-1), factors.unbind(-1))
    return bells(parts) @ weights


def bells(parts: Sequence[Tensor]) -> Tensor:
    """exp(-½ |z|²) of z given entry by entry."""
    first, *others = parts
    exponent = first.square()
    for part in others:
        exponent = exponent + part.square()
    return torch.exp(-0.5 * exponent)
