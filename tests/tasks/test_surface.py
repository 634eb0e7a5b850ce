import math

import pytest
import torch

from ungrid.signals.surface import Surface
from ungrid.tasks.surface import SurfaceJudge, near_points, represent_surface
from ungrid.testing.surfaces import KnownDistance, sphere

pytest.importorskip("igl", reason="libigl is not installed")
FINE = Surface(sphere(64))


def ball(points):
    return points.norm(dim=-1) - 1


def test_the_exact_distance_is_judged_nearly_exact():
    told = SurfaceJudge(FINE).quality(KnownDistance(ball))
    assert told["iou"] > 0.998
    assert told["iou_near"] > 0.995
    assert told["distance_error"] < 1e-3
    assert told["normal_error_degrees"] < 1.5
    assert told["psnr"] > 60


def test_a_larger_sphere_is_judged_by_how_much_larger_it_is():
    told = SurfaceJudge(FINE).quality(KnownDistance(lambda points: ball(points) - 0.1))
    assert told["distance_error"] == pytest.approx(0.1, abs=2e-3)
    assert told["psnr"] == pytest.approx(20 * math.log10(FINE.shape.diagonal / 0.1), abs=0.1)
    assert told["iou"] == pytest.approx(1 / 1.1**3, abs=0.02)


def test_points_near_a_surface_are_a_hundredth_of_the_diagonal_off():
    at = near_points(FINE, 20_000, torch.Generator().manual_seed(0))
    assert float(ball(at).std()) == pytest.approx(0.01 * FINE.shape.diagonal, rel=0.03)


def test_the_problem_holds_points_on_near_and_around_the_surface_with_their_distances():
    field = KnownDistance(ball)
    problem = represent_surface(FINE, field.box, n_points=1000, seed=0)
    (term,) = problem.terms
    batch = term.sample(torch.Generator().manual_seed(0), field, None)
    assert len(batch) == 1000
    torch.testing.assert_close(batch.target[:, 0], ball(batch.query), atol=2e-3, rtol=0)
    assert int((batch.target == 0).sum()) == 400
    assert float(term(field, batch)) < 1e-6
