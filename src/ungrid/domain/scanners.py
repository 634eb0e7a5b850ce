"""Scanners: where the rays of parallel, fan and cone beams run.

A view at angle θ has the detector's columns along e = (x: cos θ, y: −sin θ) and looks along r = (x: sin θ, y: cos θ), x to the
right and y downward: the object turns as under scikit-image's `radon`. Lengths are in the box's unit; the axis of rotation is
given in the box's coordinates, so it need not lie in its middle.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ungrid.errors import InputError, nearest

MOST_VIEWS = 2**20
MOST_BINS = 2**20


class PlaneRays(NamedTuple):
    """Rays in the plane (y, x): a point of each and its direction, which need not have length 1.

    Args:
        points: [views, n, 2] as (y, x).
        directions: [views, n, 2].
    """

    points: Tensor
    directions: Tensor


@dataclass(frozen=True)
class Scanner(ABC):
    """What all scanners have: angles, a row of detector pixels, an axis of rotation.

    Args:
        angles: of each view, in radians.
        n_bins: detector pixels along the row.
        axis: (y, x) of the axis of rotation, in the box's unit.
        spacing: distance between detector pixels; each is as wide as that.
        center: where the axis is seen on the detector, in pixels, the first one's center at 0.5; None for the center of pixel
            n_bins // 2, n_bins // 2 + 0.5.

    Raises: InputError: no views or pixels, numbers that are not finite or not positive where they must be.
    """

    angles: Sequence[float]
    n_bins: int
    axis: tuple[float, float]
    spacing: float = 1.0
    center: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", tuple(float(angle) for angle in self.angles))
        if not 1 <= len(self.angles) <= MOST_VIEWS or not all(map(math.isfinite, self.angles)):
            raise InputError(f"there are {len(self.angles)} angles; expected 1 to {MOST_VIEWS}, all finite")
        if not 1 <= self.n_bins <= MOST_BINS:
            raise InputError(f"the detector has {self.n_bins} pixels along a row; expected 1 to {MOST_BINS}")
        if not (math.isfinite(self.spacing) and self.spacing > 0):
            raise InputError(f"the detector's spacing is {self.spacing}; expected a positive length")
        if not all(map(math.isfinite, (*self.axis, 0.0 if self.center is None else self.center))):
            raise InputError(f"axis {self.axis} and center {self.center} must be finite numbers")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what one scan measures."""
        return (len(self.angles), self.n_bins)

    @property
    def magnification(self) -> float:
        """How much larger than at the axis things are seen on the detector."""
        return 1.0

    def edges(self) -> PlaneRays:
        """Rays to the n_bins + 1 edges of the detector pixels, in the plane of the axis' foot."""
        return self._rays(torch.arange(self.n_bins + 1, dtype=torch.float64))

    def middles(self) -> PlaneRays:
        """Rays to the middles of the detector pixels."""
        return self._rays(torch.arange(self.n_bins, dtype=torch.float64) + 0.5)

    def _rays(self, places: Tensor) -> PlaneRays:
        """Rays to places on the detector, in pixels from its first edge."""
        center = self.n_bins // 2 + 0.5 if self.center is None else self.center
        angles = torch.tensor(self.angles, dtype=torch.float64)[:, None, None]
        along = torch.cat([-angles.sin(), angles.cos()], dim=-1)  # e as (y, x)
        ahead = torch.cat([angles.cos(), angles.sin()], dim=-1)  # r as (y, x)
        axis = torch.tensor(self.axis, dtype=torch.float64)
        return self._seen((places[None, :, None] - center) * self.spacing, along, ahead, axis)

    @abstractmethod
    def _seen(self, offset: Tensor, along: Tensor, ahead: Tensor, axis: Tensor) -> PlaneRays:
        """Rays to detector places at an offset [1, n, 1] from where the axis is seen; e, r [views, 1, 2] and the axis [2]."""


@dataclass(frozen=True)
class ParallelBeam(Scanner):
    """All rays of a view run along r: synchrotrons, and what most textbooks and `radon` have."""

    def _seen(self, offset: Tensor, along: Tensor, ahead: Tensor, axis: Tensor) -> PlaneRays:
        points = axis + offset * along
        return PlaneRays(points, ahead.expand_as(points))


@dataclass(frozen=True)
class FanBeam(Scanner):
    """Rays from a point at −source_distance · r to a straight detector at +detector_distance · r, both seen from the axis.

    Args:
        source_distance: from source to axis; above 0.
        detector_distance: from axis to detector; 0 for a detector thought to be at the axis.
    """

    source_distance: float = 0.0
    detector_distance: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.source_distance) and self.source_distance > 0):
            raise InputError(f"the source's distance from the axis is {self.source_distance}; expected a positive length")
        if not (math.isfinite(self.detector_distance) and self.detector_distance >= 0):
            raise InputError(f"the detector's distance from the axis is {self.detector_distance}; expected at least 0")

    @property
    def magnification(self) -> float:
        """(source_distance + detector_distance) / source_distance."""
        return (self.source_distance + self.detector_distance) / self.source_distance

    def _seen(self, offset: Tensor, along: Tensor, ahead: Tensor, axis: Tensor) -> PlaneRays:
        reach = self.source_distance + self.detector_distance
        directions = ahead * reach + offset * along
        return PlaneRays((axis - self.source_distance * ahead).expand_as(directions), directions)


@dataclass(frozen=True)
class ConeBeam(FanBeam):
    """A fan beam whose detector has rows, too: row after row along rising z.

    Args:
        n_rows: detector pixels along z.
        row_spacing: distance between rows; None for that of the columns.
        height: z of the source and of the detector's middle, in the box's unit.
        row_center: where the detector sees the source's height, in rows from its first edge; None for the middle, n_rows / 2.
    """

    n_rows: int = 0
    row_spacing: float | None = None
    height: float = 0.0
    row_center: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n_rows <= MOST_BINS:
            raise InputError(f"the detector has {self.n_rows} rows; expected 1 to {MOST_BINS}")
        if self.row_spacing is not None and not (math.isfinite(self.row_spacing) and self.row_spacing > 0):
            raise InputError(f"the spacing of the detector's rows is {self.row_spacing}; expected a positive length")
        if not all(map(math.isfinite, (self.height, 0.0 if self.row_center is None else self.row_center))):
            raise InputError(f"height {self.height} and row_center {self.row_center} must be finite numbers")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what one scan measures."""
        return (len(self.angles), self.n_rows, self.n_bins)

    def rises(self) -> Tensor:
        """Height of the n_rows + 1 edges of the detector's rows over the source, in the box's unit."""
        center = self.n_rows / 2 if self.row_center is None else self.row_center
        spacing = self.spacing if self.row_spacing is None else self.row_spacing
        return (torch.arange(self.n_rows + 1, dtype=torch.float64) - center) * spacing


@dataclass(frozen=True)
class Geometry:
    """A scanner without its angles: what one knows of the machine before a scan.

    Args:
        beam: "parallel", "fan" or "cone".
        spacing: between detector pixels, along rows and columns.
        center: where the axis is seen on the detector, in pixels, see `Scanner`.
        source_distance, detector_distance: from the axis; of fan and cone, see `FanBeam`.

    Raises: InputError: an unknown beam, distances missing or where they mean nothing, numbers out of range.
    """

    beam: str = "parallel"
    spacing: float = 1.0
    center: float | None = None
    source_distance: float | None = None
    detector_distance: float | None = None

    def __post_init__(self) -> None:
        if self.beam not in BEAMS:
            raise InputError(f"no geometry {self.beam!r} among {', '.join(BEAMS)}{nearest(self.beam, BEAMS)}")
        distances = (self.source_distance, self.detector_distance)
        if self.beam == "parallel" and distances != (None, None):
            raise InputError("parallel rays have no source: source and detector distances go with geometry fan or cone")
        if self.beam != "parallel" and None in distances:
            raise InputError(f"a {self.beam} beam needs the source's and the detector's distance from the axis of rotation")

    @property
    def n_axes(self) -> int:
        """Axes of a sinogram: [angle, column], of a cone beam [angle, row, column]."""
        return 3 if self.beam == "cone" else 2

    def of(self, angles: Sequence[float], shape: Sequence[int], axis: tuple[float, float], height: float = 0.0) -> Scanner:
        """The scanner of a scan.

        Args:
            angles: in radians.
            shape: detector pixels, (columns,) or (rows, columns).
            axis: (y, x) of the axis of rotation.
            height: z of a cone beam's source.
        """
        if self.beam == "parallel":
            return ParallelBeam(angles, shape[-1], axis, self.spacing, self.center)
        distances = (self.source_distance or 0.0, self.detector_distance or 0.0)
        common = (angles, shape[-1], axis, self.spacing, self.center, *distances)
        return FanBeam(*common) if self.beam == "fan" else ConeBeam(*common, n_rows=shape[0], height=height)


BEAMS: dict[str, type[Scanner]] = {"parallel": ParallelBeam, "fan": FanBeam, "cone": ConeBeam}
