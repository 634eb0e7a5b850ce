"""WIRE: wavelets between the linear layers, oscillating and yet local."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from ungrid.networks.base import Network
from ungrid.networks.complex_linear import ComplexLinear, Parts, affine, complex_linear, squared_size, wave
from ungrid.networks.initialize import check_sizes, linear, torch_start
from ungrid.networks.limits import check_positive
from ungrid.spec import lookup


class Wire(Network):
    """Wavelet network: hₗ₊₁ = exp(jωₗu − |su|²), u = Wₗhₗ + bₗ complex, then the real part of a linear layer.

    Each unit is a Gabor wavelet of its input: a wave of frequency ω under a window of width 1/s. Meant for noisy measurements
    and high rates of descent. Smooth. Takes bare coordinates (`Identity`). Its authors want ω/s below 2.

    | wavelet | activation | units of a layer |
    |---|---|---|
    | "complex" | exp(jωu − s²abs(u)²), the paper's | width / √2 |
    | "complex_2d" | exp(jωu − s²(abs(u)² + abs(v)²)), v a second linear map: a window of two axes | width / 2 |
    | "real" | cos(ωu) exp(−s²v²), real throughout, v a second linear map | width / √2 |

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of a real network with as many parameters in a hidden layer; the units are fewer, see the table.
        depth: number of hidden layers, 1 to 256; the authors' `hidden_layers=2` is 3 here, since they do not count the first.
        first_omega: ω of the first layer, in radians per unit of u.
        hidden_omega: ω of the other layers.
        scale: s, the inverse width of the window, per unit of u.
        wavelet: a name in the table.
        seed: of the initial weights, U(±1/√fan_in) as PyTorch has them, for real and imaginary part each.

    Shape: features [*, in_dim], best in [-1, 1] → values [*, c].
    Raises: InputError: a size out of range, or an ω or s that is not in (0, 10⁶]. UnknownName: no such wavelet.
    Differs from the paper: as in the authors' code, the parts of a complex weight each have a real weight's bounds. The default
        ω and s are what that code advises for pictures; its constructor says 30 and 10.
    """

    paper = "saragadam2023wire"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 3,
        first_omega: float = 20.0,
        hidden_omega: float = 20.0,
        scale: float = 30.0,
        wavelet: str = "complex",
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_positive({"first_omega": first_omega, "hidden_omega": hidden_omega, "scale": scale})
        self.kind: Wavelet = lookup(wavelet, WAVELETS, "wavelet")
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.first_omega, self.hidden_omega, self.scale = first_omega, hidden_omega, scale
        self.wavelet, self.seed = wavelet, seed
        rng = torch.Generator().manual_seed(seed)
        make = complex_linear if self.kind.is_complex else _real_linear
        n_units = units(width, self.kind.parity)
        layers: list[nn.Module] = [_real_linear(in_dim, self.kind.n_maps * n_units, rng)]
        layers += [make(n_units, self.kind.n_maps * n_units, rng) for _ in range(depth - 1)]
        self.layers = nn.ModuleList([*layers, make(n_units, out_dim, rng)])

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        *hidden, last = self.layers
        values: Parts = (features,)
        omega = self.first_omega
        for layer in hidden:
            values = self.kind.activate(affine(layer, values), omega, self.scale)
            omega = self.hidden_omega
        return affine(last, values)[0]

    def width_sum(self) -> int:
        """Sum of the layers' widths, a complex number counting as two floats."""
        return layer_floats(self.layers)


class Wavelet(NamedTuple):
    """A form of the activation: (outputs of a layer's n_maps linear maps side by side, ω, s) → values, one for each unit."""

    activate: Callable[[Parts, float, float], Parts]
    n_maps: int
    parity: float
    is_complex: bool


def units(width: int, parity: float) -> int:
    """Units of a layer that stands for `width` real ones: width / parity, rounded down, at least 1."""
    return max(1, int(width / parity))


def layer_floats(layers: nn.ModuleList) -> int:
    """Floats that one point needs in complex layers; a real first layer counts as complex, for its waves are."""
    return sum(2 * layer.out_features for layer in layers if isinstance(layer, ComplexLinear | nn.Linear))


def gabor(inputs: Parts, omega: float, scale: float) -> Parts:
    """exp(jωu − |su|²) of real or complex u; complex."""
    return wave(inputs, omega, scale**2 * squared_size(inputs))


def gabor_2d(inputs: Parts, omega: float, scale: float) -> Parts:
    """exp(jωu − s²(|u|² + |v|²)) of real or complex (u, v) side by side; complex."""
    along, across = _halves(inputs)
    return wave(along, omega, scale**2 * (squared_size(along) + squared_size(across)))


def real_gabor(inputs: Parts, omega: float, scale: float) -> Parts:
    """cos(ωu) exp(−(sv)²) of real (u, v) side by side."""
    (along,), (window,) = _halves(inputs)
    return (torch.cos(omega * along) * torch.exp(-(scale * window).square()),)


WAVELETS = {
    "complex": Wavelet(gabor, 1, math.sqrt(2), is_complex=True),
    "complex_2d": Wavelet(gabor_2d, 2, 2.0, is_complex=True),
    "real": Wavelet(real_gabor, 2, math.sqrt(2), is_complex=False),
}


def _halves(values: Parts) -> tuple[Parts, Parts]:
    halves = [part.chunk(2, dim=-1) for part in values]
    return tuple(half[0] for half in halves), tuple(half[1] for half in halves)


def _real_linear(fan_in: int, fan_out: int, rng: Generator) -> nn.Linear:
    return linear(torch_start(fan_in, fan_out, rng))
