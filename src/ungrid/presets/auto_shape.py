"""The default for surfaces: signed distance as cubic splines whose fine nodes lie in a narrow band around the surface."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.fields.record import Recipe, Record
from ungrid.fields.refined_spline import RefinedSpline
from ungrid.fields.refinement import BLOCK, block_shape, level_shapes
from ungrid.fit.band import BandLevel, BandSolver
from ungrid.presets.choice import Choice
from ungrid.signals.surface import Surface

AXES = ("x", "y", "z")
MARGIN = 0.06  # of the longest side, around the surface
WHOLE_NODES = 33  # along the longest axis, up to which a level is kept whole
BAND = 2.5  # nodes on either side of the surface that a finer level keeps
UNIT_NODES = 8  # nodes of the finest level that are one unit of the weights: float16 then holds all of them well


@dataclass(frozen=True)
class ShapeEffort:
    """A point of the frontier for surfaces.

    Args:
        params: of the field, about: a slender shape, of little area, has its nodes closer together.
        points: of the surface, at which the distance is to be 0.
        iterations: of conjugate gradients on each level.
    """

    params: int
    points: int
    iterations: int


SHAPE_EFFORTS = {
    "fast": ShapeEffort(150_000, 50_000, 15),
    "balanced": ShapeEffort(600_000, 150_000, 20),
    "best": ShapeEffort(1_200_000, 250_000, 20),
}
A_CELL = 8.3  # parameters for each square of the nodes' spacing on the surface, of all levels
LEAST_NODES, MOST_NODES = 64, 384  # of the finest level along the longest axis
MOST_GRID = 2**25  # nodes that its finest level would have without a band: four bytes each are held for some time


def choose_shape(surface: Surface, effort: str, *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """The default for a surface, with the distances at its nodes measured.

    Args:
        surface: what will be fitted.
        effort: a name in `SHAPE_EFFORTS`.
        max_bytes: most bytes of the file, or None: the nodes are spaced wider until it holds them.
        seed: of the points on the surface.

    Raises:
        InputError: a surface that encloses nothing, or no room in the bytes.
    """
    level = SHAPE_EFFORTS[effort]
    nodes = nodes_for(surface, level.params)
    while True:
        field, bands = banded(surface, nodes)
        size = 2 * field.n_params + sum(buffer.numel() * buffer.element_size() for buffer in field.buffers()) + 8_192
        if max_bytes is None or size <= max_bytes:
            break
        if nodes <= WHOLE_NODES:
            raise InputError(f"max_bytes is {max_bytes}; a field of this surface needs at least {size}")
        nodes = max(WHOLE_NODES, min(nodes - 1, int(0.97 * nodes * math.sqrt(max_bytes / size))))
    if not any(bool((band.distances < 0).any()) for band in bands if band is not None):
        raise InputError("the surface encloses nothing that a node of the grid lies in; expected a closed surface, or nearly so")
    points, _ = surface.sample(level.points, torch.Generator().manual_seed(seed))
    steps = level.iterations * sum(band is not None for band in bands)
    field.recipe = Recipe(optimizer="conjugate_gradients", learning_rate=1.0, steps=steps)
    spacing = field.box.extent[0] / field.shape[0]
    reason = (
        f"{effort}: signed distance by cubic splines with nodes {spacing:.3g} {surface.shape.unit or 'units'} apart near the "
        f"surface and wider elsewhere, {field.n_params:,} parameters, by least squares of exact distances; sides told by "
        f"{surface.sign}{_openness(surface)}"
    )
    return Choice(field, "float16", "none", reason, BandSolver(bands, points, iterations=level.iterations))


def _openness(surface: Surface) -> str:
    """What to know of a surface with rims, in words."""
    n = surface.topology.n_open_edges
    return f"; {n:,} edges are open, and what is inside near a wide opening is a guess: look at the result" if n else ""


def nodes_for(surface: Surface, params: int) -> int:
    """Nodes along the longest axis of a field of about so many parameters."""
    low, high = surface.shape.bounds
    longest = float((high - low).max()) * (1 + 2 * MARGIN)
    nodes = longest / math.sqrt(A_CELL * float(surface.areas.sum()) / params)
    _, shape = box_around(surface, MOST_NODES)
    room = MOST_NODES * (MOST_GRID / math.prod(shape)) ** (1 / 3)
    return int(min(max(nodes, LEAST_NODES), MOST_NODES, room))


def banded(surface: Surface, nodes: int) -> tuple[RefinedSpline, list[BandLevel | None]]:
    """A field with so many nodes along its longest axis, those of fine levels near the surface alone, and exact distances there.

    Weights are zeros. Levels coarser than the one that is kept whole stay zero, too: None.
    """
    box, shape = box_around(surface, nodes)
    shapes = level_shapes(shape)
    low = torch.tensor([bound[0] for bound in box.bounds], dtype=torch.float64)
    pitch = torch.tensor([e / n for e, n in zip(box.extent, shape, strict=True)], dtype=torch.float64)
    whole = next(index for index, sizes in enumerate(shapes) if max(sizes) <= WHOLE_NODES)
    levels: list[BandLevel | None] = [None] * len(shapes)
    coarser: Tensor | None = None  # distance at the next coarser level's nodes [*shape], infinite where it is not known
    for index in range(whole, -1, -1):
        sizes, step = shapes[index], 2**index
        blocks = block_shape(sizes)
        reach = BAND * step * float(pitch.max())
        if coarser is None:
            candidates = torch.ones(blocks, dtype=torch.bool)
        else:  # block b holds node 2b, which is node b of the coarser level
            own = coarser[tuple(slice(0, n) for n in blocks)]
            candidates = own.abs() < reach + math.sqrt(3) * step * float(pitch.max())
        inner = _nodes_of(candidates.nonzero())  # [m, 8, 3]
        distances = surface.distance(low + (inner.reshape(-1, 3) * step + 0.5) * pitch).reshape(len(inner), -1)
        exists = (inner < torch.tensor(sizes)).all(dim=-1)
        chosen = torch.ones(len(inner), dtype=torch.bool) if coarser is None else ((distances.abs() < reach) & exists).any(dim=1)
        kept = torch.zeros(blocks, dtype=torch.bool)
        kept[candidates] = chosen
        levels[index] = BandLevel(kept.flatten(), distances[chosen].flatten())
        coarser = torch.full(sizes, math.inf, dtype=torch.float64)
        known = inner[chosen][exists[chosen]]
        coarser[tuple(known.T)] = distances[chosen][exists[chosen]]
    counts = [0 if band is None else int(band.kept.sum()) for band in levels]
    counts[-1] = math.prod(block_shape(shapes[-1]))
    field = RefinedSpline(box, 1, shape, tuple(counts), value_scale=(UNIT_NODES * float(pitch.max()),))
    everything = [torch.ones(math.prod(block_shape(sizes)), dtype=torch.bool) for sizes in shapes]
    nothing = [torch.zeros_like(kept) for kept in everything]
    field.keep(
        [everything[i] if i == len(shapes) - 1 else nothing[i] if band is None else band.kept for i, band in enumerate(levels)]
    )
    return field, levels


def box_around(surface: Surface, nodes: int) -> tuple[Box, tuple[int, ...]]:
    """The box of a surface with its margin, and the nodes along its axes, evenly spaced along all."""
    low, high = surface.shape.bounds
    pitch = float((high - low).max()) * (1 + 2 * MARGIN) / nodes
    shape = tuple(int(n) for n in ((high - low) / pitch + 2 * MARGIN * nodes / (1 + 2 * MARGIN)).ceil())
    middle = (low + high) / 2
    bounds = tuple((float(m) - n * pitch / 2, float(m) + n * pitch / 2) for m, n in zip(middle, shape, strict=True))
    return Box(AXES, bounds, (surface.shape.unit,) * 3), shape


def record_of_shape(surface: Surface, shape: tuple[int, ...]) -> Record:
    """The record of a field that stands for a surface."""
    counts = {"n_vertices": len(surface.shape.vertices), "n_faces": len(surface.shape.faces)}
    return Record("sdf", shape, surface.shape.channels, {**surface.shape.source, **counts}, stored="float16")


def _nodes_of(blocks: Tensor) -> Tensor:
    """The nodes [m, 8, 3] of blocks [m, 3], in the order in which a field keeps them."""
    steps = torch.cartesian_prod(*[torch.arange(BLOCK)] * 3)
    return blocks[:, None, :] * BLOCK + steps
