import json
import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.grid import Grid
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.frequency import LogFrequency
from ungrid.encodings.identity import Identity
from ungrid.encodings.split_axis import SplitAxis
from ungrid.errors import InputError, UnknownName
from ungrid.fields.encoded import EncodedField
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.testing.toys import unit_box

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "split_axis.json").read_text())


def float64(numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def golden_encoding():
    encoding = SplitAxis(3, 4, depth=3, n_terms=2).double()
    for layers, given in ((encoding.first, GOLDEN["first"]), (encoding.shared, GOLDEN["shared"])):
        for layer, numbers in zip(layers, given, strict=True):
            for name in ("weight", "bias"):
                layer[name].data.copy_(float64(numbers[name]))
    return encoding


def test_split_layers_are_the_papers_formula():
    features = golden_encoding()(float64(GOLDEN["points"]))
    assert_close(features, float64(GOLDEN["features"]), atol=1e-6, rtol=0)


def test_a_siren_tail_completes_the_papers_network():
    tail = Siren(4, 2, 4, depth=1, first_bound=0.1).double()
    for layer, numbers in zip(tail.layers, GOLDEN["tail"], strict=True):
        layer.weight.data.copy_(float64(numbers["weight"]))
        layer.bias.data.copy_(float64(numbers["bias"]))
    field = EncodedField(unit_box(3), golden_encoding(), tail)
    assert_close(field.values_at(float64(GOLDEN["points"])), float64(GOLDEN["values"]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("fusion", ["product", "sum"])
@pytest.mark.parametrize("in_dim", [1, 2, 3, 4])
def test_a_grid_and_its_gradients_are_those_of_its_points(in_dim, fusion):
    encoding = SplitAxis(in_dim, 6, depth=2, n_terms=2, fusion=fusion, first_omega=3.0).double()
    axes = [torch.linspace(-0.9, 0.7, 2 + axis, dtype=torch.float64) for axis in range(in_dim)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    results = []
    for features in (encoding(points), encoding.on_axes(axes)):
        encoding.zero_grad()
        features.square().sum().backward()
        results.append([features.detach(), *(parameter.grad.clone() for parameter in encoding.parameters())])
    for at_points, on_axes in zip(*results, strict=True):
        assert_close(on_axes, at_points)


def test_a_product_of_single_axes_has_rank_one_and_two_terms_have_rank_two():
    axes = [torch.linspace(-1, 1, 20, dtype=torch.float64)] * 2
    for n_terms in (1, 2):
        features = SplitAxis(2, 3, depth=2, n_terms=n_terms).double().on_axes(axes)
        assert [int(torch.linalg.matrix_rank(features[..., k])) for k in range(3)] == [n_terms] * 3


def test_on_a_grid_layers_run_once_for_each_coordinate_of_an_axis(monkeypatch):
    encoding = SplitAxis(3, 4, depth=2)
    seen = []
    monkeypatch.setattr(encoding, "activate", lambda values: seen.append(values.numel() // values.shape[-1]) or values.sin())
    encoding.on_axes([torch.zeros(n) for n in (5, 6, 7)])
    assert seen == [5, 5, 6, 6, 7, 7]


def test_sine_layers_start_in_the_authors_bounds_and_phases():
    encoding = SplitAxis(2, 400, depth=3, first_omega=50.0, hidden_omega=20.0)
    for layer, bound, edge in [(encoding.first[1], 1.0, 1.0), (encoding.shared[1], math.sqrt(6 / 400) / 20, 1 / 20)]:
        assert bound * 0.98 < layer["weight"].abs().max() <= bound
        assert edge * 0.95 < layer["bias"].abs().max() <= edge


def test_axes_differ_in_their_first_layer_alone():
    encoding = SplitAxis(3, 8, depth=3)
    assert len(encoding.first) == 3
    assert len(encoding.shared) == 2
    same = encoding.on_axes([torch.tensor([0.3])] * 3)
    assert not torch.equal(encoding.first[0]["weight"], encoding.first[1]["weight"])
    assert same.shape == (1, 1, 1, 8)


def test_a_coordx_has_as_many_parameters_as_the_siren_it_splits():
    split = EncodedField(unit_box(2), SplitAxis(2, 256), Siren(256, 1, 256, depth=1))
    whole = EncodedField(unit_box(2), Identity(2), Siren(2, 1, 256, depth=4))
    assert split.n_params == whole.n_params + 256  # a bias for each axis


def test_relu_layers_see_an_encoding_of_each_axis():
    encoding = SplitAxis(2, 32, depth=2, activation="relu", encoding=LogFrequency(1, 4, 2.0))
    assert encoding.first[0]["weight"].shape == (32, 8)
    assert encoding.smoothness == 0
    field = EncodedField(unit_box(2), encoding, Mlp(32, 1, 16, depth=1, initialization="he"))
    grid = Grid(field.box, (5, 7))
    assert_close(field.on(grid), field(grid.points()), rtol=1e-4, atol=1e-5)


def test_smoothness_is_that_of_its_roughest_part():
    assert SplitAxis(2, 4).smoothness == math.inf
    assert SplitAxis(2, 4, activation="elu").smoothness == 1
    assert SplitAxis(2, 4, encoding=DenseGrid(1, ((4,),))).smoothness == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"in_dim": 0},
        {"in_dim": 17},
        {"width": 0},
        {"depth": 0},
        {"n_terms": 65},
        {"first_omega": 0.0},
        {"hidden_omega": math.nan},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        SplitAxis(**{"in_dim": 2, "width": 4, **wrong})


def test_an_encoding_of_two_coordinates_is_refused():
    with pytest.raises(InputError, match="takes 2 coordinates, expected one"):
        SplitAxis(2, 4, encoding=Identity(2))


def test_unknown_names_are_refused():
    with pytest.raises(UnknownName, match="fusion"):
        SplitAxis(2, 4, fusion="mean")
    with pytest.raises(UnknownName, match="activation"):
        SplitAxis(2, 4, activation="sin")
