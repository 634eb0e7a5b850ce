"""Fields from fields at other places: cut to a part of the box, moved by an affine map, bent by a field of displacements."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Affine, Box
from ungrid.domain.grid import Grid
from ungrid.encodings.limits import check_number
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.composite import CompositeField, check_parts, common_box, common_record
from ungrid.fields.record import Record

MAX_ENTRY = 1e12  # of an affine map
MAX_SAMPLES = 2**40  # along an axis: of a record


class Cropped(CompositeField):
    """A field on a part of its box: the same values at the same coordinates.

    Args:
        field: what is cut.
        box: the part, as `field.box.crop({axis: (low, high)})` gives it.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: a box that is no part of the field's.
    """

    def __init__(self, field: Field, box: Box):
        super().__init__()
        check_parts((field,))
        if box != field.box.crop(dict(zip(box.axes, box.bounds, strict=True))):
            raise InputError(
                f"the box {box} is no part of the field's, {field.box}; cut that one: field.box.crop({{axis: (low, high)}})"
            )
        self.field, self.box, self.out_dim = field, box, field.out_dim
        self.record = _moved_record(field, box, _identity(box.dim))

    @property
    def parts(self) -> tuple[Field, ...]:
        """The field that is cut."""
        return (self.field,)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        matrix = coords.new_tensor(_normalized(_identity(self.box.dim), self.box, self.field.box))
        return self.field.values_at(coords * matrix[:, :-1].diagonal() + matrix[:, -1])

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: the field is asked for it, since coordinates are the same."""
        return self.field.on(grid)


class Transformed(CompositeField):
    """A field seen through an affine map: values(x) = field(A x + b), in another box.

    Moves, scales, turns, changes units, cuts a plane out of a volume. `field` is asked where the map leads, beyond its box,
    too, where no field promises anything.

    Args:
        field: what is seen.
        box: where the new field lives; its axes may be fewer.
        matrix: rows [A | b], one for each axis of the field's box, each with one number for each axis of `box` and a last
            one; from the units of `box` to those of the field's.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: a matrix of another shape, or with numbers out of range.
    """

    def __init__(self, field: Field, box: Box, matrix: Affine):
        super().__init__()
        check_parts((field,))
        if len(matrix) != field.box.dim or any(len(row) != box.dim + 1 for row in matrix):
            raise InputError(
                f"the matrix has rows of {[len(row) for row in matrix]} numbers; expected {field.box.dim} rows of {box.dim + 1}, "
                f"from axes {box.axes} to {field.box.axes}"
            )
        for number in (number for row in matrix for number in row):
            check_number("an entry of the matrix", number, -MAX_ENTRY, MAX_ENTRY)
        self.field, self.box, self.out_dim = field, box, field.out_dim
        self.matrix = tuple(tuple(row) for row in matrix)
        self.record = _moved_record(field, box, self.matrix)

    @property
    def parts(self) -> tuple[Field, ...]:
        """The field that is seen."""
        return (self.field,)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return self.field.values_at(self._led(coords))

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: the field is asked for a grid where the map leaves the axes as they are."""
        if self._keeps_axes():
            scales = [row[axis] for axis, row in enumerate(self.matrix)]
            shifts = [row[-1] for row in self.matrix]
            led = zip(grid.box.bounds, scales, shifts, strict=True)
            bounds = tuple((low * scale + shift, high * scale + shift) for (low, high), scale, shift in led)
            return self.field.on(Grid(Box(self.field.box.axes, bounds, self.field.box.units), grid.shape))
        own = next(self.parameters(), torch.zeros(()))
        points = self.box.normalize(grid.points(dtype=torch.float64, device=own.device))
        return self.field.values_at(self._led(points).to(own.dtype))

    def _led(self, coords: Tensor) -> Tensor:
        """Normalized coords of the field, for those of this one."""
        matrix = coords.new_tensor(_normalized(self.matrix, self.box, self.field.box))
        return coords @ matrix[:, :-1].T + matrix[:, -1]

    def _keeps_axes(self) -> bool:
        """Whether each axis is only scaled, by a positive number, and shifted."""
        linear = [row[:-1] for row in self.matrix]
        return self.box.dim == self.field.box.dim and all(
            number > 0 if row == column else number == 0
            for row, numbers in enumerate(linear)
            for column, number in enumerate(numbers)
        )


class Warped(CompositeField):
    """A field bent by displacements: values(x) = field(x + displacement(x)).

    Registration, motion, distortion: the displacement is a field like any other, and is fitted like one. Derivatives are those
    of the whole, by the chain rule.

    Args:
        field: what is bent.
        displacement: of one channel for each axis, in the order and the units of the box, which both share.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: fields in different boxes, or a displacement of another number of channels.
    """

    def __init__(self, field: Field, displacement: Field):
        super().__init__()
        check_parts((field, displacement))
        self.box, self.out_dim = common_box((field, displacement)), field.out_dim
        if displacement.out_dim != self.box.dim:
            raise InputError(
                f"the displacement has {displacement.out_dim} channels; expected {self.box.dim}, one for each of {self.box.axes}"
            )
        self.field, self.displacement = field, displacement
        self.record = common_record((field,), self.out_dim)
        if self.record is not None and (displacement.record is None or displacement.record.stored != "float16"):
            self.record.stored = "float32"

    @property
    def parts(self) -> tuple[Field, ...]:
        """The field that is bent and the displacement."""
        return self.field, self.displacement

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return self.field.values_at(coords + self.displacement.values_at(coords) * self._per_unit(coords))

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: the displacement is asked for the grid, the field for points."""
        moved = self.displacement.on(grid)
        points = self.box.normalize(grid.points(dtype=torch.float64, device=moved.device)).to(moved.dtype)
        return self.field.values_at(points + moved * self._per_unit(moved))

    def _per_unit(self, like: Tensor) -> Tensor:
        return like.new_tensor([2 / extent for extent in self.box.extent])


def _identity(dim: int) -> Affine:
    return tuple(tuple(float(row == column) for column in range(dim + 1)) for row in range(dim))


def _normalized(matrix: Affine, start: Box, end: Box) -> list[list[float]]:
    """An affine map between boxes as rows of one between their normalized coordinates, in Python's float64."""
    centers = [(low + high) / 2 for low, high in start.bounds]
    rows = []
    for row, (low, high) in zip(matrix, end.bounds, strict=True):
        half = (high - low) / 2
        shift = sum(number * center for number, center in zip(row, centers, strict=False)) + row[-1] - (low + high) / 2
        slopes = [number * extent / 2 / half for number, extent in zip(row, start.extent, strict=False)]
        rows.append([*slopes, shift / half])
    return rows


def _moved_record(field: Field, box: Box, matrix: Affine) -> Record | None:
    """The field's record, with as many samples along each axis of a new box as the field has on that way."""
    record = common_record((field,), field.out_dim)
    if record is None or not record.shape:
        return record
    if box.dim != field.box.dim:  # a plane of a volume is no volume: of what kind it is, the map does not say
        return None
    pitch = [extent / n for extent, n in zip(field.box.extent, record.shape, strict=True)]
    record.shape = tuple(_samples(extent, [row[axis] for row in matrix], pitch) for axis, extent in enumerate(box.extent))
    return record


def _samples(extent: float, direction: Sequence[float], pitch: Sequence[float]) -> int:
    """Samples along a way of this extent that leads in a direction of the field, one for each of its samples."""
    density = sum((step / size) ** 2 for step, size in zip(direction, pitch, strict=True)) ** 0.5
    return int(min(max(1, round(min(extent * density, MAX_SAMPLES))), MAX_SAMPLES))
