"""Integrals of any field over a part of its box, in the units of its box."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError

N_NODES = 4  # of a piece: exact for polynomials of degree 7, so for cubic splines whose knots lie at the pieces' ends
LEAST_PIECES = 8
PIECES = 64  # along each axis of a field without a grid of its own
AT_ONCE = 2**18  # points
MOST_POINTS = 2**32


@torch.no_grad()
def integrate(
    field: Any, region: Mapping[str, tuple[float, float]] | None = None, *, pieces: int | None = None
) -> Float[Tensor, " c"]:
    """∫ value_c over a region, in units of the values times those of the axes; sums in float64.

    Composite Gauss–Legendre quadrature with four nodes in each piece. Pieces are the cells of the grid that the field was fitted
    on, cut at the region's ends, so that a spline of as many cells is integrated exactly.

    Args:
        field: with a box.
        region: {axis: (low, high)} in the box's units; axes that are not named count whole.
        pieces: along each axis, of equal length, in place of the grid's cells.

    Raises:
        InputError: an unknown axis, a region outside the box, more than 2³² points.

    Example:
        >>> import numpy, ungrid as ug
        >>> field = ug.fit(numpy.linspace(0.0, 1.0, 50))  # on t from -0.5 to 49.5
        >>> round(float(ug.integrate(field, {"t": (0, 49)})[0]), 3)
        24.5
    """
    part = field.box.crop(region or {})
    if pieces is not None and pieces < 1:
        raise InputError(f"pieces is {pieces}; expected at least 1")
    axes = [_rule(_edges(field, axis, bounds, pieces)) for axis, bounds in enumerate(part.bounds)]
    n_points = math.prod(len(nodes) for nodes, _ in axes)
    if n_points > MOST_POINTS:
        raise InputError(
            f"the integral takes {n_points:,} points; expected at most {MOST_POINTS:,}: name a smaller region, or pieces"
        )
    own = next(field.parameters(), torch.zeros(()))
    total = torch.zeros(field.out_dim, dtype=torch.float64)
    for points, weights in _batches(axes):
        values = field(torch.from_numpy(points).to(own)).double().cpu()
        total += torch.from_numpy(weights) @ values
    return total


def _edges(field: Any, axis: int, bounds: tuple[float, float], pieces: int | None) -> np.ndarray:
    """Ends of the pieces along an axis."""
    low, high = bounds
    record = getattr(field, "record", None)
    if pieces is None and record is not None and record.shape:
        start, stop = field.box.bounds[axis]
        cells = np.linspace(start, stop, record.shape[axis] + 1)
        if field.box.periodic[axis]:  # a region may run across the end
            cells = np.concatenate([cells[:-1] - (stop - start), cells, cells[1:] + (stop - start)])
        inside = cells[(cells > low) & (cells < high)]
        edges = np.concatenate([[low], inside, [high]])
        return edges if len(edges) > LEAST_PIECES else np.linspace(low, high, LEAST_PIECES + 1)
    return np.linspace(low, high, (pieces or PIECES) + 1)


def _rule(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of all pieces."""
    nodes, weights = np.polynomial.legendre.leggauss(N_NODES)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (nodes + 1)).reshape(-1), (half * weights).reshape(-1)


def _batches(axes: list[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Points [n, d] and weights [n] of the axes' product, some at once."""
    shape = tuple(len(nodes) for nodes, _ in axes)
    for start in range(0, math.prod(shape), AT_ONCE):
        index = np.unravel_index(np.arange(start, min(start + AT_ONCE, math.prod(shape))), shape)
        points = np.stack([nodes[at] for (nodes, _), at in zip(axes, index, strict=True)], axis=-1)
        yield points, np.prod([weights[at] for (_, weights), at in zip(axes, index, strict=True)], axis=0)
