import pytest
import torch

from ungrid.diagnosis.units import silent_units
from ungrid.encodings.identity import Identity
from ungrid.fields.encoded import EncodedField
from ungrid.fields.ensemble import EnsembleField
from ungrid.fields.record import Record
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.testing.toys import unit_box


def perceptron(*, in_dim=2, bias=0.0, scale=1.0, last_bias=0.0, **options):
    network = Mlp(in_dim, 2, 10, depth=2, **options)
    with torch.no_grad():
        network.layers[1].weight.mul_(scale)
        network.layers[1].bias.add_(bias)
        network.layers[-1].bias.add_(last_bias)
    return EncodedField(unit_box(in_dim), Identity(in_dim), network)


def names(field):
    return [finding.name for finding in silent_units(field)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, []),
        ({"bias": -100.0}, ["dead_units"]),
        ({"activation": "leaky_relu", "bias": -100.0}, []),
        ({"activation": "tanh"}, []),
        ({"activation": "tanh", "scale": 1e4}, ["saturated_units"]),
        ({"output_activation": "sigmoid"}, []),
        ({"output_activation": "sigmoid", "last_bias": 10.0}, ["saturated_output"]),
        ({"output_activation": "tanh", "last_bias": -10.0, "bias": -100.0}, ["dead_units", "saturated_output"]),
        ({"skips": (1, 2), "in_dim": 3}, []),
    ],
)
def test_units_that_say_nothing_are_found(options, expected):
    assert names(perceptron(**options)) == expected


def test_what_reaches_its_quality_all_the_same_is_left_alone():
    field = perceptron(bias=-100.0)
    field.record = Record("image", (4, 4), ("a", "b"), metrics={"quality": {"psnr": 36.0}})
    assert names(field) == []


def test_members_are_looked_at_and_each_fault_is_told_once():
    assert names(EnsembleField((perceptron(bias=-100.0), perceptron(bias=-99.0)), (1.0, 1.0))) == ["dead_units"]


def test_sines_are_never_silent():
    assert names(EncodedField(unit_box(2), Identity(2), Siren(2, 2, 6, depth=2))) == []
