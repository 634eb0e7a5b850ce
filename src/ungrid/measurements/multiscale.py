"""A sensor that sees all scales of a field at once."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.shapes import FieldLike, MultiscaleFieldLike


class MultiscaleValues:
    """predictions = the values of every level of the field at the query, from coarse to fine.

    A field without levels counts as one of one level.

    Args:
        channels: indices of the channels that the sensor sees, or None for all.

    Shape: query [n, d] in the units of the box → [n, levels, c].
    """

    paper = "lindell2022bacon"
    has_levels = True

    def __init__(self, channels: tuple[int, ...] | None = None):
        self.channels = channels

    def __call__(self, field: FieldLike, query: Float[Tensor, "n d"]) -> Float[Tensor, "n levels c"]:
        """Values of all levels at the query points."""
        values: Tensor
        query = query.to(getattr(field, "coords_dtype", query.dtype))  # of a long grid they are finer than the field tells apart
        values = field.levels(query) if isinstance(field, MultiscaleFieldLike) else torch.unsqueeze(field(query), 1)
        return values if self.channels is None else values[..., list(self.channels)]
