"""Published settings on any signal: built for one unit a sample and values from 0 to 1, then given the signal's box and range."""

from collections.abc import Sequence

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.algebra import Sum
from ungrid.fields.base import Field
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.encoded import EncodedField
from ungrid.signals.base import OWN_PEAKS, Signal


def index_box(grid: Grid) -> Box:
    """A box of the grid's axes with one unit a sample, as pictures have it: what the builders take their sizes from."""
    return Box(grid.box.axes, tuple((0.0, float(n)) for n in grid.shape), grid.box.units, grid.box.periodic)


def fitted_out(field: Field, signal: Signal) -> Field:
    """The field on the signal's own box, with its values over the signal's range.

    Values of pictures and films already lie from 0 to 1, as the published settings expect; those of other signals are taken there
    from their lowest and highest by the last scale.
    """
    move(field, signal.box)
    if signal.kind in ("image", "video"):
        return field
    if signal.kind in OWN_PEAKS and signal.out_dim > 1:
        ends = [(float(values.min()), float(values.max())) for values in map(signal.known_channel, range(signal.out_dim))]
        return over_ranges(field, [(low, high if high > low else low + 1.0) for low, high in ends])
    low, high = float(signal.known_values.min()), float(signal.known_values.max())
    return field if (low, high) == (0.0, 1.0) else over_range(field, low, high if high > low else low + 1.0)


def move(field: Field, box: Box) -> None:
    """Give a field, and those inside it that were built on the same box, another box."""
    built_on = field.box
    for part in field.modules():
        if isinstance(part, Field) and part.box == built_on:
            part.box = box


def over_range(field: Field, low: float, high: float) -> Field:
    """The field with its values from 0 to 1 taken to [low, high]: by its own last scale where it has one."""
    spread = high - low
    if isinstance(field, EncodedField | ConvolutionalField):
        field.value_scale = tuple(scale * spread for scale in field.value_scale)
        field.value_offset = tuple(low + offset * spread for offset in field.value_offset)
        return field
    scaled = Sum((field,), (spread,), (low,))
    scaled.recipe = field.recipe
    return scaled


def over_ranges(field: Field, ranges: Sequence[tuple[float, float]]) -> Field:
    """As `over_range`, with a range for each channel.

    Raises:
        InputError: a field without a scale of its own for each channel.
    """
    if not isinstance(field, EncodedField | ConvolutionalField):
        raise InputError(f"a {type(field).__name__} has one scale for all channels, and these are in units of their own")
    scales, offsets = (list(each) * (len(ranges) if len(each) == 1 else 1) for each in (field.value_scale, field.value_offset))
    field.value_scale = tuple(scale * (high - low) for scale, (low, high) in zip(scales, ranges, strict=True))
    field.value_offset = tuple(low + offset * (high - low) for offset, (low, high) in zip(offsets, ranges, strict=True))
    return field
