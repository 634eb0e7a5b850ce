"""Solids from solids: union, intersection and difference of fields of signed distance, sharp or blended, and shells."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.encodings.limits import check_number
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.composite import CompositeField, check_parts, common_box, common_out_dim, common_record
from ungrid.spec import lookup

MOST_RADIUS = 1e12


class Signs(NamedTuple):
    """An operation as the least of distances: with which signs they go in, and the least comes out."""

    result: float
    first: float
    others: float


OPERATIONS = {"union": Signs(1, 1, 1), "intersection": Signs(-1, -1, -1), "difference": Signs(-1, -1, 1)}


class Extended(CompositeField):
    """A field of signed distance in a larger box.

    Inside its own box it is the field. Outside it is √(a² + f²), a the distance to the nearest point of that box and f the
    field's value there; a + f where f is negative. The own box is convex: where it holds the whole surface, this is never
    more than the true distance.

    Args:
        field: of signed distance.
        box: holds the field's own box.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: a box of other axes or units, or that does not hold the field's.
    """

    def __init__(self, field: Field, box: Box):
        super().__init__()
        check_parts((field,))
        same = (box.axes, box.units) == (field.box.axes, field.box.units)
        if not same or any(a > c or b < d for (a, b), (c, d) in zip(box.bounds, field.box.bounds, strict=True)):
            raise InputError(
                f"the box {box} does not hold the field's, {field.box}; expected a larger one of the same axes and units"
            )
        self.field, self.box, self.out_dim = field, box, field.out_dim
        self.record = field.record
        if field.record is not None and field.record.shape:
            grown = zip(field.record.shape, box.extent, field.box.extent, strict=True)
            self.record = replace(
                field.record, shape=tuple(math.ceil(n * whole / own - 1e-6) for n, whole, own in grown), metrics={}, fit={}
            )

    @property
    def parts(self) -> tuple[Field, ...]:
        """The field that is extended."""
        return (self.field,)

    @property
    def smoothness(self) -> float:
        """At the own box's faces the value alone is continuous."""
        return 0.0

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        whole, own = (torch.tensor(box.bounds, dtype=coords.dtype, device=coords.device).T for box in (self.box, self.field.box))
        places = whole.mean(dim=0) + coords * (whole[1] - whole[0]) / 2
        nearest = places.maximum(own[0]).minimum(own[1])
        values = self.field.values_at((nearest - own.mean(dim=0)) * 2 / (own[1] - own[0]))
        squared = (places - nearest).square().sum(dim=-1, keepdim=True)
        outside = squared > 0
        apart = torch.where(outside, squared, 1.0)  # no slope of a root of 0
        beyond = torch.where(values > 0, (apart + values.square()).sqrt(), apart.sqrt() + values)
        return torch.where(outside, beyond, values)


class Solid(CompositeField):
    """Solids by an operation: their union min(a, b, …), intersection max(a, b, …), or difference max(a, −b, …) of the first and
    all others; blended where two differ by less than `radius`.

    With d = a − b and |d| < r the blended least is (a + b)/2 − r/4 − d²/(4r): less by r/4 where both are equal, and with the
    slopes of min(a, b) at |d| = r. Several are blended one after the other. Outside a union the value is the distance; elsewhere
    it is never more.

    Args:
        fields: 1 to 64 fields of signed distance in one box.
        operation: a name in `OPERATIONS`: "union", "intersection" or "difference".
        radius: of the blend, in the units of the box; 0 for none.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: fields that do not go together, a radius below 0. UnknownName: no such operation.
    """

    def __init__(self, fields: tuple[Field, ...], operation: str, radius: float = 0.0):
        super().__init__()
        if not fields:
            raise InputError("got no field; expected at least one")
        check_parts(fields)
        check_number("radius", radius, 0.0, MOST_RADIUS)
        self.members, self.signs = nn.ModuleList(fields), lookup(operation, OPERATIONS, "operation")
        self.box, self.out_dim = common_box(fields), common_out_dim(fields)
        self.operation, self.radius = operation, radius
        self.record = common_record(fields, self.out_dim)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The solids that are joined."""
        return tuple(self.members)  # type: ignore[arg-type]

    @property
    def parts(self) -> tuple[Field, ...]:
        """The solids that are joined."""
        return self.fields

    @property
    def smoothness(self) -> float:
        """One continuous derivative with a radius, none without."""
        return min(float(self.radius > 0), super().smoothness)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        first, *others = (field.values_at(coords) for field in self.fields)
        signs = self.signs
        values: Tensor = signs.result * _least([signs.first * first, *(signs.others * other for other in others)], self.radius)
        return values


class Shell(CompositeField):
    """A wall along the surface of a solid: |f| − thickness / 2.

    Args:
        field: of signed distance.
        thickness: of the wall, half of it on either side, in the units of the box; above 0.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: a thickness out of range.
    """

    def __init__(self, field: Field, thickness: float):
        super().__init__()
        check_parts((field,))
        check_number("thickness", thickness, 1e-12, MOST_RADIUS)
        self.field, self.thickness = field, thickness
        self.box, self.out_dim = field.box, field.out_dim
        self.record = common_record((field,), self.out_dim)

    @property
    def parts(self) -> tuple[Field, ...]:
        """The solid."""
        return (self.field,)

    @property
    def smoothness(self) -> float:
        """Along the surface the value alone is continuous."""
        return 0.0

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return self.field.values_at(coords).abs() - self.thickness / 2


def in_one_box(fields: Sequence[Field]) -> tuple[Field, ...]:
    """Fields of signed distance in the smallest box that holds those of all.

    Raises:
        InputError: boxes of other axes or units.
    """
    axes, units = fields[0].box.axes, fields[0].box.units
    for field in fields:
        if (field.box.axes, field.box.units) != (axes, units):
            raise InputError(
                f"the fields have axes {axes} in {units} and {field.box.axes} in {field.box.units}; expected the same: bring one "
                f"into the other's units by Transformed(field, box, matrix)"
            )
    columns = zip(*(field.box.bounds for field in fields), strict=True)
    bounds = tuple((min(low for low, _ in column), max(high for _, high in column)) for column in columns)
    box = replace(fields[0].box, bounds=bounds)
    return tuple(field if field.box == box else Extended(field, box) for field in fields)


def _least(values: Sequence[Tensor], radius: float) -> Tensor:
    """The least of all, blended one after the other."""
    result = values[0]
    for other in values[1:]:
        least = torch.minimum(result, other)
        if radius > 0:
            apart = result - other
            blended = (result + other) / 2 - radius / 4 - apart.square() / (4 * radius)
            least = torch.where(apart.abs() < radius, blended, least)
        result = least
    return result
