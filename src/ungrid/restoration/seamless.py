"""Seamless cloning: the samples in a region whose gradients are those of another picture, met by the rest at its border."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.fit.convex import conjugate_gradients
from ungrid.fit.convex_solver import Convex
from ungrid.measurements.differences import Differences
from ungrid.measurements.linear import Chain, Samples
from ungrid.terms.linear import LinearMisfit

papers = ("perez2003poisson", "hestenes1952conjugate")
ITERATIONS, TOLERANCE = 2000, 1e-9


class Seamless(NamedTuple):
    """What was solved: values [y, x, c], the iterations, and ‖b − A x‖ / ‖b‖ in the end."""

    values: Float[Tensor, "y x c"]
    iterations: int
    relative_residual: float


@torch.no_grad()
def seamless(
    target: Float[Tensor, "y x c"],
    source: Float[Tensor, "y x c"],
    region: Bool[Tensor, "y x"],
    grid: Grid,
    *,
    mixed: bool = False,
) -> Seamless:
    """argmin over x, equal to the target outside the region, of Σ |(x_p − x_q) − (s_p − s_q)|² over neighbors p, q of which one
    lies in the region at least: the discrete Poisson equation with the target at the border (perez2003poisson, equation 7).

    Solved by conjugate gradients, preconditioned by the exact solution on the rectangle around the region, in float64.

    Args:
        target: what is met at the border.
        source: whose gradients are taken, on the same lattice; it counts in the region and one sample around it.
        region: which samples are found; not all of them.
        grid: of the lattice.
        mixed: take the target's own difference wherever it is the larger of the two, channel by channel (equation 13).
    """
    counted = region.new_zeros(2, *region.shape)
    for axis, n in enumerate(region.shape):
        counted[axis].narrow(axis, 0, n - 1).copy_(region.narrow(axis, 0, n - 1) | region.narrow(axis, 1, n - 1))
    slopes, below = Differences(grid, counted), target.double()
    wanted = slopes.A(source.double())
    if mixed:
        own = slopes.A(below)
        wanted = torch.where(own.abs() > wanted.abs(), own, wanted)
    fixed = below * ~region[..., None]
    problem = Convex((LinearMisfit(Chain(slopes, Samples(grid, region)), wanted - slopes.A(fixed)),), ())
    found = conjugate_gradients(
        problem.normal,
        problem.right_side(),
        below * region[..., None],
        preconditioner=_Rectangle(region),
        max_iterations=ITERATIONS,
        tolerance=TOLERANCE,
    )
    values = torch.where(region[..., None], found.values.to(target), target)
    return Seamless(values, found.iterations, found.relative_residual)


class _Rectangle:
    """r ↦ the Laplacian's inverse on the rectangle around a region, 0 at its border; by sine transforms."""

    def __init__(self, region: Tensor):
        rows, columns = (region.any(dim=axis).nonzero()[:, 0] for axis in (1, 0))
        self.region = region[..., None]
        self.where = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        height, width = (each.stop - each.start for each in self.where)
        waves = [torch.arange(1, n + 1).double().to(region.device) * torch.pi / (n + 1) for n in (height, width)]
        self.eigenvalues = (4 - 2 * waves[0].cos()[:, None] - 2 * waves[1].cos())[..., None] * (height + 1) * (width + 1) / 4

    def __call__(self, residual: Tensor) -> Tensor:
        """The inverse's product, within the region."""
        inside = _sines(_sines(residual[self.where], 0), 1) / self.eigenvalues
        found = torch.zeros_like(residual)
        found[self.where] = _sines(_sines(inside, 0), 1)
        return found * self.region


def _sines(values: Tensor, axis: int) -> Tensor:
    """Σ_j values_j sin(π (j + 1)(k + 1) / (n + 1)) along an axis."""
    n = values.shape[axis]
    zero = torch.zeros_like(values.narrow(axis, 0, 1))
    odd = torch.cat([zero, values, zero, -values.flip(axis)], dim=axis)
    found: Tensor = -0.5 * torch.fft.rfft(odd, dim=axis).imag.narrow(axis, 1, n)
    return found
