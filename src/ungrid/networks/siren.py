"""SIREN: a multilayer perceptron of sines, and the initialization that makes it trainable."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.kernels.mlp import fused_mlp
from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, linear, parameters_of, sine_start

MAX_OMEGA = 1e6


class Siren(Network):
    """Sinusoidal representation network: hₗ₊₁ = sin(ωₗ(Wₗhₗ + bₗ)), then a linear layer.

    Smooth, with derivatives of every order that are again SIRENs: fits gradients, Laplacians and differential equations.
    Takes bare coordinates (`Identity`). A larger `first_omega` reaches finer detail and, too large, gives noise between samples.

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each sine layer.
        depth: number of sine layers, 1 to 256; the authors' `hidden_layers=3` is 4 here, since they do not count the first.
        first_omega: ω of the first layer, in radians per unit of its pre-activation. 30 for pictures, 3000 for sound.
        hidden_omega: ω of the other layers; it scales their gradients, since the initial weights are divided by it.
        omegas: ω of each sine layer in place of the two above (the output layer is still divided by `hidden_omega`), or None.
        first_bound: the first weights are uniform in ± this; None for 1/in_dim, made for coordinates. Behind other sine layers,
            √(6/in_dim)/ω starts the first layer as the later ones.
        seed: of the initial weights.

    Shape: features [*, in_dim], best in [-1, 1] → values [*, c].
    Raises: InputError: a size out of range, or an ω that is not in (0, 10⁶].
    Differs from the paper: as in the authors' code, ω multiplies the bias too, first weights are U(±1/fan_in), others
        U(±√(6/fan_in)/ω), and biases U(±1/√fan_in). So hidden pre-activations have variance near 1 + ω²/(3·fan_in), not 1.
    """

    paper = "sitzmann2020siren"

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 4,
        first_omega: float = 30.0,
        hidden_omega: float = 30.0,
        omegas: tuple[float, ...] | None = None,
        first_bound: float | None = None,
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.first_omega, self.hidden_omega, self.first_bound, self.seed = first_omega, hidden_omega, first_bound, seed
        self.omegas = None if omegas is None else tuple(omegas)
        self.layer_omegas = (first_omega,) + (hidden_omega,) * (depth - 1) if self.omegas is None else self.omegas
        check_omegas(self.layer_omegas, first_omega, hidden_omega, depth)
        if first_bound is not None and not 0 < first_bound <= MAX_OMEGA:
            raise InputError(f"first_bound is {first_bound!r}, expected a number above 0 and at most {MAX_OMEGA:g}, or None")
        rng = torch.Generator().manual_seed(seed)
        bounds = [1 / in_dim if first_bound is None else first_bound] + [
            math.sqrt(6 / width) / omega for omega in (*self.layer_omegas[1:], hidden_omega)
        ]
        sizes = zip([in_dim] + [width] * depth, [width] * depth + [out_dim], bounds, strict=True)
        starts = (sine_start(fan_in, fan_out, rng, bound=bound) for fan_in, fan_out, bound in sizes)
        self.layers = nn.ModuleList(map(linear, starts))

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        weights, biases = parameters_of(self.layers)
        return fused_mlp(features, weights, biases, activation="sine", omegas=self.layer_omegas)


def check_omegas(layer_omegas: tuple[float, ...], first_omega: float, hidden_omega: float, depth: int) -> None:
    """Raise InputError unless there is one ω per sine layer and each is in (0, 10⁶]."""
    if len(layer_omegas) != depth:
        raise InputError(f"omegas has {len(layer_omegas)} entries, expected one for each of {depth} sine layers")
    for omega in (*layer_omegas, first_omega, hidden_omega):
        if not isinstance(omega, int | float) or isinstance(omega, bool) or not 0 < omega <= MAX_OMEGA:
            raise InputError(f"an omega is {omega!r}, expected a number above 0 and at most {MAX_OMEGA:g}")
