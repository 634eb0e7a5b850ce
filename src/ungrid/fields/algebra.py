"""Fields from fields at the same place: sums, products, blends by a mask, seams along an axis."""

import itertools
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.grid import Grid
from ungrid.encodings.limits import check_number
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.composite import CompositeField, check_parts, common_box, common_out_dim, common_record

MAX_WEIGHT = 1e12


class Sum(CompositeField):
    """A weighted sum: values = Σ weightₖ · fieldₖ + offset.

    `a + b`, `a - b`, `2 * a`, `a / 2`, `-a` and `1 - a` make one, and sums of sums become one sum.

    Args:
        fields: 1 to 64 fields in one box, of as many channels each, or of one for all channels alike.
        weights: of each field; none for 1 each.
        offset: added to each channel, or one for all.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: fields that do not go together, or numbers that are not theirs.
    """

    def __init__(self, fields: tuple[Field, ...], weights: tuple[float, ...] = (), offset: tuple[float, ...] = (0.0,)):
        super().__init__()
        _check_some(fields)
        self.terms = nn.ModuleList(fields)
        self.box, self.out_dim = common_box(fields), common_out_dim(fields)
        self.weights, self.offset = tuple(weights) or (1.0,) * len(fields), tuple(offset)
        if len(self.weights) != len(fields) or len(self.offset) not in (1, self.out_dim):
            raise InputError(
                f"a sum of {len(fields)} fields of {self.out_dim} channels got {len(self.weights)} weights and "
                f"{len(self.offset)} offsets; expected {len(fields)}, and 1 or {self.out_dim}"
            )
        for number in (*self.weights, *self.offset):
            check_number("a weight or offset", number, -MAX_WEIGHT, MAX_WEIGHT)
        self.record = common_record(fields, self.out_dim)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that are added."""
        return tuple(self.terms)  # type: ignore[arg-type]

    @property
    def parts(self) -> tuple[Field, ...]:
        """The fields that are added."""
        return self.fields

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return self._sum([field.values_at(coords) for field in self.fields])

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: each field is asked for the grid."""
        return self._sum([field.on(grid) for field in self.fields])

    def _sum(self, values: Sequence[Tensor]) -> Tensor:
        total = values[0].new_tensor(self.offset)
        for weight, part in zip(self.weights, values, strict=True):
            total = total + weight * part
        return total


class Product(CompositeField):
    """A product, channel by channel: values = Π fieldₖ. `a * b` makes one.

    A field of one channel scales all channels of the others: a shading, a window.

    Args:
        fields: 1 to 64 fields in one box, of as many channels each, or of one for all channels alike.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: fields that do not go together.
    """

    def __init__(self, fields: tuple[Field, ...]):
        super().__init__()
        _check_some(fields)
        self.factors = nn.ModuleList(fields)
        self.box, self.out_dim = common_box(fields), common_out_dim(fields)
        self.record = common_record(fields, self.out_dim)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that are multiplied."""
        return tuple(self.factors)  # type: ignore[arg-type]

    @property
    def parts(self) -> tuple[Field, ...]:
        """The fields that are multiplied."""
        return self.fields

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return _product([field.values_at(coords) for field in self.fields])

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: each field is asked for the grid."""
        return _product([field.on(grid) for field in self.fields])


class Blended(CompositeField):
    """Two fields and a mask: values = (1 − w) · first + w · second, where w is the mask's value, as it is.

    The mask may be any field, also one that is fitted together with the others. Nothing keeps it between 0 and 1.

    Args:
        first: seen where the mask is 0.
        second: seen where the mask is 1, of as many channels, in the same box.
        mask: of one channel, or as many as the others.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: fields that do not go together.
    """

    def __init__(self, first: Field, second: Field, mask: Field):
        super().__init__()
        check_parts((first, second, mask))
        self.box, self.out_dim = common_box((first, second, mask)), common_out_dim((first, second))
        if mask.out_dim not in (1, self.out_dim):
            raise InputError(f"the mask has {mask.out_dim} channels; expected 1 or {self.out_dim}, as the fields have")
        self.first, self.second, self.mask = first, second, mask
        self.record = common_record((first, second), self.out_dim)
        if self.record is not None and (mask.record is None or mask.record.stored != "float16"):
            self.record.stored = "float32"

    @property
    def parts(self) -> tuple[Field, ...]:
        """Both fields and the mask."""
        return self.first, self.second, self.mask

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        first, second, weight = (part.values_at(coords) for part in self.parts)
        return (1 - weight) * first + weight * second

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: each part is asked for the grid."""
        first, second, weight = (part.on(grid) for part in self.parts)
        return (1 - weight) * first + weight * second


class Stitched(CompositeField):
    """Two fields side by side with a soft seam: values = (1 − w) · first + w · second, w = 6t⁵ − 15t⁴ + 10t³.

    t runs from 0 to 1 over `width` around `at`, so w has two continuous derivatives. On a grid each field is drawn only where
    it is seen. The rule is ours.

    Args:
        first: seen below the seam.
        second: seen above it, of as many channels, in the same box.
        axis: name of the axis that the seam crosses.
        at: middle of the seam on that axis, in the units of the box; inside it.
        width: of the seam, in the units of the box; above 0.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: fields that do not go together, no such axis, or a seam beyond the box.
    """

    def __init__(self, first: Field, second: Field, axis: str, at: float, width: float):
        super().__init__()
        check_parts((first, second))
        self.box, self.out_dim = common_box((first, second)), common_out_dim((first, second))
        low, high = self.box.bounds[self.box.axis(axis)]
        if not (low <= at <= high and 1e-9 * (high - low) < width <= 1e9 * (high - low)):
            raise InputError(
                f"the seam is at {axis} = {at:g}, {width:g} wide; expected a place from {low:g} to {high:g} and a width above 0"
            )
        self.first, self.second = first, second
        self.axis, self.at, self.width = axis, at, width
        self.record = common_record((first, second), self.out_dim)

    @property
    def parts(self) -> tuple[Field, ...]:
        """Both fields."""
        return self.first, self.second

    @property
    def smoothness(self) -> float:
        """At most 2, that of the seam."""
        return min(2.0, super().smoothness)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords, from both fields everywhere."""
        axis = self.box.axis(self.axis)
        low, high = self.box.bounds[axis]
        half = (high - low) / 2
        weight = _fade(coords[..., axis : axis + 1] * (half / self.width) + ((low + half - self.at) / self.width + 0.5))
        return (1 - weight) * self.first.values_at(coords) + weight * self.second.values_at(coords)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: below the seam of the first field, above it of the second, in it of both."""
        axis = self.box.axis(self.axis)
        place = (grid.axis_coords(axis, dtype=torch.float64) - self.at) / self.width + 0.5
        start, stop = int((place <= 0).sum()), int((place < 1).sum())
        ends = [0, start, stop, len(place)]
        blocks = [slice(a, b) for a, b in itertools.pairwise(ends)]
        drawn = []
        for block, fields in zip(blocks, ((self.first,), (self.first, self.second), (self.second,)), strict=True):
            if block.stop > block.start:
                slices = [slice(0, n) for n in grid.shape]
                slices[axis] = block
                values = [field.on(grid.part(tuple(slices))) for field in fields]
                drawn.append(self._mixed(values, place[block], axis))
        return torch.cat(drawn, dim=axis)

    def _mixed(self, values: Sequence[Tensor], place: Tensor, axis: int) -> Tensor:
        """Values of a block, of one field or mixed of both, with all channels."""
        if len(values) == 1:
            return values[0].expand(*values[0].shape[:-1], self.out_dim)
        shape = [1] * values[0].ndim
        shape[axis] = -1
        weight = _fade(place).to(values[0]).reshape(shape)
        return (1 - weight) * values[0] + weight * values[1]


def _fade(place: Tensor) -> Tensor:
    """0 below 0, 1 above 1, and a polynomial of two continuous derivatives in between."""
    t = place.clamp(0, 1)
    return t**3 * (t * (6 * t - 15) + 10)


def _product(values: Sequence[Tensor]) -> Tensor:
    result = values[0]
    for factor in values[1:]:
        result = result * factor
    return result


def _check_some(fields: Sequence[Field]) -> None:
    if not fields:
        raise InputError("got no field; expected at least one")
    check_parts(fields)
