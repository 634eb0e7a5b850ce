"""The plainest sensor: the field's value at a point."""

from jaxtyping import Float
from torch import Tensor

from ungrid.domain.sampling import Batch, Tile
from ungrid.errors import InputError
from ungrid.shapes import FieldLike, GridFieldLike


class PointValues:
    """prediction = field(query), of all channels or some.

    Args:
        channels: indices of the channels that the sensor sees, or None for all.

    Shape: query [n, d] in the units of the box, or a tile of n observed cells → [n, c].
    """

    def __init__(self, channels: tuple[int, ...] | None = None):
        self.channels = channels

    def __call__(self, field: FieldLike, query: Float[Tensor, "n d"] | Tile) -> Float[Tensor, "n c"]:
        """Values of the field at the query points."""
        values = (
            on_tile(field, query) if isinstance(query, Tile) else field(query.to(getattr(field, "coords_dtype", query.dtype)))
        )
        return values if self.channels is None else values[..., list(self.channels)]

    def add_squared_error(self, field: FieldLike, batch: Batch, factor: float) -> float | None:
        """Add the gradients of factor · mean (prediction − target)² where the field does so in one go; None elsewhere."""
        add = getattr(field, "add_squared_error", None)
        if add is None or self.channels is not None or isinstance(batch.query, Tile) or batch.weight is not None:
            return None
        query = batch.query.to(getattr(field, "coords_dtype", batch.query.dtype))
        done: float | None = add(query, batch.target, factor)
        return done


def on_tile(field: FieldLike, tile: Tile) -> Float[Tensor, "n c"]:
    """Values at a tile's observed cells, the field being asked for its whole grid at once where it can be."""
    if not isinstance(field, GridFieldLike):
        raise InputError(f"a tile of a grid is asked of a field that has `on(grid)`; got {type(field).__name__}")
    values = field.on(tile.grid).flatten(0, -2)
    return values if tile.index is None else values[tile.index.to(values.device)]


def select_channels(field: FieldLike, channels: tuple[int, ...] | None) -> FieldLike:
    """The field restricted to some of its channels; itself for None."""
    if channels is None:
        return field
    return lambda coords: field(coords)[..., list(channels)]
