"""Where a volume lies: the affine of a stored array, and the box of axes that run along the world's.

A file stores its voxels in some order and direction and gives an affine from indices to world mm. A signal has axes z, y, x that
rise: each is the stored axis whose direction is closest to that of the world, turned round where it falls. Nothing is resampled,
and the way back is exact.
"""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ungrid.domain.box import Affine, Box
from ungrid.domain.grid import Grid
from ungrid.errors import UnreadableInput

SPACE = ("z", "y", "x")
STRAIGHT = 1e-6  # of a step: what an axis may lean before it counts as oblique, some thousandths of a voxel on 512
LEAST_STEP, MOST_STEP = 1e-9, 1e9  # mm
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """The stored order of a volume's three axes of space, and where they lead.

    Args:
        affine: [4, 4] indices of the stored axes, in their order, to world coordinates x, y, z.
        shape: samples along the three stored axes.
        unit: of the world, "mm" or "" where it is not known.

    Raises:
        UnreadableInput: an affine that is not finite or gives no volume.
    """

    affine: tuple[tuple[float, ...], ...]
    shape: tuple[int, int, int]
    unit: str = "mm"

    def __post_init__(self) -> None:
        matrix = self.matrix
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise UnreadableInput("its affine is not a finite 4 × 4 matrix; expected one that takes indices to mm")
        steps = np.linalg.norm(matrix[:3, :3], axis=0)
        directions = matrix[:3, :3] / np.maximum(steps, 1e-300)
        if steps.min() < LEAST_STEP or steps.max() > MOST_STEP or abs(np.linalg.det(directions)) < 1e-4:
            found = " ".join(f"{entry:.3g}" for entry in matrix[:3, :3].flat)
            raise UnreadableInput(f"its affine is singular ({found}): its axes span no volume; correct the header")

    @property
    def matrix(self) -> Matrix:
        """The affine as an array."""
        return np.array(self.affine, dtype=np.float64)

    @cached_property
    def order(self) -> tuple[int, int, int]:
        """Which stored axis runs along the world's z, y and x."""
        along = np.abs(self.matrix[:3, :3] / np.linalg.norm(self.matrix[:3, :3], axis=0))
        chosen = max(
            itertools.permutations(range(3)), key=lambda axes: float(along[2, axes[0]] + along[1, axes[1]] + along[0, axes[2]])
        )
        return (chosen[0], chosen[1], chosen[2])

    @cached_property
    def flips(self) -> tuple[bool, bool, bool]:
        """Whether the stored axis along z, y and x falls."""
        matrix = self.matrix
        z, y, x = (bool(matrix[world, axis] < 0) for world, axis in zip((2, 1, 0), self.order, strict=True))
        return z, y, x

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Samples along z, y and x."""
        return self.shape[self.order[0]], self.shape[self.order[1]], self.shape[self.order[2]]

    @cached_property
    def steps(self) -> Matrix:
        """[3, 3] column a: the world step (z, y, x) of one sample along the signal's axis a, which rises."""
        columns = self.matrix[:3, :3][::-1][:, list(self.order)]
        return np.asarray(columns * np.where(self.flips, -1.0, 1.0))

    @cached_property
    def first(self) -> Matrix:
        """World (z, y, x) of the signal's first sample."""
        index = np.zeros(3)
        for axis, falls in zip(self.order, self.flips, strict=True):
            index[axis] = self.shape[axis] - 1 if falls else 0
        return (self.matrix[:3, :3] @ index + self.matrix[:3, 3])[::-1]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between samples along z, y and x."""
        z, y, x = (float(step) for step in np.linalg.norm(self.steps, axis=0))
        return z, y, x

    @cached_property
    def directions(self) -> Matrix:
        """[3, 3] column a: the unit vector (z, y, x) of the signal's axis a; the identity where axes are those of the world."""
        directions = self.steps / np.array(self.spacing)
        return np.eye(3) if np.abs(directions - np.eye(3)).max() < STRAIGHT else directions

    @property
    def is_oblique(self) -> bool:
        """Whether the axes lean against the world's."""
        return not np.array_equal(self.directions, np.eye(3))

    def box(self) -> Box:
        """Axes z, y, x in world mm; of an oblique volume mm along its own axes, equal to the world's at the first voxel, with the
        affine that takes them to world z, y, x."""
        bounds = []
        for first, spacing, n in zip(self.first, self.spacing, self.sizes, strict=True):
            low = float(first) - spacing / 2
            bounds.append((low, low + n * spacing))
        return Box(SPACE, tuple(bounds), (self.unit,) * 3, affine=self.box_affine())

    def box_affine(self) -> Affine | None:
        """Box coordinates (z, y, x) → world (z, y, x); None where they are the same."""
        if not self.is_oblique:
            return None
        shift = self.first - self.directions @ self.first
        return tuple(tuple(float(entry) for entry in (*row, at)) for row, at in zip(self.directions, shift, strict=True))

    def on(self, grid: Grid) -> "Frame":
        """The frame of a grid in this one's box, stored in the same order and directions: this one where it is the same grid."""
        box = self.box()
        if grid.shape[-3:] == self.sizes and grid.box.bounds[-3:] == box.bounds:
            return self
        low = np.array([bounds[0] for bounds in grid.box.bounds[-3:]])
        spacing = np.array(grid.spacing[-3:])
        first = self.first + self.directions @ (low + spacing / 2 - self.first)
        steps = self.directions * spacing
        matrix, shape, origin = np.eye(4), [0, 0, 0], first.copy()
        for at, (axis, falls) in enumerate(zip(self.order, self.flips, strict=True)):
            n = grid.shape[-3 + at]
            matrix[:3, axis] = (-steps[:, at] if falls else steps[:, at])[::-1]
            origin += (n - 1) * steps[:, at] if falls else 0.0
            shape[axis] = n
        matrix[:3, 3] = origin[::-1]
        rows = tuple(tuple(float(entry) for entry in row) for row in matrix)
        return Frame(rows, (shape[0], shape[1], shape[2]), self.unit)

    def canonical(self) -> "Frame":
        """The same place, stored along x, y and z that rise."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.steps[::-1, ::-1]
        matrix[:3, 3] = self.first[::-1]
        z, y, x = self.sizes
        return Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), (x, y, z), self.unit)

    def as_signal(self) -> "Frame":
        """The same place, stored along z, y and x that rise, as signals have it."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.steps[::-1]
        matrix[:3, 3] = self.first[::-1]
        return Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), self.sizes, self.unit)


def straight(shape: tuple[int, int, int], spacing: tuple[float, float, float], unit: str = "mm") -> Frame:
    """The frame of an array [z, y, x] whose box begins at 0, with a spacing along z, y and x."""
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis, step in enumerate(spacing):
        matrix[2 - axis, axis], matrix[2 - axis, 3] = step, step / 2
    return Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), shape, unit)


def turned(array: NDArray[np.generic], frame: Frame) -> NDArray[np.generic]:
    """A stored array [*shape, …] along the signal's axes [z, y, x, …], as a view."""
    moved = np.moveaxis(array, frame.order, (0, 1, 2))
    return moved[tuple(slice(None, None, -1 if falls else None) for falls in frame.flips)]


def turned_back(array: NDArray[np.generic], frame: Frame) -> NDArray[np.generic]:
    """An array [z, y, x, …] along the stored axes, as a view: the inverse of `turned`, also of a view to write through."""
    straight_up = array[tuple(slice(None, None, -1 if falls else None) for falls in frame.flips)]
    return np.moveaxis(straight_up, (0, 1, 2), frame.order)
