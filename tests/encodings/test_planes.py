import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.planes import Planes
from ungrid.errors import InputError, UnknownName
from ungrid.kernels.native_library import torch_only

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "planes.json").read_text())


def float64(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize("fusion", ["product", "sum"])
def test_planes_are_the_papers_formula(fusion):
    encoding = Planes(3, tuple(map(tuple, GOLDEN["resolutions"])), 2, fusion=fusion).double()
    for plane, levels in zip(encoding.planes, GOLDEN["planes"], strict=True):
        for level, nodes in zip(plane.levels, levels, strict=True):
            level.data.copy_(float64(nodes))
    assert_close(encoding(float64(GOLDEN["points"])), float64(GOLDEN[fusion]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize("in_dim", [1, 2, 3, 4])
def test_a_grid_and_its_gradients_are_those_of_its_points(in_dim, interpolation, dtype):
    encoding = Planes(in_dim, ((2,) * in_dim, (5,) * in_dim), 3, interpolation=interpolation).to(dtype)
    axes = [torch.linspace(-0.9, 0.7, 3 + axis, dtype=dtype) for axis in range(in_dim)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    results = []
    for features in (encoding(points), encoding.on_axes(axes)):
        encoding.zero_grad()
        features.square().sum().backward()
        results.append([features.detach(), *(parameter.grad.clone() for parameter in encoding.parameters())])
    for at_points, on_axes in zip(*results, strict=True):
        assert_close(on_axes, at_points, rtol=1e-4, atol=1e-5)


def test_native_kernels_and_torch_give_the_same_features():
    encoding, coords = Planes(3, ((3, 4, 5), (6, 8, 10)), 4), torch.rand(50, 3) * 2 - 1
    with torch_only():
        plain, plain_grid = encoding(coords), encoding.on_axes(list(coords.T))
    assert_close(encoding(coords), plain)
    assert_close(encoding.on_axes(list(coords.T)), plain_grid)


def test_on_two_axes_the_single_plane_is_a_dense_grid():
    planes, grid = Planes(2, ((3, 4), (6, 8)), 2), DenseGrid(2, ((3, 4), (6, 8)), 2)
    for own, other in zip(planes.planes[0].levels, grid.levels, strict=True):
        own.data.copy_(other)
    coords = torch.rand(20, 2) * 2 - 1
    assert_close(planes(coords), grid(coords))


@pytest.mark.parametrize(("in_dim", "count"), [(1, 1), (2, 1), (3, 3), (4, 6)])
def test_there_is_a_plane_for_each_pair_of_axes(in_dim, count):
    encoding = Planes(in_dim, ((2,) * in_dim,), 2)
    assert len(encoding.planes) == count
    assert len({plane.axes for plane in encoding.planes}) == count


def test_planes_of_time_start_at_one_and_others_in_the_authors_range():
    encoding = Planes(4, ((3, 4, 5, 6),), 8, time_axis=0)
    for plane in encoding.planes:
        nodes = plane.levels[0].detach()
        if 0 in plane.axes:
            assert bool((nodes == 1).all())
        else:
            assert 0.1 <= float(nodes.min()) < 0.15
            assert 0.45 < float(nodes.max()) <= 0.5


def test_with_a_time_axis_a_product_starts_constant_in_time():
    encoding = Planes(3, ((6, 4, 5),), 4, time_axis=0)
    features = encoding.on_axes([torch.linspace(-1, 1, 7), torch.linspace(-1, 1, 8), torch.linspace(-1, 1, 9)])
    assert_close(features, features[:1].expand_as(features))


def test_octaves_follow_the_levels():
    assert Planes(2, ((2, 2), (4, 4), (8, 8)), 2).octaves().tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"in_dim": 5}, "in_dim"),
        ({"resolutions": ()}, "resolutions"),
        ({"n_features_per_level": 0}, "n_features_per_level"),
        ({"init_range": (0.5, 0.1)}, "init_range"),
        ({"time_axis": 2}, "time_axis"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong, says):
    with pytest.raises(InputError, match=says):
        Planes(**{"in_dim": 2, "resolutions": ((3, 3),), **wrong})


def test_unknown_names_are_refused():
    with pytest.raises(UnknownName, match="fusion"):
        Planes(2, ((3, 3),), fusion="mean")
    with pytest.raises(UnknownName, match="interpolation"):
        Planes(2, ((3, 3),), interpolation="quadratic")
