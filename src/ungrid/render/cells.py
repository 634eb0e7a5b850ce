"""The triangles of a cell of a grid, for each of the 256 ways in which its corners lie inside or outside.

Corner i of a cell lies at (i & 1, i >> 1 & 1, i >> 2 & 1). The surface crosses an edge whose ends lie on different sides. On each
face of the cell the crossings are joined so that inside corners which only a diagonal joins stay apart; the two cells of a face
see the same corners and join the same crossings, so that the surface has no gap. The joints of all faces form closed loops, and
each is cut into triangles without a diagonal in a face of the cell, which a neighbor could have as well.
"""

import functools
import itertools
from collections.abc import Iterator

import torch
from jaxtyping import Int
from torch import Tensor

Edge = tuple[int, int]  # its corners, the lower first

EDGES: tuple[Edge, ...] = tuple((a, a | 1 << axis) for axis in range(3) for a in range(8) if not a >> axis & 1)
MOST_TRIANGLES = 5


@functools.cache
def triangle_table() -> Int[Tensor, "256 5 3"]:
    """For each set of inside corners (bit i for corner i), the edges on which the corners of up to five triangles lie, −1 for
    none; counterclockwise as seen from outside."""
    table = torch.full((256, MOST_TRIANGLES, 3), -1, dtype=torch.int64)
    for inside in range(256):
        triangles = [triangle for loop in _loops(inside) for triangle in _cut(loop)]
        for row, triangle in enumerate(triangles):
            table[inside, row] = torch.tensor([EDGES.index(edge) for edge in triangle])
    return table


def _faces() -> Iterator[tuple[int, int, int, int]]:
    """The corners of each face, counterclockwise as seen from outside the cell."""
    for axis, side in itertools.product(range(3), range(2)):
        u, v = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        start = side << axis
        ring = (start, start | u, start | u | v, start | v)
        yield ring if side else ring[::-1]


def _loops(inside: int) -> list[list[Edge]]:
    """The closed loops of crossed edges, each in order."""
    following: dict[Edge, Edge] = {}
    for ring in _faces():
        for i, corner in enumerate(ring):
            before = ring[i - 1]
            if not inside >> corner & 1 or inside >> before & 1:
                continue
            last = i  # of the run of inside corners that begins here
            while inside >> ring[(last + 1) % 4] & 1:
                last += 1
            entered, left = _edge(before, corner), _edge(ring[last % 4], ring[(last + 1) % 4])
            following[entered] = left
    loops = []
    while following:
        first = next(iter(following))
        loop = [first]
        while (after := following.pop(loop[-1])) != first:
            loop.append(after)
        loops.append(loop)
    return loops


def _edge(a: int, b: int) -> Edge:
    return (a, b) if a < b else (b, a)


def _cut(loop: list[Edge]) -> list[tuple[Edge, Edge, Edge]]:
    """The triangles of a loop, by a cut of which no diagonal lies in a face of the cell."""
    cuts = list(_cuts(loop))
    return min(cuts, key=lambda cut: sum(_in_a_face(*pair) for pair in _diagonals(cut)))


def _cuts(loop: list[Edge]) -> Iterator[list[tuple[Edge, Edge, Edge]]]:
    """All ways to cut a loop into triangles."""
    if len(loop) < 3:
        yield []
        return
    for middle in range(1, len(loop) - 1):
        triangle = (loop[0], loop[middle], loop[-1])
        for one, other in itertools.product(_cuts(loop[: middle + 1]), _cuts(loop[middle:])):
            yield [triangle, *one, *other]


def _diagonals(cut: list[tuple[Edge, Edge, Edge]]) -> list[tuple[Edge, Edge]]:
    """The sides that two triangles of a cut share."""
    sides = [tuple(sorted(side)) for a, b, c in cut for side in ((a, b), (b, c), (c, a))]
    return [side for side in set(sides) if sides.count(side) == 2]  # type: ignore[misc]


def _in_a_face(one: Edge, other: Edge) -> bool:
    """Whether two edges lie in one face of the cell."""
    corners = [*one, *other]
    return any(len({corner >> axis & 1 for corner in corners}) == 1 for axis in range(3))
