import torch
from torch.testing import assert_close

from ungrid.encodings.axis_grid import AxisGrid, normal, uniform
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.interpolation import KERNELS
from ungrid.kernels.native_library import torch_only


def axis_grid(axes, interpolation="cubic"):
    start = normal(1.0, torch.Generator().manual_seed(0))
    cells = ((3, 4, 5), (6, 8, 10))
    return AxisGrid(axes, cells, 2, interpolation=interpolation, kernel=KERNELS[interpolation], start=start)


def test_it_is_a_dense_grid_on_its_own_axes():
    part, grid = axis_grid((0, 2)), DenseGrid(2, ((3, 5), (6, 10)), 2, interpolation="cubic")
    for own, other in zip(part.levels, grid.levels, strict=True):
        other.data.copy_(own)
    coords = torch.rand(20, 3) * 2 - 1
    assert_close(part(coords), grid(coords[:, [0, 2]]))


def test_other_axes_do_not_matter():
    part, coords = axis_grid((1,)), torch.rand(20, 3) * 2 - 1
    moved = coords.clone()
    moved[:, [0, 2]] = 0.5
    assert torch.equal(part(coords), part(moved))


def test_on_axes_asks_its_own_axes_alone():
    part = axis_grid((0, 2), "linear")
    axes = [torch.linspace(-1, 1, n) for n in (3, 4, 5)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    assert_close(part.on_axes(axes), part(points)[:, 0])
    with torch_only():
        assert_close(part.on_axes(axes), part(points)[:, 0])


def test_without_kernels_a_point_needs_the_features_of_its_corners():
    part = axis_grid((0, 2))
    with torch_only():
        assert part.width_sum() == 4**2 * (2 * 2 + 2 * 2)


def test_starts_have_their_spread():
    rng = torch.Generator().manual_seed(0)
    assert_close(normal(0.3, rng)([100, 100]).std().item(), 0.3, rtol=0.02, atol=0)
    nodes = uniform(0.1, 0.5, rng)([100, 100])
    assert 0.1 <= float(nodes.min()) < 0.101
    assert 0.499 < float(nodes.max()) <= 0.5
