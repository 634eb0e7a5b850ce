"""Sensors of change: the field's gradient and Laplacian at a point."""

from jaxtyping import Float
from torch import Tensor

from ungrid.differentiate import gradient, laplacian
from ungrid.measurements.values import select_channels
from ungrid.shapes import FieldLike


class Gradient:
    """prediction = ∂field/∂coords at the query, per unit of the box.

    Args:
        channels: indices of the channels that are differentiated, or None for all.

    Shape: query [n, d] → [n, c, d].
    """

    paper = "sitzmann2020siren"

    def __init__(self, channels: tuple[int, ...] | None = None):
        self.channels = channels

    def __call__(self, field: FieldLike, query: Float[Tensor, "n d"]) -> Float[Tensor, "n c d"]:
        """First derivatives of the field at the query points."""
        return gradient(select_channels(field, self.channels), query)


class Laplacian:
    """prediction = Σ_i ∂²field/∂coord_i² at the query, per squared unit of the box.

    Args:
        channels: indices of the channels that are differentiated, or None for all.

    Shape: query [n, d] → [n, c].
    """

    paper = "sitzmann2020siren"

    def __init__(self, channels: tuple[int, ...] | None = None):
        self.channels = channels

    def __call__(self, field: FieldLike, query: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Laplacian of the field at the query points."""
        return laplacian(select_channels(field, self.channels), query)
