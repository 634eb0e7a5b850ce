"""Multiplicative filter networks: sines or Gabor functions of the coordinates, multiplied layer by layer."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.nn.functional import linear as affine

from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, linear, sine_start, torch_start, uniform
from ungrid.networks.limits import check_number

MAX_SCALE = 1e6


class FourierFilterNetwork(Network):
    """FourierNet: z₁ = g₁(x), zₗ = gₗ(x) ∘ (Wₗ zₗ₋₁ + bₗ) with filters gₗ(x) = sin(Ωₗx + φₗ); values = W z + b of the last z.

    It is exactly a linear sum of sines, exponentially many in the depth, whose frequencies are sums and differences of one row of
    each Ω: no activation acts on what was computed before. Takes bare coordinates (`Identity`).

    Args:
        in_dim: d, length of a coordinate, 1 to 65536.
        out_dim: c, length of a value.
        width: of each layer.
        depth: number of filters, 1 to 256; the authors' `n_layers=3` is 4 here, since they do not count the first.
        input_scale: how fine the start is: entries of all Ω together reach ±input_scale·√(depth/d), in radians per unit of the
            coordinate; above 0 to 10⁶. 256 is the authors' for a picture of 256² pixels on [-1, 1].
        weight_scale: weights Wₗ start in ±√(weight_scale/width); 0 to 10⁶.
        seed: of the initial weights.

    Shape: coords [*, d], best in [-1, 1] → values [*, c].
    Raises: InputError: an argument out of range.
    Differs from the paper: nothing known; start and defaults are those of the authors' code, without its optional last sine.
    """

    paper = "fathony2021multiplicative"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 4,
        input_scale: float = 256.0,
        weight_scale: float = 1.0,
        seed: int = 0,
    ):
        super().__init__()
        check_filters(in_dim, out_dim, width, depth, input_scale, weight_scale)
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.input_scale, self.weight_scale, self.seed = input_scale, weight_scale, seed
        rng = torch.Generator().manual_seed(seed)
        self.omegas = nn.Parameter(uniform((depth, width, in_dim), input_scale / math.sqrt(depth * in_dim), rng))
        self.phases = nn.Parameter(uniform((depth, width), math.pi, rng))
        self.hidden, self.last = mixing_layers(out_dim, width, depth, weight_scale, rng)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        values: Tensor = self.last(product(waves(features, self.omegas, self.phases), self.hidden))
        return values

    def width_sum(self) -> int:
        """Sum of the layers' widths, filters and their angles included."""
        return super().width_sum() + 3 * self.depth * self.width


class GaborFilterNetwork(Network):
    """GaborNet: as `FourierFilterNetwork`, with filters gₗ(x) = exp(-γₗ/2 · |x - μₗ|²) sin(Ωₗx + φₗ).

    Each wave has a place and a size, so that one part of a picture is fitted without ringing in the others. It is a sum of Gabor
    functions, exponentially many in the depth. Takes bare coordinates (`Identity`).

    Args:
        in_dim: d, length of a coordinate, 1 to 65536.
        out_dim: c, length of a value.
        width: of each layer.
        depth: number of filters, 1 to 256; the authors' `n_layers=3` is 4 here, since they do not count the first.
        input_scale: entries of Ωₗ start uniform in ±input_scale·√(γₗ/(depth·d)), in radians per unit of the coordinate: narrow
            filters have high frequencies; above 0 to 10⁶.
        weight_scale: weights Wₗ start in ±√(weight_scale/width); 0 to 10⁶.
        alpha: γₗ starts as Gamma(alpha / depth, beta), so that exponents multiplied through all layers add up to
            Gamma(alpha, beta); above 0 to 10⁶.
        beta: the rate of that distribution, in squared units of the coordinate; above 0 to 10⁶. 1/√γ is a filter's width.
        seed: of the initial weights.

    Shape: coords [*, d], best in [-1, 1], where the centers μ start → values [*, c].
    Raises: InputError: an argument out of range.
    Differs from the paper: nothing known; start and defaults are those of the authors' code, without its optional last sine. As
        there, γ is fitted freely and nothing keeps it positive.
    """

    paper = "fathony2021multiplicative"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 4,
        input_scale: float = 256.0,
        weight_scale: float = 1.0,
        alpha: float = 6.0,
        beta: float = 1.0,
        seed: int = 0,
    ):
        super().__init__()
        check_filters(in_dim, out_dim, width, depth, input_scale, weight_scale)
        for name, value in (("alpha", alpha), ("beta", beta)):
            check_number(name, value, 1e-6, MAX_SCALE)
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.input_scale, self.weight_scale, self.alpha, self.beta, self.seed = input_scale, weight_scale, alpha, beta, seed
        rng = torch.Generator().manual_seed(seed)
        gammas = torch._standard_gamma(torch.full((depth, width), alpha / depth), generator=rng).div_(beta)
        omegas = uniform((depth, width, in_dim), input_scale / math.sqrt(depth * in_dim), rng)
        self.omegas = nn.Parameter(omegas.mul_(gammas.sqrt()[..., None]))
        self.phases = nn.Parameter(uniform((depth, width), math.pi, rng))
        self.centers = nn.Parameter(uniform((depth, width, in_dim), 1.0, rng))
        self.gammas = nn.Parameter(gammas)
        self.hidden, self.last = mixing_layers(out_dim, width, depth, weight_scale, rng)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        windows = torch.exp(-0.5 * self.gammas * squared_distances(features, self.centers))
        values: Tensor = self.last(product(waves(features, self.omegas, self.phases) * windows, self.hidden))
        return values

    def width_sum(self) -> int:
        """Sum of the layers' widths, filters, their angles and distances included."""
        return super().width_sum() + 7 * self.depth * self.width


def check_filters(in_dim: int, out_dim: int, width: int, depth: int, input_scale: float, weight_scale: float) -> None:
    """Raise InputError unless sizes and scales are in range."""
    check_sizes(in_dim, out_dim, width, depth, min_depth=1)
    check_number("input_scale", input_scale, 1e-6, MAX_SCALE)
    check_number("weight_scale", weight_scale, 0, MAX_SCALE)


def mixing_layers(out_dim: int, width: int, depth: int, weight_scale: float, rng: Generator) -> tuple[nn.ModuleList, nn.Linear]:
    """The linear layers between the filters, weights U(±√(weight_scale/width)), and the last one, as `nn.Linear` starts."""
    bound = math.sqrt(weight_scale / width)
    hidden = nn.ModuleList(linear(sine_start(width, width, rng, bound=bound)) for _ in range(depth - 1))
    return hidden, linear(torch_start(width, out_dim, rng))


def waves(
    coords: Float[Tensor, "*batch d"], omegas: Float[Tensor, "layers width d"], phases: Float[Tensor, "layers width"]
) -> Float[Tensor, "*batch layers width"]:
    """sin(Ωx + φ) of every filter of every layer."""
    filters: Tensor = affine(coords, omegas.flatten(0, 1), phases.flatten()).sin().unflatten(-1, phases.shape)
    return filters


def squared_distances(
    coords: Float[Tensor, "*batch d"], centers: Float[Tensor, "layers width d"]
) -> Float[Tensor, "*batch layers width"]:
    """|x - μ|² of every filter of every layer, by its three products: no difference is held for each axis."""
    squares = coords.square().sum(dim=-1, keepdim=True) + centers.square().sum(dim=-1).flatten()
    distances: Tensor = (squares - 2 * affine(coords, centers.flatten(0, 1))).unflatten(-1, centers.shape[:-1])
    return distances


def product(
    filters: Float[Tensor, "*batch layers width"], hidden: Sequence[nn.Module] | nn.ModuleList
) -> Float[Tensor, "*batch width"]:
    """z₁ = g₁, zₗ = gₗ ∘ (Wₗ zₗ₋₁ + bₗ); the last z."""
    first, *others = filters.unbind(dim=-2)
    values = first
    for layer, filtered in zip(hidden, others, strict=True):
        values = filtered * layer(values)
    return values
