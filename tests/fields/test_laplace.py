import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError
from ungrid.fields.encoded import EncodedField
from ungrid.fields.laplace import LaplaceField, last_inputs
from ungrid.networks.kan import SplineNetwork
from ungrid.networks.mlp import Mlp
from ungrid.networks.multiplicative import GaborFilterNetwork
from ungrid.networks.siren import Siren
from ungrid.networks.wire import Wire
from ungrid.testing.toys import pixel_box

NETWORKS = {
    "siren": lambda: Siren(2, 3, 6, depth=2, first_omega=3.0, hidden_omega=2.0),
    "bent": lambda: Mlp(2, 3, 6, depth=2, activation="tanh", output_activation="sigmoid"),
    "skips to the last layer": lambda: Mlp(2, 3, 6, depth=2, activation="tanh", skips=(2,)),
    "linear": lambda: Mlp(2, 3, depth=0),
    "filters": lambda: GaborFilterNetwork(2, 3, 6, depth=2, input_scale=4.0),
}


def around(network):
    field = EncodedField(pixel_box(), Identity(2), network, (0.5, 1.0, 2.0), (0.25,))
    made = LaplaceField(field, (1.0, 1.0))
    rng = torch.Generator().manual_seed(0)
    made.whitener.copy_(torch.randn(made.whitener.shape, generator=rng))
    made.noise.copy_(torch.tensor([0.5, 1.0, 2.0]))
    return made


@pytest.mark.parametrize("name", NETWORKS)
def test_the_variance_is_that_of_the_values_linearized_in_the_last_layers_weights(name):
    made = around(NETWORKS[name]())
    network, coords = made.field.network, torch.tensor([[0.3, -0.6]])
    last = network.last if hasattr(network, "last") else network.layers[-1]
    covariance = made.whitener.T @ made.whitener
    for channel, variance in enumerate(made.model_variance_at(coords)[0]):
        value = made.values_at(coords)[0, channel]
        slopes = torch.autograd.grad(value, [last.weight, last.bias])
        slope = torch.cat([slopes[0][channel], slopes[1][channel : channel + 1]])
        torch.testing.assert_close(variance, made.noise[channel] * (slope @ covariance @ slope), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_layer_of_its_inputs_gives_the_values_and_the_network_stays_as_it_was(name):
    made = around(NETWORKS[name]())
    before, coords = made(torch.ones(4, 2)), torch.rand(5, 2)
    network = made.field.network
    last = network.last if hasattr(network, "last") else network.layers[-1]
    raw = last(last_inputs(made.field, coords))
    expected = getattr(network, "activate_output", lambda values: values)(raw)
    torch.testing.assert_close(expected * torch.tensor([0.5, 1.0, 2.0]) + 0.25, made.field.values_at(coords))
    assert torch.equal(made(torch.ones(4, 2)), before)


def test_values_are_those_of_the_field_on_points_and_on_grids():
    made, grid = around(NETWORKS["siren"]()), Grid(pixel_box(), (5, 4))
    assert torch.equal(made(grid.points()), made.field(grid.points()))
    assert torch.equal(made.on(grid), made.field.on(grid))


@pytest.mark.parametrize("network", [Wire(2, 3, 6, depth=1), SplineNetwork(2, 3, 4, depth=1)])
def test_a_network_without_a_real_linear_last_layer_is_refused(network):
    with pytest.raises(InputError, match="take an ensemble"):
        around(network)


def test_a_posterior_too_large_to_keep_is_refused_before_it_is_made():
    with torch.device("meta"):
        field = EncodedField(pixel_box(), Identity(2), Mlp(2, 3, 5000, depth=1))
        with pytest.raises(InputError, match="more than 4095 is too large"):
            LaplaceField(field, (1.0, 1.0))
