"""The plainest sensor: the field's value at a point."""

from jaxtyping import Float
from torch import Tensor

from ungrid.shapes import FieldLike


class PointValues:
    """prediction = field(query), of all channels or some.

    Args:
        channels: indices of the channels that the sensor sees, or None for all.

    Shape: query [n, d] in the units of the box → [n, c].
    """

    def __init__(self, channels: tuple[int, ...] | None = None):
        self.channels = channels

    def __call__(self, field: FieldLike, query: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of the field at the query points."""
        return select_channels(field, self.channels)(query)


def select_channels(field: FieldLike, channels: tuple[int, ...] | None) -> FieldLike:
    """The field restricted to some of its channels; itself for None."""
    if channels is None:
        return field
    return lambda coords: field(coords)[..., list(channels)]
