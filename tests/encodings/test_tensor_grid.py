import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.tensor_grid import TensorCP, TensorVM
from ungrid.errors import InputError, UnknownName
from ungrid.kernels.native_library import torch_only

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "tensor_grid.json").read_text())
KINDS = [TensorCP, TensorVM]


def float64(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def test_cp_is_the_papers_formula():
    encoding = TensorCP(3, tuple(GOLDEN["cells"]), 2).double()
    for vector, nodes in zip(encoding.vectors, GOLDEN["vectors"], strict=True):
        vector.levels[0].data.copy_(float64(nodes))
    assert_close(encoding(float64(GOLDEN["points"])), float64(GOLDEN["cp"]), atol=1e-6, rtol=0)


def test_vm_is_the_papers_formula():
    encoding = TensorVM(3, tuple(GOLDEN["cells"]), 2).double()
    given = [nodes for pair in zip(GOLDEN["vectors"], GOLDEN["matrices"], strict=True) for nodes in pair]
    for factor, nodes in zip(encoding.factors, given, strict=True):
        factor.levels[0].data.copy_(float64(nodes))
    assert_close(encoding(float64(GOLDEN["points"])), float64(GOLDEN["vm"]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("in_dim", [1, 2, 3, 4])
def test_a_grid_and_its_gradients_are_those_of_its_points(in_dim, dtype, kind):
    encoding = kind(in_dim, (4, 5, 6, 7)[:in_dim], 3, init_scale=1.0).to(dtype)
    axes = [torch.linspace(-0.9, 0.7, 3 + axis, dtype=dtype) for axis in range(in_dim)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    results = []
    for features in (encoding(points), encoding.on_axes(axes)):
        encoding.zero_grad()
        features.square().sum().backward()
        results.append([features.detach(), *(parameter.grad.clone() for parameter in encoding.parameters())])
    for at_points, on_axes in zip(*results, strict=True):
        assert_close(on_axes, at_points, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_native_kernels_and_torch_give_the_same_features(kind):
    encoding, coords = kind(3, (4, 5, 6), 4, init_scale=1.0), torch.rand(50, 3) * 2 - 1
    with torch_only():
        plain, plain_grid = encoding(coords), encoding.on_axes(list(coords.T))
    assert_close(encoding(coords), plain)
    assert_close(encoding.on_axes(list(coords.T)), plain_grid)


def test_a_cp_grid_has_the_rank_of_its_components():
    axes = [torch.linspace(-1, 1, 21, dtype=torch.float64)] * 2
    summed = TensorCP(2, (20, 20), 3).double().on_axes(axes).sum(dim=-1)
    assert int(torch.linalg.matrix_rank(summed)) == 3


def test_on_two_axes_vm_is_cp():
    cp, vm = TensorCP(2, (4, 5), 3), TensorVM(2, (4, 5), 3)
    for own, other in zip(vm.factors, cp.vectors, strict=True):
        own.levels[0].data.copy_(other.levels[0])
    coords = torch.rand(20, 2) * 2 - 1
    assert_close(vm(coords), cp(coords))


@pytest.mark.parametrize(("in_dim", "pairings"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_each_pairing_of_vm_holds_every_axis_once(in_dim, pairings):
    encoding = TensorVM(in_dim, (2,) * in_dim, 2)
    assert encoding.out_dim == 2 * pairings
    assert all(sorted(axis for axes in pairing for axis in axes) == list(range(in_dim)) for pairing in encoding.groups)


@pytest.mark.parametrize(("kind", "spread"), [(TensorCP, 0.2), (TensorVM, 0.1)])
def test_nodes_start_as_the_authors(kind, spread):
    nodes = torch.cat([parameter.flatten() for parameter in kind(3, (30, 30, 30), 16).parameters()])
    assert_close(nodes.std().item(), spread, rtol=0.05, atol=0)
    assert abs(nodes.mean().item()) < 0.05 * spread


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"in_dim": 5}, "in_dim"),
        ({"resolution": (3,)}, "resolutions"),
        ({"n_components": 0}, "n_components"),
        ({"init_scale": -1.0}, "init_scale"),
    ],
)
def test_arguments_out_of_range_are_refused(kind, wrong, says):
    with pytest.raises(InputError, match=says):
        kind(**{"in_dim": 2, "resolution": (3, 3), **wrong})


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_interpolations_are_refused(kind):
    with pytest.raises(UnknownName, match="interpolation"):
        kind(2, (3, 3), interpolation="quadratic")
