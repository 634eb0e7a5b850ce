import torch

from ungrid.domain.grid import Grid
from ungrid.restoration.seamless import seamless
from ungrid.testing.toys import pixel_box


def test_slopes_in_a_ragged_region_are_the_sources_as_far_as_the_border_allows():
    rng = torch.Generator().manual_seed(0)
    grid, target = Grid(pixel_box(20, 22), (20, 22)), torch.rand(20, 22, 2, generator=rng)
    region = torch.rand(20, 22, generator=rng) < 0.6
    found = seamless(target, target + 0.25, region, grid)
    assert torch.allclose(found.values, target, atol=1e-5)  # a constant has no slope
    assert torch.equal(found.values[~region], target[~region])
    assert found.relative_residual < 1e-8
