"""Sensors of change: the field's gradient and Laplacian at a point."""

import math

from jaxtyping import Float
from torch import Tensor

from ungrid.differentiate import gradient, laplacian
from ungrid.errors import InputError
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
    Raises: InputError: the field is not once continuously differentiable, as a Laplacian wants it.
    """

    paper = "sitzmann2020siren"

    def __init__(self, channels: tuple[int, ...] | None = None):
        self.channels = channels

    def __call__(self, field: FieldLike, query: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Laplacian of the field at the query points."""
        if getattr(field, "smoothness", math.inf) < 1:
            raise InputError(
                "the field has kinks (ReLU or linear interpolation), where it has no Laplacian, and between them it is no guide; "
                "take a smooth one, for instance siren"
            )
        return laplacian(select_channels(field, self.channels), query)
