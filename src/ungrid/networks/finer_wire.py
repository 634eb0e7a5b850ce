"""FINER++ on wavelets: WIRE's wavelets of a sine whose period shrinks away from zero."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.networks.base import Network
from ungrid.networks.complex_linear import Parts, affine, complex_linear, complex_sine
from ungrid.networks.finer import variable_period
from ungrid.networks.initialize import check_sizes, linear, sine_start
from ungrid.networks.limits import check_positive
from ungrid.networks.wire import gabor, layer_floats, units


class FinerWire(Network):
    """Variable-periodic wavelets: hₗ₊₁ = exp(jω_w z − |sz|²), z = sin(ω p(u)), u = Wₗhₗ + bₗ complex, then the real part of a
    linear layer. p(u) = (|u| + 1)u for a real u, and for the real and imaginary part of a complex one each.

    WIRE's wavelet, repeated by FINER's sine, so that biases choose frequencies here, too. Takes bare coordinates (`Identity`).
    Its second derivatives jump where a part of u is zero.

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of a real network with as many parameters in a hidden layer; there are width / √2 complex units.
        depth: number of hidden layers, 1 to 256; the authors' `hidden_layers=3` is 4 here, since they do not count the first.
        scale: s, the inverse width of the window, per unit of z.
        wave_omega: ω_w of the wavelet, in radians per unit of z.
        omega: ω of the sine, in radians per unit of p(u).
        first_bias_scale: k, the first biases start as U(±k).
        alpha_gradient: whether descent sees |u| + 1 change with the weights, see `Finer`; False as in the authors' code.
        seed: of the initial weights, which are SIREN's for the frequency ω·ω_w, for real and imaginary part each.

    Shape: features [*, in_dim], best in [-1, 1] → values [*, c].
    Raises: InputError: a size out of range, or an s, ω or k that is not in (0, 10⁶].
    Differs from the paper: formula, initial weights and defaults are those of its authors' code, which leaves the gradient
        through |u| + 1 out.
    """

    paper = "zhu2024finerplusplus"
    smoothness = 1.0  # |u|u has the continuous derivative 2|u|, whose own one jumps

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 4,
        scale: float = 2.0,
        wave_omega: float = 4.0,
        omega: float = 5.0,
        first_bias_scale: float = 1.0,
        alpha_gradient: bool = True,
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_positive({"scale": scale, "wave_omega": wave_omega, "omega": omega, "first_bias_scale": first_bias_scale})
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.scale, self.wave_omega, self.omega = scale, wave_omega, omega
        self.first_bias_scale, self.alpha_gradient, self.seed = first_bias_scale, alpha_gradient, seed
        rng = torch.Generator().manual_seed(seed)
        n_units = units(width, math.sqrt(2))
        bound = math.sqrt(6 / n_units) / (omega * wave_omega)
        first = linear(sine_start(in_dim, n_units, rng, bound=1 / in_dim, bias_bound=first_bias_scale))
        rest = [complex_linear(n_units, fan_out, rng, bound=bound) for fan_out in [n_units] * (depth - 1) + [out_dim]]
        self.layers = nn.ModuleList([first, *rest])

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        *hidden, last = self.layers
        values: Parts = (features,)
        exact = self.alpha_gradient or features.requires_grad
        for layer in hidden:
            angles = tuple(self.omega * variable_period(part, exact=exact) for part in affine(layer, values))
            values = gabor(complex_sine(angles), self.wave_omega, self.scale)
        return affine(last, values)[0]

    def width_sum(self) -> int:
        """Sum of the layers' widths, a complex number counting as two floats."""
        return layer_floats(self.layers)
