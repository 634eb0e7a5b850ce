"""Slices of a volume: the values on any plane, projections along an axis."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.render.draw import recorded
from ungrid.signals.base import Signal

SPACE = ("z", "y", "x")
MOST_SAMPLES = 2**28  # of a slice
PROJECTIONS = ("max", "mean")
Place = Mapping[str, float]


class Plane(NamedTuple):
    """A plane in a volume.

    Args:
        center: {axis: coordinate} of its middle; axes of space that are not named take the box's middle, t must be named.
        normal: {axis: component} of the direction that it is seen along; axes that are not named have 0.
        up: likewise, what is up in the picture, as far as it lies in the plane; None for z, or y where the normal is along z.
        world: whether these are coordinates of the world, not of the box; they differ in a volume that is oblique.
    """

    center: Place
    normal: Place
    up: Place | None = None
    world: bool = False


def axis_plane(field: Field, axis: str, at: float, **ahead: float) -> Plane:
    """The plane across an axis, seen as people look at it: z upward, in RAS worlds y upward across z, x or y to the right.

    Args:
        field: fitted to a volume.
        axis: "z", "y" or "x".
        at: coordinate along it.
        ahead: of the axes before space: t=0.
    """
    if axis not in SPACE:
        raise InputError(f"a plane across {axis!r} is none; expected one of {', '.join(SPACE)}")
    center = {axis: at, **ahead}
    is_upright = axis == "z" and recorded(field).source.get("world") == "RAS"
    if is_upright:
        return Plane(center, {"z": -1.0}, {"y": 1.0})
    return Plane(center, {axis: -1.0 if axis == "x" else 1.0})


@torch.no_grad()
def slice_through(
    field: Field,
    plane: Plane,
    *,
    size: tuple[float, float] | None = None,
    spacing: float | None = None,
    max_memory: int | None = None,
) -> Signal:
    """The values of a volume on a plane, as a picture of floats whose axes v (down) and u (right) are in the volume's unit.

    Places outside the volume are not known, and 0. The first row is the uppermost; u = v = 0 is the plane's center.

    Args:
        field: fitted to a volume.
        plane: where.
        size: (height, width); None for all of the volume that the plane meets, and a little more.
        spacing: distance between samples; None for the volume's smallest.
        max_memory: bytes that this may take.

    Raises:
        InputError: a field of no volume, a plane that is none or misses the volume, a spacing that is none.
    """
    axes = _axes_of_space(field)
    pitches = [field.grid().spacing[axis] for axis in axes]
    step = min(pitches) if spacing is None else spacing
    if not (math.isfinite(step) and step > 0):
        raise InputError(f"spacing is {step}; expected a positive number")
    center, right, down = _spanned(field.box, axes, plane)
    height, width = size or _met(field.box, axes, center, right, down)
    shape = (max(1, round(height / step)), max(1, round(width / step)))
    if math.prod(shape) > MOST_SAMPLES:
        raise InputError(f"a slice of {shape[1]}×{shape[0]} samples cannot be made; expected at most 2^28: take a larger spacing")
    bounds = tuple((-n * step / 2, n * step / 2) for n in shape)
    grid = Grid(Box(("v", "u"), bounds, (field.box.units[axes[0]],) * 2), shape)
    values, known = torch.zeros(*shape, field.out_dim), torch.zeros(shape, dtype=torch.bool)
    rows = max(1, field.chunk_points(max_memory) // shape[1])
    for start in range(0, shape[0], rows):
        part = grid.part((slice(start, min(start + rows, shape[0])), slice(0, shape[1])))
        points = center + part.points(dtype=torch.float64) @ torch.stack([down, right])
        inside = field.box.contains(points)
        own = next(field.parameters())
        found = field(points[inside].to(own))
        values[start : start + rows][inside], known[start : start + rows] = found.float().cpu(), inside
    if not known.any():
        raise InputError(f"the plane through {dict(plane.center)} misses the volume, which lies in {_extent(field.box)}")
    source = {"sample_format": "float", "transfer": "srgb"}
    return Signal(values, grid, "image", recorded(field).channels, source, known=None if known.all() else known)


@torch.no_grad()
def project(field: Field, axis: str, how: str = "max", *, grid: Grid | None = None, max_memory: int | None = None) -> Signal:
    """The highest or mean value along an axis, as a picture of floats of the other two axes, the first one pointing up for z.

    Args:
        field: fitted to a volume.
        axis: "z", "y" or "x".
        how: "max" or "mean".
        grid: of samples, None for the source's; of a volume that changes, its first time is seen.
        max_memory: bytes that this may take.

    Raises:
        InputError: no such axis or way.
    """
    if how not in PROJECTIONS:
        raise InputError(f"a projection is {how!r}; expected one of {', '.join(PROJECTIONS)}")
    axes = _axes_of_space(field)
    grid = grid or field.grid()
    if axis not in SPACE:
        raise InputError(f"a projection along {axis!r} is none; expected one of {', '.join(SPACE)}")
    along, rest = field.box.axis(axis), [at for at in axes if at != field.box.axis(axis)]
    shape, total = tuple(grid.shape[at] for at in rest), torch.zeros(())
    slab_size = max(1, (max_memory or 2**27) // (8 * field.out_dim * math.prod(shape)))
    for start in range(0, grid.shape[along], slab_size):
        where = [slice(0, n) for n in grid.shape]
        where[along] = slice(start, min(start + slab_size, grid.shape[along]))
        where[: axes[0]] = [slice(0, 1)] * axes[0]
        slab = field.sample(grid.part(tuple(where)), max_memory=max_memory).cpu().float().flatten(0, axes[0])
        own = along - axes[0]
        seen = slab.amax(dim=own) if how == "max" else slab.sum(dim=own) / grid.shape[along]
        total = seen if start == 0 else torch.maximum(total, seen) if how == "max" else total + seen
    box = Box(("v", "u"), tuple(grid.box.bounds[at] for at in rest), tuple(grid.box.units[at] for at in rest))
    values = total.flip(0) if axis != "z" else total  # z points up
    return Signal(values, Grid(box, shape), "image", recorded(field).channels, {"sample_format": "float", "transfer": "srgb"})


def _axes_of_space(field: Field) -> list[int]:
    """Positions of z, y, x in the box: the last three.

    Raises: InputError: a field of no volume.
    """
    recorded(field)
    if field.box.axes[-3:] != SPACE:
        raise InputError(f"a plane cuts a volume, of axes z, y, x; this field has {field.box.axes}")
    return [field.box.dim - 3, field.box.dim - 2, field.box.dim - 1]


def _spanned(box: Box, axes: Sequence[int], plane: Plane) -> tuple[Tensor, Tensor, Tensor]:
    """The plane's center [d] and the directions right and down [d], in the box's coordinates."""
    for given in (plane.center, plane.normal, plane.up or {}):
        for name in given:
            box.axis(name)
    lead = axes[0]
    missing = [name for name in box.axes[:lead] if name not in plane.center]
    if missing:
        raise InputError(f"the plane does not say where along {', '.join(missing)}; expected e.g. {missing[0]}=0 with its place")
    middle = torch.tensor([(low + high) / 2 for low, high in box.bounds], dtype=torch.float64)
    matrix, shift = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    if plane.world and box.affine is not None:
        affine = torch.tensor(box.affine, dtype=torch.float64)
        matrix, shift = affine[lead : lead + 3, lead : lead + 3], affine[lead : lead + 3, -1]
    place = matrix @ middle[lead:] + shift  # in the coordinates that were asked in
    place = torch.tensor([plane.center.get(name, float(at)) for name, at in zip(SPACE, place, strict=True)], dtype=torch.float64)
    normal = _vector(plane.normal, "normal")
    default = {"z": 1.0} if abs(float(normal[0])) < 0.9 else {"y": -1.0}  # with y down, as the array has it
    up = _vector(plane.up or default, "up")
    up = up - normal * (up @ normal)
    if float(up.norm()) < 1e-6:
        raise InputError(f"up {dict(plane.up or {})} runs along the normal {dict(plane.normal)}; expected another direction")
    up = up / up.norm()
    right = torch.linalg.cross(up, normal)  # z, y, x is a left-handed order: x to the right where z is up and y goes in
    back = torch.linalg.inv(matrix)
    zeros = torch.zeros(lead, dtype=torch.float64)
    ahead = torch.tensor([plane.center[name] for name in box.axes[:lead]], dtype=torch.float64)
    return (
        torch.cat([ahead, back @ (place - shift)]),
        torch.cat([zeros, back @ right]),
        torch.cat([zeros, back @ -up]),
    )


def _vector(given: Place, what: str) -> Float[Tensor, "3"]:
    """A unit vector in z, y, x."""
    vector = torch.tensor([given.get(name, 0.0) for name in SPACE], dtype=torch.float64)
    if not torch.isfinite(vector).all() or float(vector.norm()) < 1e-9:
        raise InputError(f"the {what} {dict(given)} has no direction; expected components along z, y, x, not all 0")
    unit: Tensor = vector / vector.norm()
    return unit


def _met(box: Box, axes: Sequence[int], center: Tensor, right: Tensor, down: Tensor) -> tuple[float, float]:
    """(height, width) around the center that hold every place of the box that the plane meets."""
    low, high = (torch.tensor([box.bounds[axis][end] for axis in axes], dtype=torch.float64) for end in (0, 1))
    corners = torch.cartesian_prod(*torch.stack([low, high], dim=1)) - center[axes[0] :]
    reach = [2 * float((corners @ direction[axes[0] :]).abs().max()) for direction in (down, right)]
    return reach[0], reach[1]


def _extent(box: Box) -> str:
    return ", ".join(f"{name} {low:g}:{high:g}" for name, (low, high) in zip(box.axes, box.bounds, strict=True))
