"""The multilayer perceptron: linear layers with a pointwise function in between."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.kernels.activations import ACTIVATIONS, Activation, Pointwise, smoothness_of
from ungrid.kernels.mlp import fused_mlp
from ungrid.kernels.step_native import Perceptron
from ungrid.networks.base import Network
from ungrid.networks.initialize import INITIALIZATIONS, check_sizes, linear, parameters_of
from ungrid.spec import lookup


class Mlp(Network):
    """Multilayer perceptron: hₗ₊₁ = activation(Wₗhₗ + bₗ), then a last linear layer and `output_activation`.

    Wants an encoding before it: on bare coordinates it learns only what is smooth. With "relu" and "leaky_relu" its second
    derivatives are zero almost everywhere; take "gelu", "silu", "softplus" or "tanh" where they count.

    Args:
        in_dim: length of the features, 1 to 65536.
        out_dim: c, length of a value.
        width: of each hidden layer.
        depth: number of hidden layers; 0 is one linear map.
        activation: a name in `ACTIVATIONS`.
        output_activation: likewise, of the values; "sigmoid" keeps them in (0, 1), "none" leaves them.
        skips: layers that also see the input features, after what comes before: 1 is the second hidden layer, `depth` the output
            layer. DeepSDF has (4,).
        initialization: "torch", "glorot" or "he", see `ungrid.networks.initialize`. The Fourier-features notebooks have "glorot".
        seed: of the initial weights.

    Shape: features [*, in_dim] → values [*, c].
    Raises: InputError: a size or skip out of range. UnknownName: no such activation or initialization.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 3,
        activation: str = "relu",
        output_activation: str = "none",
        skips: tuple[int, ...] = (),
        initialization: str = "torch",
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth)
        if any(skip not in range(1, depth + 1) for skip in skips) or len(set(skips)) < len(skips):
            raise InputError(f"skips is {skips!r}, expected distinct layers from 1 to the depth, {depth}")
        self.activate: Activation = lookup(activation, ACTIVATIONS, "activation")
        self.activate_output: Activation = lookup(output_activation, ACTIVATIONS, "activation")
        start = lookup(initialization, INITIALIZATIONS, "initialization")
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.activation, self.output_activation = activation, output_activation
        self.skips, self.initialization, self.seed = tuple(skips), initialization, seed
        self.smoothness = min(smoothness_of(activation) if depth else math.inf, smoothness_of(output_activation))
        rng = torch.Generator().manual_seed(seed)
        fans_in = [in_dim] + [width + in_dim * (layer in self.skips) for layer in range(1, depth + 1)]
        fans_out = [width] * depth + [out_dim]
        sizes = zip(fans_in, fans_out, strict=True)
        self.layers = nn.ModuleList(linear(start(fan_in, fan_out, rng)) for fan_in, fan_out in sizes)

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        if not self.skips:
            weights, biases = parameters_of(self.layers)
            return fused_mlp(features, weights, biases, activation=self.activation, output_activation=self.output_activation)
        *hidden, last = self.layers
        values = features
        for index, layer in enumerate(hidden):
            values = self.activate(layer(self._joined(values, features, index)))
        return self.activate_output(last(self._joined(values, features, self.depth)))

    def perceptron(self) -> Perceptron | None:
        """Its parameters for the kernels that take a whole step; None where it has skips."""
        if self.skips:
            return None
        return Perceptron(*parameters_of(self.layers), Pointwise(self.activation, (), self.output_activation))

    def _joined(self, values: Tensor, features: Tensor, layer: int) -> Tensor:
        return torch.cat([values, features], dim=-1) if layer in self.skips else values
