import json
import math
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.radial import Radial
from ungrid.errors import FormatError, InputError, UnknownName
from ungrid.networks.cppn import UNIT_ACTIVATIONS, Cppn, gaussian
from ungrid.networks.mlp import Mlp
from ungrid.spec import from_spec, to_spec

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cppn.json").read_text())


def golden_network():
    units = tuple(map(tuple, GOLDEN["units"]))
    network = Cppn(3, 2, 5, depth=2, units=units).double()
    with torch.no_grad():
        for layer, weight, bias in zip(network.layers, GOLDEN["weights"], GOLDEN["biases"], strict=True):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
    return network


def test_values_are_those_of_the_formula_written_elsewhere():
    features = Radial(2, latent_dim=0).double()(torch.tensor(GOLDEN["coords"], dtype=torch.float64))
    assert_close(golden_network()(features), torch.tensor(GOLDEN["values"], dtype=torch.float64), rtol=0, atol=1e-6)


def test_a_cppn_of_one_function_is_a_multilayer_perceptron():
    network = Cppn(4, 3, 16, depth=3, activations=("tanh",))
    same = Mlp(4, 3, 16, depth=3, activation="tanh")
    same.load_state_dict(network.state_dict())
    features = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    assert_close(network(features), same(features))


def test_functions_are_drawn_with_equal_chance_and_twice_where_a_name_stands_twice():
    network = Cppn(2, 1, 1024, depth=8, activations=("sine", "sine", "abs"))
    counts = Counter(name for layer in network.drawn_units for name in layer)
    assert counts["sine"] / (1024 * 8) == pytest.approx(2 / 3, abs=0.02)
    assert set(counts) == {"sine", "abs"}


def test_weights_and_biases_are_normal_with_the_scale_asked_for():
    network = Cppn(256, 64, 256, depth=3, weight_scale=0.4)
    for parameter in network.parameters():
        assert float(parameter.detach().std()) == pytest.approx(0.4, rel=0.2 if parameter.ndim == 1 else 0.02)


def test_the_default_is_of_the_size_that_random_networks_are_drawn_with():
    network = Cppn(35, 3)
    assert (network.width, network.depth, network.weight_scale) == (32, 4, 1.0)


def test_units_that_are_given_are_used_in_their_order():
    network = Cppn(1, 3, 3, depth=1, units=(("square", "abs", "none"),))
    with torch.no_grad():
        network.layers[0].weight.fill_(1.0)
        network.layers[1].weight.copy_(torch.eye(3))
        for layer in network.layers:
            layer.bias.zero_()
    assert network(torch.tensor([-3.0])).tolist() == [9.0, 3.0, -3.0]


def test_units_are_drawn_from_the_seed_and_rebuilt_from_the_spec():
    network = Cppn(3, 2, 12, depth=3, seed=9)
    rebuilt = from_spec(to_spec(network), {"Cppn": Cppn})
    assert to_spec(rebuilt) == to_spec(network)
    assert rebuilt.drawn_units == network.drawn_units
    assert Cppn(3, 2, 12, depth=3, seed=10).drawn_units != network.drawn_units
    given = Cppn(3, 2, 12, depth=3, units=network.drawn_units)
    assert from_spec(to_spec(given), {"Cppn": Cppn}).drawn_units == network.drawn_units


@pytest.mark.parametrize(
    ("units", "smoothness"), [((("sine", "tanh"),), math.inf), ((("sine", "abs"),), 0.0), ((("square", "none"),), math.inf)]
)
def test_a_network_is_as_smooth_as_the_functions_that_it_uses(units, smoothness):
    assert Cppn(2, 1, 2, depth=1, units=units).smoothness == smoothness
    assert Cppn(2, 1, 2, depth=1, units=units, output_activation="abs").smoothness == 0.0


def test_the_gaussian_is_one_at_its_middle_and_symmetric():
    x = torch.linspace(0, 3, 7)
    assert_close(gaussian(x), gaussian(-x))
    assert gaussian(torch.zeros(1)).item() == 1.0
    assert_close(gaussian(torch.ones(1)).item(), math.exp(-1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depth": 0}, "depth"),
        ({"width": 0}, "width"),
        ({"width": 2000}, "expected widths up to 1024"),
        ({"depth": 65}, "depth to 64"),
        ({"weight_scale": 0.0}, "weight_scale is 0.0"),
        ({"weight_scale": math.nan}, "weight_scale is nan"),
        ({"activations": ()}, "activations is empty"),
        ({"units": (("sine",),)}, r"units names \[1\] activations"),
        ({"units": (("sine",) * 8,) * 3}, "of 2"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Cppn(**{"in_dim": 2, "out_dim": 1, "width": 8, "depth": 2, **wrong})


@pytest.mark.parametrize("wrong", [{"activations": ("sin",)}, {"output_activation": "gausian"}, {"units": (("sine", "tan"),)}])
def test_an_unknown_function_is_named_with_the_nearest(wrong):
    with pytest.raises(UnknownName, match="did you mean"):
        Cppn(2, 1, 2, depth=1, **wrong)


def test_a_file_that_asks_for_what_a_network_is_not_is_refused():
    spec = to_spec(Cppn(2, 1, 4, depth=1))
    for wrong in ({"width": 10**6}, {"activations": []}, {"units": [["sine"]]}, {"activations": ["relu"]}):
        with pytest.raises(FormatError):
            from_spec(spec | wrong, {"Cppn": Cppn})


def test_every_function_is_finite_and_keeps_its_shape():
    x = torch.linspace(-5, 5, 11)
    for activate in UNIT_ACTIVATIONS.values():
        assert activate(x).shape == x.shape
        assert torch.isfinite(activate(x)).all()
