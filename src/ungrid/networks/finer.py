"""FINER: sines whose period shrinks away from zero, so that biases choose frequencies."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, sine_layers
from ungrid.networks.limits import check_positive


class Finer(Network):
    """Variable-periodic network: hₗ₊₁ = sin(ωₗ α u), α = |u| + 1, u = Wₗhₗ + bₗ, then a linear layer.

    A unit whose u is far from zero oscillates fast, so a wide `first_bias_scale` gives the network high frequencies to start
    with. Takes bare coordinates (`Identity`). Its second derivatives jump where a u is zero.

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each hidden layer.
        depth: number of hidden layers, 1 to 256; the authors' `hidden_layers=3` is 4 here, since they do not count the first.
        first_omega: ω of the first layer, in radians per unit of αu.
        hidden_omega: ω of the other layers; it scales their gradients, since the initial weights are divided by it.
        first_bias_scale: k, the first biases start as U(±k); None for U(±1/√fan_in). Their code fits pictures with None.
        alpha_gradient: whether descent sees α change with the weights. False as in the authors' code, where α counts as a
            constant when gradients by the weights are taken. Derivatives by the features are exact either way: where
            features ask for gradients, all gradients are.
        seed: of the initial weights.

    Shape: features [*, in_dim], best in [-1, 1] → values [*, c].
    Raises: InputError: a size out of range, or an ω or k that is not in (0, 10⁶].
    Differs from the paper: its code leaves the gradient through α out by default (`scale_req_grad=False`), which its
        formula does not say; here that is `alpha_gradient=False`, which the preset takes.
    """

    paper = "liu2024finer"
    smoothness = 1.0  # |u|u has the continuous derivative 2|u|, whose own one jumps

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 4,
        first_omega: float = 30.0,
        hidden_omega: float = 30.0,
        first_bias_scale: float | None = None,
        alpha_gradient: bool = True,
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_positive({"first_omega": first_omega, "hidden_omega": hidden_omega})
        check_positive({} if first_bias_scale is None else {"first_bias_scale": first_bias_scale})
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.first_omega, self.hidden_omega, self.seed = first_omega, hidden_omega, seed
        self.first_bias_scale, self.alpha_gradient = first_bias_scale, alpha_gradient
        sizes = [in_dim, *[width] * depth, out_dim]
        rng = torch.Generator().manual_seed(seed)
        self.layers = sine_layers(sizes, [hidden_omega] * depth, rng, first_bias_bound=first_bias_scale)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        first, *hidden, last = self.layers
        exact = self.alpha_gradient or features.requires_grad
        values = torch.sin(self.first_omega * variable_period(first(features), exact=exact))
        for layer in hidden:
            values = torch.sin(self.hidden_omega * variable_period(layer(values), exact=exact))
        raw: Tensor = last(values)
        return raw


def variable_period(inputs: Float[Tensor, "*batch n"], *, exact: bool) -> Float[Tensor, "*batch n"]:
    """(|u| + 1) u, the argument that makes a function of short period far from zero; unless `exact`, |u| + 1 counts as a
    constant when reverse-mode gradients are taken."""
    if exact:
        return (inputs.abs() + 1) * inputs
    with torch.no_grad():  # not detach: forward-mode derivatives stay exact
        alpha = inputs.abs() + 1
    return alpha * inputs
