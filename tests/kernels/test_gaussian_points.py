import pytest
import torch
from torch.testing import assert_close

from ungrid.kernels import gaussian_points as module
from ungrid.kernels.gaussian_points import gaussian_sum_nearby
from ungrid.kernels.gaussian_sum import Gaussians, gaussian_sum


def some(dim, count, width):
    rng = torch.Generator().manual_seed(0)
    rows, columns = torch.tril_indices(dim, dim)
    factors = torch.rand((count, len(rows)), generator=rng, dtype=torch.float64) * width
    factors = factors + 0.3 * width * (rows == columns)
    centers, points = (50 * torch.rand((n, dim), generator=rng, dtype=torch.float64) for n in (count, 700))
    return points, Gaussians(centers, factors, torch.randn((count, 2), generator=rng, dtype=torch.float64))


@pytest.fixture(autouse=True)
def _always_sorted(monkeypatch):
    monkeypatch.setattr(module, "WORTH_SORTING", 0)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("width", [0.2, 3.0, 30.0])
def test_values_are_those_of_the_whole_sum(dim, width):
    points, gaussians = some(dim, 90, width)
    assert_close(gaussian_sum_nearby(points, gaussians), gaussian_sum(points, gaussians), atol=2e-14, rtol=0)


def test_points_far_outside_and_all_in_one_place_are_right():
    points, gaussians = some(2, 30, 2.0)
    far = torch.cat([points, torch.full((1, 2), 1e6, dtype=torch.float64)])
    assert_close(gaussian_sum_nearby(far, gaussians), gaussian_sum(far, gaussians), atol=2e-14, rtol=0)
    same = points[:1].expand(5, 2)
    assert_close(gaussian_sum_nearby(same, gaussians), gaussian_sum(same, gaussians), atol=2e-14, rtol=0)


def test_chunks_do_not_change_the_sum(monkeypatch):
    points, gaussians = some(2, 40, 3.0)
    whole = gaussian_sum_nearby(points, gaussians)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 100)
    assert_close(gaussian_sum_nearby(points, gaussians), whole)


@pytest.mark.parametrize("leading", [(), (0,), (3,), (2, 0), (2, 5)])
def test_any_leading_axes_are_kept(leading):
    _, gaussians = some(2, 10, 3.0)
    points = torch.rand((*leading, 2), dtype=torch.float64) * 50
    found = gaussian_sum_nearby(points, gaussians)
    assert found.shape == (*leading, 2)
    assert_close(found, gaussian_sum(points, gaussians), atol=2e-14, rtol=0)


def test_a_point_that_is_no_number_has_no_value():
    points, gaussians = some(2, 10, 3.0)
    points[3, 0] = torch.nan
    assert bool(gaussian_sum_nearby(points, gaussians)[3].isnan().all())
