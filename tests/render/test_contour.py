import math

import pytest
import torch

from ungrid.errors import InputError
from ungrid.render.contour import contour
from ungrid.signals.shape import Shape
from ungrid.signals.topology import topology
from ungrid.testing.surfaces import KnownDistance


def ball(points, radius=1.0):
    return points.norm(dim=-1) - radius


def ring(points):
    around = torch.stack([points[..., :2].norm(dim=-1) - 1, points[..., 2]], dim=-1)
    return around.norm(dim=-1) - 0.3


def test_a_sphere_is_closed_and_its_vertices_lie_on_it_and_its_triangles_face_outward():
    found = contour(KnownDistance(ball), resolution=40)
    told = topology(found.faces)
    assert (told.watertight, told.manifold, told.euler, told.n_components) == (True, True, 2, 1)
    assert float((found.vertices.norm(dim=1) - 1).abs().max()) < 1e-5
    assert Shape(found.vertices, found.faces).volume == pytest.approx(4 / 3 * math.pi, rel=5e-3)
    assert not found.leaves_box


@pytest.mark.parametrize("resolution", [9, 32, 57])
def test_a_torus_has_its_handle_at_any_resolution(resolution):
    told = topology(contour(KnownDistance(ring), resolution=resolution).faces)
    assert (told.watertight, told.manifold, told.euler) == (True, True, 0)


def test_noise_gives_a_closed_manifold_all_the_same():
    waves = torch.randn(12, 3, generator=torch.Generator().manual_seed(3)) * 6

    def rough(points):  # every case of a cell, closed off within the box
        return torch.maximum((points @ waves.T).sin().sum(dim=-1), ball(points, 1.2) * 8)

    found = contour(KnownDistance(rough, kind="volume"), resolution=40, polish=False)
    told = topology(found.faces)
    assert (told.watertight, told.manifold) == (True, True)
    assert told.n_components > 5


def test_only_cells_near_a_surface_of_distances_are_looked_at():
    near = contour(KnownDistance(ball), resolution=128, polish=False)
    whole = contour(KnownDistance(ball, kind="volume"), resolution=128, polish=False)
    assert near.evaluations < whole.evaluations / 4
    assert torch.equal(near.vertices, whole.vertices)
    assert torch.equal(near.faces.sort(dim=0).values, whole.faces.sort(dim=0).values)


def test_a_surface_that_distances_hide_is_followed_from_block_to_block():
    def lying(points):  # far larger than the distance, but on one side
        return ball(points) * torch.where(points[..., 0] > 0.3, 40.0, 1.0)

    told = topology(contour(KnownDistance(lying), resolution=64, polish=False).faces)
    assert (told.watertight, told.euler, told.n_components) == (True, 2, 1)


def test_a_level_of_distances_is_an_offset():
    found = contour(KnownDistance(ball), resolution=40, level=0.25)
    assert float((found.vertices.norm(dim=1) - 1.25).abs().max()) < 1e-5


def test_a_surface_that_leaves_the_box_is_cut_open_and_says_so():
    found = contour(KnownDistance(ball, half=0.8), resolution=32)
    assert found.leaves_box
    assert topology(found.faces).n_open_edges > 0


def test_polishing_moves_vertices_onto_the_level():
    def curved(points):
        return ball(points) * (1 + points[..., 0].abs())

    rough, polished = (contour(KnownDistance(curved), resolution=16, polish=polish) for polish in (False, True))
    assert ball(polished.vertices).abs().mean() < ball(rough.vertices).abs().mean() / 50
    assert torch.equal(rough.faces, polished.faces)


def test_memory_changes_nothing():
    field = KnownDistance(ball)
    assert torch.equal(contour(field, resolution=32).vertices, contour(field, resolution=32, max_memory=2**20).vertices)


@pytest.mark.parametrize(
    ("distance", "options", "words"),
    [
        (lambda points: points[..., 0] + 9, {}, "no surface of level 0"),
        (lambda points: points[..., 0] * math.nan, {}, "NaN"),
        (ball, {"resolution": 1}, "resolution is 1"),
        (ball, {"level": math.nan}, "level nan"),
    ],
)
def test_what_cannot_be_contoured_is_told(distance, options, words):
    with pytest.raises(InputError, match=words):
        contour(KnownDistance(distance), **options)
