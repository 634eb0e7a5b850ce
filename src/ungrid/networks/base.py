"""What a network is: features in, values out."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn


class Network(nn.Module, ABC):
    """Maps features [*, features] to values [*, c], each point on its own.

    A final class keeps each constructor argument under its own name (they are the saved spec), sets `in_dim` and
    `out_dim`, and registers every tensor that it needs as a parameter or a persistent buffer, created with the default
    device: files build it on the meta device first, to check sizes before allocating.
    """

    paper: ClassVar[str | None] = None
    in_dim: int
    out_dim: int
    smoothness: float = math.inf  # how often values are continuously differentiable by the features

    @abstractmethod
    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        """Values of each point."""

    def width_sum(self) -> int:
        """Sum of the layers' widths: floats that one point needs while it is evaluated, for memory bounds."""
        return sum(layer.out_features for layer in self.modules() if isinstance(layer, nn.Linear))
