"""The box: where coordinates live, with a name, bounds and a unit for each axis."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError, ShapeError, nearest
from ungrid.shapes import Coords

Affine = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Box:
    """An axis-aligned box of coordinates, in physical units.

    Args:
        axes: name of each axis, in the order of a coordinate's entries and of an array's axes, e.g. ("y", "x").
        bounds: (low, high) of each axis, in that axis's unit; low < high.
        units: unit of each axis, e.g. ("px", "px") or ("s",); "" where there is none.
        periodic: whether each axis wraps around (an angle, a longitude); none by default.
        affine: rows of the matrix [d, d + 1] that takes a coordinate of this box to the world frame, or None.

    Raises:
        InputError: unequal lengths, repeated names, bounds that are not finite or not increasing.

    Example:
        >>> Box(("y", "x"), ((0.0, 256.0), (0.0, 384.0)), ("px", "px")).dim
        2
    """

    axes: tuple[str, ...]
    bounds: tuple[tuple[float, float], ...]
    units: tuple[str, ...] = ()
    periodic: tuple[bool, ...] = ()
    affine: Affine | None = None

    def __post_init__(self) -> None:
        if not self.units:
            object.__setattr__(self, "units", ("",) * len(self.axes))
        if not self.periodic:
            object.__setattr__(self, "periodic", (False,) * len(self.axes))
        lengths = {len(self.axes), len(self.bounds), len(self.units), len(self.periodic)}
        if not self.axes or len(lengths) > 1 or len(set(self.axes)) < len(self.axes):
            raise InputError(
                f"a box needs one distinct name, one pair of bounds and one unit per axis; got axes {self.axes}, "
                f"bounds {self.bounds}, units {self.units}, periodic {self.periodic}"
            )
        object.__setattr__(self, "bounds", tuple((float(low), float(high)) for low, high in self.bounds))
        for name, (low, high) in zip(self.axes, self.bounds, strict=True):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise InputError(f"axis {name!r} has bounds ({low}, {high}); expected two finite numbers, low < high")
        if self.affine is not None and any(len(row) != self.dim + 1 for row in self.affine):
            raise InputError(f"the affine of a {self.dim}-axis box has rows of {self.dim + 1}; got {self.affine}")

    @property
    def dim(self) -> int:
        """d, the number of axes."""
        return len(self.axes)

    @property
    def extent(self) -> tuple[float, ...]:
        """high − low of each axis, in its unit."""
        return tuple(high - low for low, high in self.bounds)

    def is_close(self, other: "Box") -> bool:
        """Whether another box is this one, but for a millionth of its extents, as text and sums round."""
        mine, theirs = ((box.axes, box.units, box.periodic, box.affine) for box in (self, other))
        return mine == theirs and all(
            abs(a - b) <= 1e-6 * extent
            for ours, others, extent in zip(self.bounds, other.bounds, self.extent, strict=True)
            for a, b in zip(ours, others, strict=True)
        )

    def axis(self, name: str) -> int:
        """Position of the axis called `name`.

        Raises:
            InputError: no such axis; the message has the axes that exist.
        """
        if name not in self.axes:
            raise InputError(f"no axis {name!r} in this box; its axes are {self.axes}{nearest(name, self.axes)}")
        return self.axes.index(name)

    def normalize(self, coords: Coords) -> Coords:
        """Coords in the box's units [*, d] → [-1, 1] per axis [*, d]; outside the box, beyond that range.

        Along a periodic axis coords are brought into the box first, whole turns away.
        """
        low, high = self._corners(coords)
        if any(self.periodic):
            turns = ((coords - low) / (high - low)).detach().floor()
            coords = coords - torch.where(self._wraps(coords), turns, 0) * (high - low)
        return (coords - low) * (2 / (high - low)) - 1

    def denormalize(self, coords: Coords) -> Coords:
        """Inverse of `normalize`: [-1, 1] per axis [*, d] → the box's units [*, d]."""
        low, high = self._corners(coords)
        return low + (coords + 1) * ((high - low) / 2)

    def contains(self, coords: Coords) -> Tensor:
        """Whether each coord [*, d] lies in the box, bounds included [*]; along a periodic axis all do."""
        low, high = self._corners(coords)
        return (((coords >= low) & (coords <= high)) | self._wraps(coords)).all(dim=-1)

    def to_world(self, coords: Coords) -> Float[Tensor, "*batch rows"]:
        """Coords [*, d] → world frame [*, rows of the affine]; the coords themselves where the box has no affine."""
        if self.affine is None:
            return coords
        matrix = torch.tensor(self.affine, dtype=coords.dtype, device=coords.device)
        return coords @ matrix[:, :-1].T + matrix[:, -1]

    def crop(self, region: Mapping[str, tuple[float, float]]) -> "Box":
        """The part of the box within `region`, {axis name: (low, high)}; axes not named stay whole.

        Along a periodic axis a part may run across the end, up to a turn away: of longitudes 170 to 190, or 170 to −170, which is
        the same.

        Raises:
            InputError: an unknown axis, or bounds that leave nothing of the box or lie outside it.
        """
        bounds = list(self.bounds)
        for name, (low, high) in region.items():
            at = self.axis(name)
            turn = self.extent[at] if self.periodic[at] else 0.0
            high = high + turn if low > high else high
            inside = self.bounds[at][0] - turn <= low < high <= self.bounds[at][1] + turn
            if not inside or high - low > self.extent[at]:
                raise InputError(
                    f"region {name}={low:g}:{high:g} does not lie in the box, whose {name} runs over "
                    f"{self.bounds[at][0]:g}:{self.bounds[at][1]:g} {self.units[at]}".rstrip()
                )
            bounds[at] = (float(low), float(high))
        whole = tuple(new == old for new, old in zip(bounds, self.bounds, strict=True))
        periodic = tuple(wraps and kept for wraps, kept in zip(self.periodic, whole, strict=True))  # a part does not wrap
        return Box(self.axes, tuple(bounds), self.units, periodic, self.affine)

    def check_coords(self, coords: Tensor) -> None:
        """Raise ShapeError unless `coords` is a floating-point tensor [*, d] for this box."""
        if not coords.is_floating_point():
            raise ShapeError(f"coords are {coords.dtype}; expected a floating-point tensor")
        if coords.ndim == 0 or coords.shape[-1] != self.dim:
            raise ShapeError(
                f"coords of shape {tuple(coords.shape)} do not end in {self.dim}, the number of the box's axes {self.axes}"
            )

    def _wraps(self, like: Tensor) -> Tensor:
        """Which axes are periodic [d]."""
        return torch.tensor(self.periodic, device=like.device)

    def _corners(self, like: Tensor) -> tuple[Tensor, Tensor]:
        corners = torch.tensor(self.bounds, dtype=like.dtype, device=like.device)
        return corners[:, 0], corners[:, 1]
