import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.initialize import INITIALIZATIONS, check_sizes, linear, sine_layers, sine_start, uniform
from ungrid.networks.siren import Siren

FAN_IN, FAN_OUT = 400, 300


def rng():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("name", "weight_std", "bias_std"),
    [
        ("torch", 1 / math.sqrt(3 * FAN_IN), 1 / math.sqrt(3 * FAN_IN)),
        ("glorot", math.sqrt(2 / (FAN_IN + FAN_OUT)), 0.01),
        ("he", math.sqrt(2 / FAN_IN), 0.0),
    ],
)
def test_weights_and_biases_have_the_spread_of_their_name(name, weight_std, bias_std):
    weight, bias = INITIALIZATIONS[name](FAN_IN, FAN_OUT, rng())
    assert weight.shape == (FAN_OUT, FAN_IN)
    assert_close(weight.std().item(), weight_std, rtol=0.02, atol=0)
    assert_close(bias.std().item(), bias_std, rtol=0.15, atol=0)


def test_torch_start_has_the_bounds_of_a_torch_layer():
    ours = linear(INITIALIZATIONS["torch"](FAN_IN, FAN_OUT, rng()))
    theirs = torch.nn.Linear(FAN_IN, FAN_OUT)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(mine.abs().max(), other.abs().max(), rtol=0.02, atol=0)


def test_he_start_keeps_the_mean_square_of_relu_activations():
    features = torch.randn(64, FAN_IN, generator=rng())
    generator = rng()
    for _ in range(10):
        features = torch.relu(linear(INITIALIZATIONS["he"](FAN_IN, FAN_IN, generator))(features))
    assert 0.5 < features.square().mean() < 2  # E relu(z)² = Var z / 2 = E x², layer after layer


def test_uniform_numbers_fill_their_bounds():
    numbers = uniform((10_000,), 0.3, rng())
    assert numbers.abs().max() <= 0.3
    assert_close(numbers.std().item(), 0.3 / math.sqrt(3), rtol=0.02, atol=0)


def test_a_layer_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    linear(sine_start(4, 3, rng(), bound=1.0))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_starts_are_built_on_the_meta_device(name):
    with torch.device("meta"):
        layer = linear(INITIALIZATIONS[name](4, 3, rng()))
    assert layer.weight.is_meta
    assert layer.bias.is_meta


@pytest.mark.parametrize("sizes", [(0, 1, 8, 2), (1, 0, 8, 2), (1, 1, 65537, 2), (1, 1, 8, 257), (1, 1, 8, -1)])
def test_sizes_out_of_range_are_refused(sizes):
    with pytest.raises(InputError, match="expected an integer from"):
        check_sizes(*sizes)


def test_sine_layers_start_as_a_siren_does():
    layers = sine_layers([2, 16, 16, 3], [30.0, 30.0], rng())
    siren = Siren(2, 3, 16, depth=2, seed=0)
    assert all(map(torch.equal, layers.parameters(), siren.parameters()))


def test_sine_layers_may_start_with_wider_first_biases():
    usual, wide = sine_layers([2, 400, 1], [30.0], rng()), sine_layers([2, 400, 1], [30.0], rng(), first_bias_bound=5.0)
    assert torch.equal(usual[0].weight, wide[0].weight)
    assert 4.9 < wide[0].bias.abs().max() <= 5.0
    assert torch.equal(usual[1].bias, wide[1].bias)


def test_a_network_answers_with_tensors_in_place_of_its_parameters():
    network, features = Siren(2, 3, 16, depth=2), torch.rand(5, 2)
    doubled = {name: 2 * parameter for name, parameter in network.named_parameters()}
    expected = Siren(2, 3, 16, depth=2)
    expected.load_state_dict(doubled)
    values = torch.func.functional_call(network, doubled, (features,))
    assert torch.equal(values, expected(features))
    values.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
