from collections import Counter

import pytest

from ungrid.render.cells import EDGES, triangle_table


def triangles(case: int) -> list[list[int]]:
    return [row for row in triangle_table()[case].tolist() if row[0] >= 0]


@pytest.mark.parametrize("case", range(256))
def test_triangles_lie_on_crossed_edges_and_their_open_sides_lie_in_faces(case):
    crossed = {i for i, (a, b) in enumerate(EDGES) if (case >> a & 1) != (case >> b & 1)}
    assert {edge for row in triangles(case) for edge in row} == crossed
    sides = Counter((row[i], row[(i + 1) % 3]) for row in triangles(case) for i in range(3))
    assert all(count == 1 for count in sides.values())
    for one, other in sides:
        corners = [*EDGES[one], *EDGES[other]]
        in_a_face = any(len({corner >> axis & 1 for corner in corners}) == 1 for axis in range(3))
        assert ((other, one) in sides) != in_a_face, "a side is shared inside the cell, or else lies in a face of it"


def test_a_single_inside_corner_has_one_triangle_that_faces_away_from_it():
    (row,) = triangles(1)
    middles = [[sum(corner >> axis & 1 for corner in EDGES[edge]) / 2 for axis in range(3)] for edge in row]
    (ax, ay, az), (bx, by, bz) = ([m - n for m, n in zip(middles[i], middles[0], strict=True)] for i in (1, 2))
    normal = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    assert all(n > 0 for n in normal)


def test_inside_corners_across_a_face_stay_apart():
    assert len(triangles(0b1001)) == 2  # corners 0 and 3, a diagonal of the bottom
