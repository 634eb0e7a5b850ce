import math

import pytest
import torch

from ungrid.errors import InputError, ShapeError
from ungrid.signals.shape import Shape
from ungrid.testing.surfaces import sphere, torus


def test_volume_and_size_are_those_of_the_closed_form():
    ring = torus(200)
    assert ring.volume == pytest.approx(2 * math.pi**2 * 0.4**2, rel=2e-3)
    torch.testing.assert_close(ring.bounds[1], torch.tensor([1.4, 1.4, 0.4], dtype=torch.float64))
    assert ring.diagonal == pytest.approx(2 * math.sqrt(1.4**2 * 2 + 0.4**2))


def test_volume_does_not_depend_on_where_the_shape_lies():
    assert sphere(8, center=(1e4, -2e4, 5.0)).volume == pytest.approx(sphere(8).volume, rel=1e-6)


def test_it_says_what_it_is():
    ball = sphere(4, radius=10.0)
    told = Shape(ball.vertices, ball.faces, {"format": "GLB", "unit": "m"}).describe()
    assert told == "surface of 98 vertices and 192 triangles, 20 × 20 × 20 m, GLB"


@pytest.mark.parametrize(
    ("vertices", "faces", "words"),
    [
        (torch.zeros(4, 3, dtype=torch.float64), torch.zeros(0, 3, dtype=torch.int64), "no face"),
        (torch.zeros(4, 3, dtype=torch.float64), torch.tensor([[0, 1, 4]]), "names vertex 4, of 4"),
        (torch.full((4, 3), math.nan, dtype=torch.float64), torch.tensor([[0, 1, 2]]), "4 of 4 vertices are NaN"),
    ],
)
def test_what_is_no_surface_is_refused(vertices, faces, words):
    with pytest.raises(InputError, match=words):
        Shape(vertices, faces)


@pytest.mark.usefixtures("unchecked_types")
def test_arrays_of_other_types_are_refused():
    with pytest.raises(ShapeError, match="float64"):
        Shape(torch.zeros(4, 3), torch.tensor([[0, 1, 2]]))
    with pytest.raises(ShapeError, match="int64"):
        Shape(torch.zeros(4, 3, dtype=torch.float64), torch.tensor([[0.0, 1, 2]]))
