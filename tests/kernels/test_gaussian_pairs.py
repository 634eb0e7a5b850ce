import math

import pytest
import torch

from ungrid.kernels.gaussian_pairs import cutoff_radius, near_pairs, runs
from ungrid.kernels.gaussian_sum import Gaussians, whitened


def one(center, factors):
    return Gaussians(torch.tensor([center]), torch.tensor([factors]), torch.ones(1, 1))


def test_the_radius_is_where_all_gaussians_together_fall_below_half_a_unit_in_the_last_place():
    weights = torch.rand(100, 3, dtype=torch.float64)
    tail = weights.amax(dim=-1).sum() * math.exp(-0.5 * cutoff_radius(weights) ** 2)
    assert math.isclose(float(tail), 2**-53, rel_tol=1e-9)
    assert 5.5 < cutoff_radius(torch.ones(1, 1)) < cutoff_radius(torch.ones(2000, 1)) < 7
    assert cutoff_radius(torch.zeros(5, 1)) > 0


def test_a_tile_is_paired_if_and_only_if_it_is_near():
    tiles = [torch.arange(40.0).reshape(10, 4) for _ in range(2)]
    found = one([11.0, 30.0], [0.6, -0.7, 0.5])
    _, near = near_pairs(tiles, found)
    points = torch.cartesian_prod(torch.arange(40.0), torch.arange(40.0)) - found.centers
    distance = torch.stack(whitened(points.unbind(-1), found.factors[0].unbind())).square().sum(dim=0).sqrt()
    closest = distance.reshape(10, 4, 10, 4).amin(dim=(1, 3)).flatten()
    radius = cutoff_radius(found.weights)
    assert set((closest <= radius).nonzero().flatten().tolist()) <= set(near.tolist())
    assert float(closest[near].max()) < radius + 8  # at most a tile's own width further
    assert len(near) < 60


def test_pairs_name_the_gaussians():
    tiles = [torch.arange(100.0).reshape(25, 4)]
    both = Gaussians(torch.tensor([[10.0], [90.0], [1e5]]), torch.ones(3, 1), torch.ones(3, 1))
    gaussian, tile = near_pairs(tiles, both)
    assert set(gaussian.tolist()) == {0, 1}
    assert bool((tile[gaussian == 0] < 6).all())
    assert bool((tile[gaussian == 1] > 19).all())


@pytest.mark.parametrize("most", [1, 5, 1000])
def test_runs_follow_each_other_and_have_all(most):
    sizes = torch.tensor([3, 0, 9, 1, 1, 4])
    parts = runs(sizes, most)
    assert torch.cat(parts).tolist() == list(range(6))
    assert all(int(sizes[part].sum()) <= most + int(sizes[part].max()) for part in parts)
