"""The Kolmogorov-Arnold network: a learned function of one variable on every edge, summed at the nodes."""

import functools
import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import silu

from ungrid.errors import InputError
from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, glorot_start
from ungrid.networks.limits import check_count, check_number, check_numbers

MAX_INTERVALS = 65536
MAX_ORDER = 7


class SplineNetwork(Network):
    """Kolmogorov-Arnold network: hₗ₊₁,ⱼ = Σᵢ φⱼᵢ(hₗ,ᵢ) with φ(x) = w_b·silu(x) + w_s·Σₘ cₘ Bₘ(x), B-splines on a uniform grid.

    The functions on the edges can be read and plotted one by one. Values are `order` - 1 times continuously differentiable.
    On bare coordinates in [-1, 1] an edge of the first layer resolves 2 / n_intervals of a unit, so fine detail wants many
    intervals, or an encoding whose features lie in the grid's range.

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each hidden layer.
        depth: number of hidden layers; 0 is one layer of edges.
        n_intervals: G, of the grid, 1 to 65536; each edge has G + order coefficients. The authors' examples have 5.
        order: k, degree of the polynomial pieces, 1 to 7; 3 is the paper's.
        grid_range: ends of the grid, the same in every layer. Beyond them the splines fall to zero within `order` intervals, and
            w_b·silu(x) remains.
        noise: standard deviation of the initial coefficients; 0 to 10⁶. 0.1 is the paper's.
        seed: of the initial weights.

    Shape: features [*, in_dim], best within `grid_range` → values [*, c].
    Raises: InputError: an argument out of range.
    Differs from the paper: the grid stays where it is, while theirs follows the activations, may be refined during the fit, and
        loses edges that sparsity terms turn off. Xavier's start of w_b is normal here; the authors' later code draws uniform
        ones, and c by fitting noise. Their learned symbolic formulas are no part of this.
    """

    paper = "liu2024kan"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 32,
        *,
        depth: int = 2,
        n_intervals: int = 5,
        order: int = 3,
        grid_range: tuple[float, float] = (-1.0, 1.0),
        noise: float = 0.1,
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth)
        check_count("n_intervals", n_intervals, 1, MAX_INTERVALS)
        check_count("order", order, 1, MAX_ORDER)
        check_numbers("grid_range", grid_range, (2,), -1e6, 1e6)
        check_number("noise", noise, 0, 1e6)
        if not grid_range[1] - grid_range[0] >= 1e-6:
            raise InputError(f"grid_range is {grid_range!r}, expected a lower end and a higher one")
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.n_intervals, self.order, self.grid_range = n_intervals, order, tuple(grid_range)
        self.noise, self.seed, self.smoothness = noise, seed, float(order - 1)
        rng = torch.Generator().manual_seed(seed)
        sizes = zip([in_dim] + [width] * depth, [width] * depth + [out_dim], strict=True)
        self.layers = nn.ModuleList(_SplineLayer(*size, n_intervals + order, noise, rng) for size in sizes)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        low, high = self.grid_range
        values = features
        for layer in self.layers:
            cells = (values - low) * (self.n_intervals / (high - low))
            values = layer(values, b_splines(cells, self.n_intervals, self.order))
        return values

    def width_sum(self) -> int:
        """Sum of the layers' widths, basis functions and their parts included."""
        fans_in = [self.in_dim] + [self.width] * self.depth
        per_input = 2 * (self.n_intervals + 3 * self.order) + 4 * (self.order + 1)  # splines, their pieces, powers and places
        return (per_input + 6) * sum(fans_in) + sum(fans_in[1:]) + self.out_dim


class _SplineLayer(nn.Module):
    """All edges between two layers of nodes: Σᵢ w_b,ⱼᵢ silu(xᵢ) + w_s,ⱼᵢ Σₘ cⱼᵢₘ Bₘ(xᵢ)."""

    def __init__(self, fan_in: int, fan_out: int, n_splines: int, noise: float, rng: Generator):
        super().__init__()
        self.coefficients = nn.Parameter(torch.randn(fan_out, fan_in, n_splines, generator=rng).mul_(noise))
        self.spline_weight = nn.Parameter(torch.ones(fan_out, fan_in))
        self.base_weight = nn.Parameter(glorot_start(fan_in, fan_out, rng)[0])

    def forward(
        self, values: Float[Tensor, "*batch fan_in"], splines: Float[Tensor, "*batch fan_in n_splines"]
    ) -> Float[Tensor, "*batch fan_out"]:
        scaled = (self.spline_weight[..., None] * self.coefficients).flatten(1)
        return silu(values) @ self.base_weight.mT + splines.flatten(-2) @ scaled.mT


def b_splines(cells: Float[Tensor, "*batch"], n_intervals: int, order: int) -> Float[Tensor, "*batch n_splines"]:
    """The n_intervals + order uniform B-splines that live on the grid, at positions counted in intervals from its lower end.

    Spline m is centered on m - (order - 1) / 2; on the grid they add up to 1. Only order + 1 of them differ from 0 in an
    interval, each a polynomial of the position in it: these are computed, and put in their places.
    """
    inside = (cells >= -order) & (cells < n_intervals + order)
    first = torch.where(inside, cells.detach().floor(), 0)  # where, not clamp: it is false of NaN, which is no index
    within = torch.where(inside, cells - first, 0)
    powers = torch.stack([within**p for p in range(order + 1)], dim=-1)
    pieces = powers @ torch.tensor(spline_pieces(order), dtype=cells.dtype, device=cells.device)
    index = (first.long() + order)[..., None] + torch.arange(order + 1, device=cells.device)
    splines = torch.zeros((*cells.shape, n_intervals + 3 * order), dtype=cells.dtype, device=cells.device)
    splines = splines.scatter(-1, index, torch.where(inside[..., None], pieces, 0))
    return splines[..., order:-order]


@functools.cache
def spline_pieces(order: int) -> list[list[float]]:
    """Coefficients of uᵖ, 0 ≤ u < 1, in the j-th of the splines that reach an interval, as [p][j]: a uniform B-spline's pieces.

    From N(s) = 1/k! Σᵢ (-1)ⁱ (k+1 over i) (s - i)₊ᵏ at s = u + k - j.
    """

    def coefficient(p: int, j: int) -> float:
        total = sum((-1) ** i * math.comb(order + 1, i) * (order - j - i) ** (order - p) for i in range(order - j + 1))
        return math.comb(order, p) / math.factorial(order) * float(total)

    return [[coefficient(p, j) for j in range(order + 1)] for p in range(order + 1)]
