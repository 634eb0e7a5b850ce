"""What an encoding is: normalized coordinates in, features out."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Encoding(nn.Module, ABC):
    """Maps normalized coords [*, d] in [-1, 1] to features [*, features].

    A final class keeps each constructor argument under its own name (they are the saved spec), sets `in_dim` and
    `out_dim`, and registers every tensor that it needs as a parameter or a persistent buffer, created with the default
    device: files build it on the meta device first, to check sizes before allocating.
    """

    paper: ClassVar[str | None] = None
    in_dim: int
    out_dim: int
    smoothness: float = math.inf  # how often features are continuously differentiable by the coords
    is_separable: ClassVar[bool] = False  # whether `on_axes` works along the axes, and so does better on few large grids

    @abstractmethod
    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        """Features of each coord."""

    def on_axes(self, axis_coords: list[Float[Tensor, "_"]]) -> Float[Tensor, "*shape features"]:
        """Features on the grid whose normalized axis coordinates are given [*shape, features].

        The grid's points are simply evaluated here; an encoding that separates into its axes does better.
        """
        points = torch.stack(torch.meshgrid(*axis_coords, indexing="ij"), dim=-1)
        features: Tensor = self(points)
        return features

    def width_sum(self) -> int:
        """Floats that one point needs while it is encoded, for memory bounds, those of the encodings inside included."""
        inside = (part.width_sum() for part in self.modules() if isinstance(part, Encoding) and part is not self)
        return 2 * self.out_dim + sum(inside)

    def octaves(self) -> Float[Tensor, " features"] | None:
        """Frequency of each feature in octaves above the encoding's lowest, for coarse-to-fine fitting; None if it has none."""
        return None
