import math
import sys

import pytest
import torch

from ungrid.errors import MissingExtra
from ungrid.signals.shape import Shape
from ungrid.signals.surface import Surface
from ungrid.testing.surfaces import sphere, torus

igl = pytest.importorskip("igl", reason="libigl is not installed")


def points(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 - 1.5


def test_distances_are_those_of_a_fine_sphere():
    at = points(500)
    torch.testing.assert_close(Surface(sphere(60)).distance(at), at.norm(dim=1) - 1, atol=1e-3, rtol=0)


def test_sides_of_a_closed_surface_are_told_by_normals_and_agree_with_the_winding_number():
    surface, at = Surface(torus(64)), points(2000)
    assert surface.sign == "normals"
    assert torch.equal(surface.distance(at) < 0, surface.is_inside(at))


def test_a_surface_with_a_hole_keeps_its_inside():
    ball = sphere(16)
    surface, at = Surface(Shape(ball.vertices, ball.faces[4:])), points(2000)
    assert surface.sign == "winding number"
    deep = at.norm(dim=1) < 0.7
    assert bool((surface.distance(at)[deep] < 0).all())
    assert bool((surface.distance(at)[at.norm(dim=1) > 1.3] > 0).all())


def test_samples_lie_on_the_surface_and_are_spread_by_area():
    surface = Surface(sphere(20))
    at, normals = surface.sample(20_000, torch.Generator().manual_seed(0))
    assert float(surface.distance(at).abs().max()) < 1e-12
    assert float((at * normals).sum(dim=1).min()) > 0.99  # outward
    assert float((at[:, 2] > 0.5).double().mean()) == pytest.approx(0.25, abs=0.01)  # Archimedes: area goes by height


def test_samples_are_those_of_their_seed():
    surface = Surface(sphere(4))
    draws = [surface.sample(10, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_no_points_have_no_distances():
    none = torch.zeros(0, 3, dtype=torch.float64)
    assert Surface(sphere(4)).distance(none).shape == Surface(sphere(4)).is_inside(none).shape == (0,)


def test_areas_add_up():
    assert float(Surface(torus(200)).areas.sum()) == pytest.approx(4 * math.pi**2 * 0.4, rel=2e-3)


def test_without_libigl_the_install_line_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "igl", None)
    with pytest.raises(MissingExtra, match=r"ungrid\[shapes\]"):
        Surface(sphere(4))
