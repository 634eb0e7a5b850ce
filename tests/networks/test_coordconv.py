import json
import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.coordconv import CoordConv, coordinate_features
from ungrid.papers import bibtex
from ungrid.spec import from_spec, to_spec

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "convolutional.json").read_text())["coordconv"]


def test_a_layer_is_the_formula_computed_apart():
    layer = CoordConv(2, 2, 2, kernel_size=3, with_radius=True).double()
    with torch.no_grad():
        layer.kernel.copy_(torch.tensor(GOLDEN["kernel"], dtype=torch.float64))
        layer.shift.copy_(torch.tensor(GOLDEN["shift"], dtype=torch.float64))
    values = layer(torch.tensor(GOLDEN["features"], dtype=torch.float64))
    assert_close(values, torch.tensor(GOLDEN["values"], dtype=torch.float64), rtol=0, atol=1e-12)


def test_the_outermost_samples_lie_at_one_and_the_radius_is_their_distance_from_the_middle():
    where = coordinate_features((3, 5), with_radius=True)
    assert where.shape == (3, 5, 3)
    assert where[0, 0].tolist() == [-1.0, -1.0, pytest.approx(math.sqrt(2))]
    assert where[1, 2].tolist() == [0.0, 0.0, 0.0]
    assert where[2, 3].tolist() == [1.0, 0.5, pytest.approx(math.sqrt(1.25))]
    assert coordinate_features((1,)).tolist() == [[0.0]]


def test_zero_weights_of_the_coordinates_leave_a_plain_convolution():
    layer = CoordConv(2, 3, 4, kernel_size=3)
    with torch.no_grad():
        layer.kernel[:, 3:] = 0
    features = torch.randn(2, 6, 5, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.conv2d(features.movedim(-1, 1), layer.kernel[:, :3], padding=1).movedim(1, -1)
    assert_close(layer(features), expected)


def test_it_tells_places_apart_where_a_convolution_cannot():
    layer = CoordConv(1, 1, 2)
    values = layer(torch.ones(9, 1))
    assert values.unique(dim=0).shape[0] == 9


@pytest.mark.parametrize("leading", [(), (2,), (0,), (2, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_leading_axes_and_the_dtype_of_the_features(leading, dtype):
    layer = CoordConv(2, 3, 4, kernel_size=3).to(dtype)
    values = layer(torch.ones((*leading, 5, 6, 3), dtype=dtype))
    assert values.shape == (*leading, 5, 6, 4)
    assert values.dtype == dtype


def test_kernels_start_as_he_has_it_from_their_own_seed():
    layer = CoordConv(2, 62, 64, kernel_size=3)
    assert_close(float(layer.kernel.detach().std()), math.sqrt(2 / (64 * 9)), rtol=0.03, atol=0)
    assert torch.equal(layer.kernel, CoordConv(2, 62, 64, kernel_size=3).kernel)
    assert not torch.equal(layer.kernel, CoordConv(2, 62, 64, kernel_size=3, seed=1).kernel)


def test_a_layer_is_rebuilt_from_its_spec_and_cites_its_paper():
    layer = CoordConv(3, 2, 4, kernel_size=3, with_radius=True, seed=4)
    rebuilt = from_spec(to_spec(layer), {"CoordConv": CoordConv})
    assert torch.equal(rebuilt.kernel, layer.kernel)
    assert "CoordConv" in bibtex([layer.paper])


@pytest.mark.parametrize("wrong", [{"n_axes": 4}, {"in_dim": 0}, {"out_dim": 0}, {"kernel_size": 2}])
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"n_axes|in_dim|out_dim|kernel_size"):
        CoordConv(**{"n_axes": 2, "in_dim": 1, "out_dim": 1, **wrong})


def test_features_of_another_shape_are_refused():
    with pytest.raises(InputError, match="expected 2 axes, then 3 features"):
        CoordConv(2, 3, 4)(torch.zeros(5, 3))
