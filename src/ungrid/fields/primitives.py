"""Fields that are sums of simple shapes, each with a place and a size of its own."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import CACHE_POINTS, Field
from ungrid.kernels.gaussian_points import gaussian_sum_nearby
from ungrid.kernels.gaussian_sum import PAIRS_AT_ONCE, Gaussians, gaussian_sum
from ungrid.kernels.gaussian_tiles import gaussian_sum_on_grid

MAX_GAUSSIANS = 2**24
MAX_CHANNELS = 65536
LEAST_DEVIATION = 0.5  # cells: added to the diagonal of every factor, as the authors do
INSIDE = 1 - 1e-6  # of the box: tanh reaches its faces only at infinity


class GaussianMixture(Field):
    """A sum of N anisotropic Gaussians, in any order: values(x) = Σ cₙ exp(-½ (x - μₙ)ᵀ Σₙ⁻¹ (x - μₙ)), Σₙ = Lₙ Lₙᵀ.

    Explicit and smooth: each Gaussian can be looked at, moved or left out, and values fall to 0 where there is none. Drawing a
    grid costs what its Gaussians cover. Fit it with `order="tiles"`, so that it is asked for grids; `start_from` gives it a
    better start than chance.

    Args:
        box: where the field lives, of 1 to 3 axes. Centers stay inside.
        out_dim: c, channels.
        n_gaussians: N.
        shape: samples of the signal along each axis: their spacing is the unit of L, so that pictures of any size and boxes of
            any unit start alike. None for one per unit of the box.
        seed: of the start: centers uniform in the box, diagonals of L uniform in 0.5 to 1.5 samples, the other entries and the
            weights in 0 to 1.

    Shape: coords [*, d] in the units of the box → values [*, c]. `positions` is [N, d], μ = tanh(positions) on [-1, 1];
        `factors` [N, d(d + 1)/2], L row by row less 0.5 on the diagonal; `weights` [N, c].
    Raises: InputError: a box of more axes, or an argument out of range.
    Differs from the paper: on one and three axes, too. Values have no cutoff, or one below rounding on grids and where gradients
        are off (its code drops what is below 1/255 and beyond three deviations); they are not clamped to [0, 1]; pixel centers
        are at half-integers, and L is in the order of the box's axes. A factor's diagonal counts as at least 0.001 samples.
    """

    paper = "zhang2024gaussianimage"

    def __init__(self, box: Box, out_dim: int, n_gaussians: int = 1000, *, shape: tuple[int, ...] | None = None, seed: int = 0):
        super().__init__()
        ranges = {"out_dim": (out_dim, MAX_CHANNELS), "n_gaussians": (n_gaussians, MAX_GAUSSIANS)}
        for name, (value, most) in ranges.items():
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise InputError(f"{name} is {value!r}, expected an integer from 1 to {most}")
        if box.dim > 3:
            raise InputError(f"the box has {box.dim} axes {box.axes}; Gaussians are summed on 1 to 3")
        if shape is not None and (len(shape) != box.dim or any(n < 1 for n in shape)):
            raise InputError(f"shape is {shape}, expected a positive number of samples along each of {box.dim} axes")
        self.box, self.out_dim, self.n_gaussians, self.seed = box, out_dim, n_gaussians, seed
        self.shape = None if shape is None else tuple(shape)
        rng, n_factors = torch.Generator().manual_seed(seed), box.dim * (box.dim + 1) // 2
        centers = torch.rand((n_gaussians, box.dim), generator=rng).mul_(2).sub_(1)
        self.positions = nn.Parameter(centers.clamp_(-INSIDE, INSIDE).atanh_())
        self.factors = nn.Parameter(torch.rand((n_gaussians, n_factors), generator=rng))
        self.weights = nn.Parameter(torch.rand((n_gaussians, out_dim), generator=rng))

    @property
    def smoothness(self) -> float:
        """Infinity: each Gaussian has all derivatives."""
        return math.inf

    @property
    def samples(self) -> tuple[int, ...]:
        """Samples along each axis: `shape`, or one per unit of the box, at least one."""
        return self.shape or tuple(max(1, round(extent)) for extent in self.box.extent)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords: exact where gradients are enabled, else with the cutoff that grids have."""
        points = (coords + 1) * self._half_samples(coords)
        is_plain = not (torch.is_grad_enabled() or torch._C._are_functorch_transforms_active())
        return (gaussian_sum_nearby if is_plain else gaussian_sum)(points, self.gaussians())

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid, each Gaussian only as far as it is seen.

        What is left out is less, over all Gaussians together, than half a unit in the last place of the largest weight, or of 1.
        """
        axes = []
        for axis, ((low, high), n) in enumerate(zip(self.box.bounds, self.samples, strict=True)):
            coords = grid.axis_coords(axis, dtype=torch.float64, device=self.positions.device)
            axes.append(((coords - low) * (n / (high - low))).to(self.positions.dtype))
        return gaussian_sum_on_grid(axes, self.gaussians())

    def gaussians(self) -> Gaussians:
        """Centers and Cholesky factors in samples, counted from the box's lower corner, and weights."""
        centers = (self.positions.tanh() + 1) * self._half_samples(self.positions)
        return Gaussians(centers, self.factors + self._least(self.factors), self.weights)

    @torch.no_grad()
    def start_from(self, values: Float[Tensor, "*shape c"], *, uniform: float = 0.3, seed: int = 0) -> None:
        """Move the Gaussians to where a signal changes, in place: a start of our own, from which fits need fewer steps.

        Centers are drawn along the signal with a density in proportion to its gradient, of which a part is spread evenly; each
        Gaussian is as wide as its share of the samples, and weighted so that all of them together have the signal's values.

        Args:
            values: of the signal, at the `samples` of this field.
            uniform: part of the Gaussians that is spread evenly, 0 to 1.
            seed: of the draw.

        Raises:
            InputError: values of another shape, or `uniform` out of range.
        """
        if tuple(values.shape) != (*self.samples, self.out_dim) or not 0 <= uniform <= 1:
            raise InputError(
                f"values have shape {tuple(values.shape)} and uniform is {uniform}; expected {(*self.samples, self.out_dim)} "
                f"and a number from 0 to 1"
            )
        values, rng = values.to(self.positions), torch.Generator().manual_seed(seed)
        density = _change(values).flatten().double().cpu()
        even = torch.full_like(density, 1 / len(density))
        density = even if density.sum() == 0 else (1 - uniform) * density / density.sum() + uniform * even
        cells = _systematic_draw(density, self.n_gaussians, rng)
        places = torch.stack(torch.unravel_index(cells, self.samples), dim=-1)
        shifts = torch.rand(places.shape, generator=rng, dtype=torch.float64)
        unit = (places + shifts) / torch.tensor(self.samples) * 2 - 1
        self.positions.copy_(unit.clamp(-INSIDE, INSIDE).atanh())
        # of the distance between Gaussians of this density: three of them overlap at a point, which leaves few gaps
        deviation = 0.7 * (1 / (self.n_gaussians * density[cells])) ** (1 / self.box.dim)
        diagonal = self._least(self.factors) > 0
        spread = deviation.to(self.factors)[:, None].clamp(min=LEAST_DEVIATION) * diagonal
        self.factors.copy_(spread - self._least(self.factors))
        self.weights.fill_(1)
        overlap = self.on(Grid(self.box, self.samples)).flatten(0, -2)[cells.to(values.device), :1]
        self.weights.copy_(values.flatten(0, -2)[cells.to(values.device)] / overlap.clamp(min=1))

    def width_sum(self) -> int:
        """Floats that one point needs: those of the Gaussians that are summed at once."""
        return min(self.n_gaussians, max(1, PAIRS_AT_ONCE // CACHE_POINTS)) * (3 * self.box.dim + 2)

    def _half_samples(self, like: Tensor) -> Tensor:
        return torch.tensor([n / 2 for n in self.samples], dtype=like.dtype, device=like.device)

    def _least(self, like: Tensor) -> Tensor:
        """0.5 where a row of `factors` holds the diagonal, else 0."""
        entries = [LEAST_DEVIATION * (row == column) for row in range(self.box.dim) for column in range(row + 1)]
        return torch.tensor(entries, dtype=like.dtype, device=like.device)


def _change(values: Float[Tensor, "*shape c"]) -> Float[Tensor, "*shape"]:
    """Size of the gradient at each sample, from central differences, over all channels."""
    total = torch.zeros_like(values[..., 0])
    for axis in range(values.ndim - 1):
        if values.shape[axis] > 1:
            (slope,) = torch.gradient(values, dim=axis)
            total = total + slope.square().sum(dim=-1)
    return total.sqrt()


def _systematic_draw(density: Tensor, count: int, rng: Generator) -> Tensor:
    """`count` indices, each as often as its density says to within one: evenly spaced places along the running sum, one
    random offset each within its part."""
    places = (torch.arange(count) + torch.rand(count, generator=rng, dtype=torch.float64)) / count
    running = density.cumsum(0)
    return torch.searchsorted(running, places * running[-1]).clamp(max=len(density) - 1)
