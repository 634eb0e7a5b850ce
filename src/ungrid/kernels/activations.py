"""The pointwise functions between a network's layers, by the names that files and the command line use."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Activation = Callable[[Tensor], Tensor]


def unchanged(values: Float[Tensor, "*batch c"]) -> Float[Tensor, "*batch c"]:
    """The values as they are."""
    return values


ACTIVATIONS: dict[str, Activation] = {
    "none": unchanged,
    "sine": torch.sin,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "exp": torch.exp,
}
SMOOTHNESS = {"relu": 0.0, "leaky_relu": 0.0, "elu": 1.0}  # continuous derivatives; of all others every one is


def smoothness_of(activation: str) -> float:
    """How often an activation is continuously differentiable."""
    return SMOOTHNESS.get(activation, math.inf)


class Pointwise(NamedTuple):
    """What a network does beside its linear layers: hidden layer l gives activation(ωₗ(Wx + b)), the last one output_activation.

    `omegas` is one ω per hidden layer, or empty where all are 1.
    """

    activation: str
    omegas: tuple[float, ...]
    output_activation: str
