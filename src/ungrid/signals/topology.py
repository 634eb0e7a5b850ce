"""Whether a surface of triangles is closed, how its pieces hang together, and what is wrong with it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True)
class Topology:
    """How the triangles of a surface hang together.

    Args:
        n_vertices: that triangles use.
        n_faces: of triangles.
        watertight: every edge has two triangles, which run along it in opposite directions.
        manifold: no edge has more than two triangles, and the triangles around each vertex form one fan.
        n_components: pieces that no edge connects.
        euler: vertices − edges + triangles; 2 for a closed surface without handles, 2 less for each handle.
        n_open_edges: with one triangle: the rims of holes.
        n_crowded_edges: with more than two triangles.
        n_flipped_edges: with two triangles that run the same way, as where neighbors are turned differently.
    """

    n_vertices: int
    n_faces: int
    watertight: bool
    manifold: bool
    n_components: int
    euler: int
    n_open_edges: int
    n_crowded_edges: int
    n_flipped_edges: int


def topology(faces: Int[Tensor, "f 3"]) -> Topology:
    """How triangles hang together, by the indices of their vertices alone."""
    from_to = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    low, high = from_to.amin(dim=1), from_to.amax(dim=1)
    n = int(faces.max()) + 1
    edges, edge_of, counts = torch.unique(low * n + high, return_inverse=True, return_counts=True)
    forward = torch.zeros(len(edges), dtype=torch.int64).index_add_(0, edge_of, (from_to[:, 0] == low).long())
    paired = counts == 2
    flipped = int((paired & (forward != 1)).sum())
    n_open, crowded = int((counts == 1).sum()), int((counts > 2).sum())
    used = torch.unique(faces)
    return Topology(
        n_vertices=len(used),
        n_faces=len(faces),
        watertight=bool(paired.all()) and flipped == 0,
        manifold=crowded == 0 and _fans(faces, edge_of, len(edges)) == len(used),
        n_components=_pieces(faces.reshape(-1, 3)),
        euler=len(used) - len(edges) + len(faces),
        n_open_edges=n_open,
        n_crowded_edges=crowded,
        n_flipped_edges=flipped,
    )


def _pieces(faces: Tensor) -> int:
    """Connected components of the vertices that triangles use."""
    labels = components(int(faces.max()) + 1, torch.cat([faces[:, :2], faces[:, 1:]]))
    return len(torch.unique(labels[faces.flatten()]))


def _fans(faces: Tensor, edge_of: Tensor, n_edges: int) -> int:
    """Fans of triangles around all vertices together: as many as vertices, if each has one.

    A corner of a triangle belongs to the fan of its vertex; across each edge the corners at the same end are in one fan.
    """
    n = len(faces)
    sides = edge_of.reshape(3, n)  # edge of each triangle from its corner 0, 1, 2 to the next
    corner = torch.arange(3 * n).reshape(3, n)
    ends = []  # (edge, vertex, corner) of both ends of each side
    for side in range(3):
        for end in (side, (side + 1) % 3):
            ends.append(torch.stack([sides[side], faces[:, end], corner[end]], dim=1))
    rows = torch.cat(ends)
    at = int(faces.max()) + 1
    key, order = torch.sort(rows[:, 0] * at + rows[:, 1], stable=True)
    same = key[1:] == key[:-1]
    links = torch.stack([rows[order[:-1], 2], rows[order[1:], 2]], dim=1)[same]
    return len(torch.unique(components(3 * n, links)))


def components(n: int, links: Int[Tensor, "m 2"]) -> Int[Tensor, "n"]:
    """Label of the connected component of each of n things: the least index in it."""
    labels = np.arange(n)
    a, b = links[:, 0].numpy(), links[:, 1].numpy()
    while True:
        least = np.minimum(labels[a], labels[b])
        before = labels.copy()
        np.minimum.at(labels, before[a], least)
        np.minimum.at(labels, before[b], least)
        while True:  # follow each label to its own
            further = labels[labels]
            if np.array_equal(further, labels):
                break
            labels = further
        if np.array_equal(labels, before):
            return torch.from_numpy(labels)
