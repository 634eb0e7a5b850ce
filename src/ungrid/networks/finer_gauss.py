"""FINER++ on Gaussians: bumps that repeat, and the faster the farther from zero."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.networks.base import Network
from ungrid.networks.finer import variable_period
from ungrid.networks.initialize import check_sizes, sine_layers
from ungrid.networks.limits import check_positive


class FinerGauss(Network):
    """Variable-periodic Gaussians: hₗ₊₁ = exp(−(s sin(ω(|u| + 1)u))²), u = Wₗhₗ + bₗ, then a linear layer.

    The Gaussian network's bump, repeated by FINER's sine, so that biases choose frequencies here, too. Takes bare coordinates
    (`Identity`). Its second derivatives jump where a u is zero.

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each hidden layer.
        depth: number of hidden layers, 1 to 256; the authors' `hidden_layers=3` is 4 here, since they do not count the first.
        scale: s, the inverse width of a bump, per unit of the sine.
        omega: ω of each hidden layer, in radians per unit of (|u| + 1)u.
        first_bias_scale: k, the first biases start as U(±k).
        alpha_gradient: whether descent sees |u| + 1 change with the weights, see `Finer`; False as in the authors' code.
        seed: of the initial weights, which are SIREN's for this ω.

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
        scale: float = 3.0,
        omega: float = 10.0,
        first_bias_scale: float = 1.0,
        alpha_gradient: bool = True,
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_positive({"scale": scale, "omega": omega, "first_bias_scale": first_bias_scale})
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.scale, self.omega, self.first_bias_scale = scale, omega, first_bias_scale
        self.alpha_gradient, self.seed = alpha_gradient, seed
        rng = torch.Generator().manual_seed(seed)
        sizes = [in_dim, *[width] * depth, out_dim]
        self.layers = sine_layers(sizes, [omega] * depth, rng, first_bias_bound=first_bias_scale)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        *hidden, last = self.layers
        values, exact = features, self.alpha_gradient or features.requires_grad
        for layer in hidden:
            values = torch.sin(self.omega * variable_period(layer(values), exact=exact))
            values = torch.exp(-(self.scale * values).square())
        raw: Tensor = last(values)
        return raw
