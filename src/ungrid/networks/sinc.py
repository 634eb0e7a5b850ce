"""Sinc-activated networks: the interpolating function of sampling theory between the linear layers."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, linear, torch_start
from ungrid.networks.limits import check_positive

SERIES = (1.0, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800)  # of sin(t)/t, in powers of t²
NEAR = 0.5  # below it the series is exact to 5e-17, and the quotient's derivatives lose digits


class Sinc(Network):
    """Network of sincs: hₗ₊₁ = sinc(ωu) = sin(ωu) / ωu, u = Wₗhₗ + bₗ, then a linear layer.

    Shifts of a sinc represent any signal of bounded band from its samples, which is why its authors propose it. Smooth. Takes
    bare coordinates (`Identity`).

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each hidden layer.
        depth: number of hidden layers, 1 to 256.
        omega: ω, in radians per unit of u, where the band of sinc(ωu) ends.
        seed: of the initial weights, U(±1/√fan_in) as PyTorch has them.

    Shape: features [*, in_dim], best in [-1, 1] → values [*, c].
    Raises: InputError: a size out of range, or an ω that is not in (0, 10⁶].
    Differs from the paper: only the activation is its; default ω and initial weights are chosen by us.
    """

    paper = "saratchandran2024sampling"

    def __init__(self, in_dim: int, out_dim: int, width: int = 256, *, depth: int = 4, omega: float = 10.0, seed: int = 0):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_positive({"omega": omega})
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.omega, self.seed = omega, seed
        rng = torch.Generator().manual_seed(seed)
        sizes = zip([in_dim] + [width] * depth, [width] * depth + [out_dim], strict=True)
        self.layers = nn.ModuleList(linear(torch_start(fan_in, fan_out, rng)) for fan_in, fan_out in sizes)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        *hidden, last = self.layers
        values = features
        for layer in hidden:
            values = sinc(self.omega * layer(values))
        raw: Tensor = last(values)
        return raw


def sinc(angles: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    """sin(t) / t, 1 at zero, with derivatives that keep their digits near zero (`torch.sinc` loses them there)."""
    near = angles.abs() < NEAR
    square = torch.where(near, angles, 0.0).square()
    series = torch.full_like(square, SERIES[-1])
    for factor in reversed(SERIES[:-1]):
        series = series * square + factor
    far = torch.where(near, 1.0, angles)  # no division by zero, not even in a derivative that is then thrown away
    return torch.where(near, series, far.sin() / far)
