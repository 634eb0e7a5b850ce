import pytest
import torch

from ungrid.metrics.shape import surface_metrics
from ungrid.signals.surface import Surface
from ungrid.testing.surfaces import sphere

pytest.importorskip("igl", reason="libigl is not installed")


def test_a_surface_is_itself():
    ball = Surface(sphere(16))
    told = surface_metrics(ball, ball, n=5_000)
    assert told["chamfer"] < 1e-12
    assert told["fscore"] == {"0.5%": 1.0, "1%": 1.0}
    assert told["iou"] == 1.0
    assert told["normal_consistency"] == pytest.approx(1, abs=1e-3)


def test_a_larger_sphere_is_as_far_as_its_radius_is_larger():
    told = surface_metrics(Surface(sphere(40, radius=1.03)), Surface(sphere(40)), n=5_000)
    assert told["chamfer"] == pytest.approx(0.03, abs=1e-3)
    assert told["hausdorff"] == pytest.approx(0.03, abs=2e-3)
    assert told["fscore"] == {"0.5%": 0.0, "1%": 1.0}  # of a diagonal of 3.46
    assert told["iou"] == pytest.approx(1 / 1.03**3, abs=0.02)
    assert told["chamfer_relative"] == pytest.approx(0.03 / 12**0.5, rel=0.05)


def test_a_missing_half_is_seen_from_the_reference_alone():
    ball = sphere(16)
    upper = ball.faces[ball.vertices[ball.faces][..., 2].amin(dim=1) >= 0]
    half = Surface(type(ball)(ball.vertices, upper))
    told = surface_metrics(half, Surface(ball), n=5_000)
    assert told["hausdorff"] > 1
    assert told["fscore"]["1%"] == pytest.approx(2 / 3, abs=0.03)


def test_points_are_those_of_their_seed():
    pair = Surface(sphere(8)), Surface(sphere(10))
    one, again, other = (surface_metrics(*pair, n=500, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert torch.tensor(one["chamfer"]).isfinite()
