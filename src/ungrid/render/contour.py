"""The surface on which a field has one value, as triangles: marching cubes in the cells near it, polished onto it."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.differentiate import gradient
from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.render.cells import EDGES, triangle_table

BLOCK = 8  # cells of a block along each axis
GROUP = 8  # blocks of a group along each axis
LEAST_RESOLUTION = 256  # cells, where none is said
MOST_CELLS = 2**20  # along an axis: three corners' numbers are one key of 63 bits
STEEPEST = 1.5  # gradient of a field of distances, at most: a block farther from the surface than that allows is passed over
NEWTON_STEPS = 2
MOST_TURNS = 8  # of taking in blocks that the surface runs into
CORNERS = tuple(itertools.product(range(2), repeat=3))
Evaluate = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Contour:
    """A surface of triangles, counterclockwise as seen from where the field is higher.

    Args:
        vertices: [v, 3] in the units of the box, float64.
        faces: [f, 3] indices of vertices.
        evaluations: how often the field was asked for its value.
        leaves_box: whether the surface goes on beyond the box, where it is cut open.
    """

    vertices: Float[Tensor, "v 3"]
    faces: Int[Tensor, "f 3"]
    evaluations: int
    leaves_box: bool


@dataclass(frozen=True)
class _Cells:
    """A grid of cells over a box."""

    box: Box
    shape: tuple[int, int, int]

    @property
    def step(self) -> Tensor:
        return torch.tensor([e / n for e, n in zip(self.box.extent, self.shape, strict=True)], dtype=torch.float64)

    def places(self, index: Tensor) -> Tensor:
        """Coordinates [m, 3] of corners, whose indices may be broken."""
        low = torch.tensor([bound[0] for bound in self.box.bounds], dtype=torch.float64)
        places: Tensor = low + index * self.step
        return places

    def ids(self, index: Tensor) -> Tensor:
        """One number for each corner [*, 3]."""
        _, ny, nz = self.shape
        return (index[..., 0] * (ny + 1) + index[..., 1]) * (nz + 1) + index[..., 2]

    def corners(self, ids: Tensor) -> Tensor:
        """Inverse of `ids`: [*] → [*, 3]."""
        _, ny, nz = self.shape
        rest = torch.div(ids, nz + 1, rounding_mode="floor")
        return torch.stack([torch.div(rest, ny + 1, rounding_mode="floor"), rest % (ny + 1), ids % (nz + 1)], dim=-1)


def contour(
    field: Field,
    *,
    level: float = 0.0,
    resolution: int | None = None,
    max_memory: int | None = None,
    polish: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Contour:
    """The surface on which the first channel of a field on three axes is `level`.

    Of a field of distances (kind "sdf") only cells near the surface are looked at, so that the cost grows with its area; a cell
    that the surface runs into is always taken in. Any other field is evaluated at all cells, some layers at a time. Inside
    the box the surface has no gap and no edge of more than two triangles (see `render.cells`).

    Args:
        field: on axes of space.
        level: the value.
        resolution: cells along the longest side of the box; None for as many as the record has samples along it, at least 256.
        max_memory: bytes that evaluating may take.
        polish: move the vertices onto the level by two Newton steps along the gradient, of half a cell at most.
        progress: called with the fraction done.

    Raises:
        InputError: a field on other axes, no such surface, a value that is not finite, a resolution out of range.

    Differs from the paper: ambiguous faces are joined by one rule, and ambiguous insides of cells not at all
    (lorensen1987marching; the tables are made from the rule).
    """
    if field.box.dim != 3:
        raise InputError(f"a surface is found in a field on three axes; this has {field.box.axes}")
    if resolution is None:
        resolution = max(LEAST_RESOLUTION, *(field.record.shape if field.record is not None else (1,)))
    if not 2 <= resolution <= MOST_CELLS or not math.isfinite(level):
        raise InputError(f"resolution is {resolution} and level {level}; expected 2 to {MOST_CELLS} cells and a number")
    longest = max(field.box.extent)
    nx, ny, nz = (max(1, round(resolution * extent / longest)) for extent in field.box.extent)
    cells = _Cells(field.box, (nx, ny, nz))
    counted = _Counted(field, level, max_memory)
    is_distance = field.record is not None and field.record.kind == "sdf"
    active = _near_blocks(cells, counted) if is_distance else _all_blocks(cells)
    for _ in range(MOST_TURNS):
        found = _Found()
        for part in _layers(active):
            found.take(cells, counted, part)
            if progress is not None:
                progress(float(part[0, 0]) / max(1.0, float(active[-1, 0]) + 1))
        missing = found.missing(active)
        if not len(missing):
            break
        active = torch.unique(torch.cat([active, missing]), dim=0)
    vertices, faces, leaves = found.surface(cells)
    if not len(faces):
        raise InputError(f"the field has no surface of level {level:g} in its box; its values there do not pass through it")
    if polish:
        vertices = _polished(field, vertices, level, cells, counted)
    return Contour(vertices, faces, counted.evaluations, leaves)


class _Counted:
    """The field's first channel less the level, at points in float64, in chunks; and how many points that were."""

    def __init__(self, field: Field, level: float, max_memory: int | None):
        self.field, self.level, self.evaluations = field, level, 0
        self.size = field.chunk_points(max_memory)
        self.device = next(field.parameters()).device

    @torch.no_grad()
    def __call__(self, points: Tensor) -> Tensor:
        if not len(points):
            return torch.zeros(0, dtype=torch.float64)
        self.evaluations += len(points)
        dtype = self.field.coords_dtype
        parts = [self.field(part.to(self.device, dtype))[:, 0].double().cpu() - self.level for part in points.split(self.size)]
        values = torch.cat(parts)
        if not bool(values.isfinite().all()):
            raise InputError("the field has a value that is NaN or infinite in its box; it cannot be contoured")
        return values


def _block_counts(shape: tuple[int, int, int], size: int) -> tuple[int, ...]:
    return tuple(-(-n // size) for n in shape)


def _all_blocks(cells: _Cells) -> Int[Tensor, "blocks 3"]:
    return torch.cartesian_prod(*[torch.arange(n) for n in _block_counts(cells.shape, BLOCK)]).reshape(-1, 3)


def _near_blocks(cells: _Cells, distance: Evaluate) -> Int[Tensor, "blocks 3"]:
    """The blocks that the surface may run through, by the distance in their middles; groups of them first."""
    most = torch.tensor(_block_counts(cells.shape, BLOCK))
    size = GROUP * BLOCK
    groups = torch.cartesian_prod(*[torch.arange(n) for n in _block_counts(cells.shape, size)]).reshape(-1, 3)
    groups = groups[_near(groups, size, cells, distance)]
    within = torch.cartesian_prod(*[torch.arange(GROUP)] * 3)
    blocks = (groups[:, None] * GROUP + within).reshape(-1, 3)
    blocks = blocks[(blocks < most).all(dim=1)]
    near: Tensor = torch.unique(blocks[_near(blocks, BLOCK, cells, distance)], dim=0)
    return near


def _near(blocks: Tensor, size: int, cells: _Cells, distance: Evaluate) -> Tensor:
    low = blocks * size
    high = (low + size).minimum(torch.tensor(cells.shape))
    reach = STEEPEST * ((high - low) / 2 * cells.step).norm(dim=1)
    near: Tensor = distance(cells.places((low + high) / 2)).abs() <= reach
    return near


def _layers(blocks: Tensor) -> Iterator[Tensor]:
    """The blocks by their first index, in order."""
    _, counts = torch.unique_consecutive(blocks[:, 0], return_counts=True)
    yield from blocks.split(counts.tolist())


class _Found:
    """The triangles of all blocks so far, by the keys of the edges on which their corners lie."""

    def __init__(self) -> None:
        self.triangles: list[Tensor] = []
        self.keys: list[Tensor] = []
        self.along: list[Tensor] = []  # where on each edge the surface crosses it, 0…1
        self.run_into: list[Tensor] = []
        self.leaves = False
        self.known: tuple[Tensor, Tensor] = (torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.float64))

    def take(self, cells: _Cells, values_at: Evaluate, blocks: Tensor) -> None:
        """Add the triangles of a layer of blocks."""
        steps = torch.cartesian_prod(*[torch.arange(BLOCK + 1)] * 3)
        most = torch.tensor(cells.shape)
        index = (blocks[:, None] * BLOCK + steps).minimum(most)  # [b, 729, 3]
        ids, inverse = torch.unique(cells.ids(index), return_inverse=True)
        values = self._values(ids, cells, values_at)
        side = BLOCK + 1
        corner = inverse.reshape(-1, side, side, side)
        inside = values[corner] < 0
        case = torch.zeros(len(blocks), BLOCK, BLOCK, BLOCK, dtype=torch.int64)
        for dz, dy, dx in CORNERS:  # corner i of a cell lies at (i & 1, i >> 1 & 1, i >> 2 & 1)
            part = inside[:, dx : dx + BLOCK, dy : dy + BLOCK, dz : dz + BLOCK]
            case += part.long() << (dx + 2 * dy + 4 * dz)
        where = ((case > 0) & (case < 255)).nonzero()  # [m, 4]: block, x, y, z
        place = blocks[where[:, 0]] * BLOCK + where[:, 1:]
        valid = (place < most).all(dim=1)
        where, place = where[valid], place[valid]
        if not len(where):
            return
        rows = triangle_table()[case[tuple(where.T)]]  # [m, 5, 3]
        cell, slot = (rows[..., 0] >= 0).nonzero().T
        self._add(rows[cell, slot], where[cell], corner, ids, values)
        self._look_around(where, place, case, blocks, most)

    def _values(self, ids: Tensor, cells: _Cells, values_at: Evaluate) -> Tensor:
        """At these corners; those that the layer before has asked for are not asked for again."""
        old_ids, old_values = self.known
        values = torch.empty(len(ids), dtype=torch.float64)
        spot = torch.searchsorted(old_ids, ids).clamp_max(max(0, len(old_ids) - 1))
        is_old = old_ids[spot] == ids if len(old_ids) else torch.zeros(len(ids), dtype=torch.bool)
        values[is_old] = old_values[spot[is_old]] if len(old_ids) else values[is_old]
        values[~is_old] = values_at(cells.places(cells.corners(ids[~is_old]).double()))
        self.known = (ids, values)
        return values

    def _add(self, edges: Tensor, where: Tensor, corner: Tensor, ids: Tensor, values: Tensor) -> None:
        """Triangles [t, 3] of edges of their cells [t, 4]."""
        ends = torch.tensor(EDGES)[edges]  # [t, 3, 2] corners of the cell
        steps = torch.stack([ends & 1, ends >> 1 & 1, ends >> 2 & 1], dim=-1)  # [t, 3, 2, 3]
        at = where[:, None, None, 1:] + steps
        number = corner[where[:, 0, None, None], at[..., 0], at[..., 1], at[..., 2]]  # [t, 3, 2]
        axis = (steps[:, :, 1] - steps[:, :, 0]).argmax(dim=-1)
        keys = ids[number[..., 0]] * 3 + axis
        first, second = values[number[..., 0]], values[number[..., 1]]
        along = first / (first - second)
        self.triangles.append(keys)
        unique, inverse = torch.unique(keys, return_inverse=True)
        self.keys.append(unique)
        self.along.append(torch.empty(len(unique), dtype=torch.float64).index_copy_(0, inverse.flatten(), along.flatten()))

    def _look_around(self, where: Tensor, place: Tensor, case: Tensor, blocks: Tensor, most: Tensor) -> None:
        """Remember the blocks beyond whose face the surface goes on, and whether it leaves the box."""
        cases = case[tuple(where.T)]
        for axis, side in itertools.product(range(3), range(2)):
            mask = sum(1 << c for c in range(8) if (c >> axis & 1) == side)
            crosses = ((cases & mask) != 0) & ((cases & mask) != mask)
            last = BLOCK - 1 if side else 0
            step = torch.tensor([(2 * side - 1) if a == axis else 0 for a in range(3)])
            beyond = place + step
            outside = (beyond[:, axis] < 0) | (beyond[:, axis] >= most[axis])
            self.leaves = self.leaves or bool((crosses & outside).any())
            over = crosses & ~outside & (where[:, 1 + axis] == last)
            if bool(over.any()):
                self.run_into.append(torch.unique(blocks[where[over, 0]] + step, dim=0))

    def missing(self, active: Tensor) -> Tensor:
        """Blocks that the surface runs into, and that are not among the active ones."""
        if not self.run_into:
            return active[:0]
        wanted = torch.unique(torch.cat(self.run_into), dim=0)
        size = int(max(active.max(), wanted.max())) + 1
        number = torch.tensor([size * size, size, 1])
        missing: Tensor = wanted[~torch.isin(wanted @ number, active @ number)]
        return missing

    def surface(self, cells: _Cells) -> tuple[Tensor, Tensor, bool]:
        """Vertices, triangles, and whether the surface leaves the box."""
        if not self.triangles:
            return torch.zeros(0, 3, dtype=torch.float64), torch.zeros(0, 3, dtype=torch.int64), False
        keys, along = torch.cat(self.keys), torch.cat(self.along)
        unique, inverse = torch.unique(keys, return_inverse=True)
        place = torch.empty(len(unique), dtype=torch.float64).index_copy_(0, inverse, along)
        corners = cells.corners(torch.div(unique, 3, rounding_mode="floor")).double()
        corners[torch.arange(len(unique)), unique % 3] += place
        return cells.places(corners), torch.searchsorted(unique, torch.cat(self.triangles)), self.leaves


def _polished(field: Field, vertices: Tensor, level: float, cells: _Cells, values_at: _Counted) -> Tensor:
    """The vertices moved along the gradient to where the field has the level, by half a cell at most and only nearer to it."""
    reach = float(cells.step.min()) / 2
    size = max(1, values_at.size // 8)
    before = values_at(vertices)
    for _ in range(NEWTON_STEPS):
        dtype = field.coords_dtype
        slopes = torch.cat(
            [gradient(field, part.to(values_at.device, dtype))[:, 0].detach().double().cpu() for part in vertices.split(size)]
        )
        steep = slopes.square().sum(dim=1, keepdim=True)
        move = torch.where(steep > 0, -before[:, None] * slopes / steep, 0.0)
        length = move.norm(dim=1, keepdim=True)
        moved = vertices + move * (reach / length.clamp_min(reach))
        after = values_at(moved)
        better = after.abs() < before.abs()
        vertices, before = torch.where(better[:, None], moved, vertices), torch.where(better, after, before)
    return vertices
