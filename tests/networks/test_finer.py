import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.finer import Finer, variable_period
from ungrid.networks.finer_gauss import FinerGauss
from ungrid.networks.finer_wire import FinerWire

KINDS = [Finer, FinerGauss, FinerWire]


def one_unit(alpha_gradient):
    """sin(2 (|u| + 1) u), u = 0.5 x₁ − 0.8 x₂ + 0.1."""
    network = Finer(2, 1, 1, depth=1, first_omega=2.0, alpha_gradient=alpha_gradient).double()
    weights = {
        "layers.0.weight": torch.tensor([[0.5, -0.8]]),
        "layers.0.bias": torch.tensor([0.1]),
        "layers.1.weight": torch.ones(1, 1),
        "layers.1.bias": torch.zeros(1),
    }
    network.load_state_dict({name: weight.double() for name, weight in weights.items()})
    return network


def test_the_local_frequency_grows_with_the_distance_from_zero():
    at = torch.linspace(-2, 2, 9, dtype=torch.float64).requires_grad_(True)
    (slope,) = torch.autograd.grad(variable_period(at, exact=True).sum(), at)
    assert_close(slope, 1 + 2 * at.abs())
    assert_close(variable_period(-at, exact=True), -variable_period(at, exact=True))


@pytest.mark.parametrize(("alpha_gradient", "factor"), [(True, lambda u: 1 + 2 * abs(u)), (False, lambda u: 1 + abs(u))])
def test_descent_takes_alpha_for_a_constant_only_where_it_is_told_to(alpha_gradient, factor):
    network, at = one_unit(alpha_gradient), torch.tensor([0.3, 0.9], dtype=torch.float64)
    network(at).sum().backward()
    u = 0.5 * 0.3 - 0.8 * 0.9 + 0.1
    slope = math.cos(2 * (abs(u) + 1) * u) * 2 * factor(u)
    assert_close(network.layers[0].weight.grad[0], slope * at)
    assert_close(network.layers[0].bias.grad.item(), slope)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_by_the_features_are_exact_however_descent_is_told(kind):
    exact, told = (kind(2, 3, 8, depth=2, alpha_gradient=alpha_gradient, seed=1).double() for alpha_gradient in (True, False))
    at = torch.rand(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    direction = torch.ones_like(at)
    expected = torch.func.vmap(torch.func.jacrev(exact))(at)
    assert_close(torch.func.vmap(torch.func.jacrev(told))(at), expected)
    assert_close(torch.func.vmap(torch.func.jacfwd(told))(at), expected)
    _, along = torch.func.jvp(told, (at,), (direction,))
    assert_close(along, expected.sum(dim=-1))
    at.requires_grad_(True)
    (slope,) = torch.autograd.grad(told(at).sum(), at)
    assert_close(slope, expected.sum(dim=1))


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_the_same_however_descent_is_told(kind):
    at = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(kind(2, 3, 8, alpha_gradient=True)(at), kind(2, 3, 8, alpha_gradient=False)(at))


@pytest.mark.parametrize("kind", KINDS)
def test_first_biases_start_as_wide_as_asked_and_the_others_do_not(kind):
    network = kind(2, 1, 400, depth=2, first_bias_scale=7.0)
    assert 6.5 < network.layers[0].bias.abs().max() <= 7.0
    assert network.layers[1].bias.abs().max() <= 1
    assert network.layers[0].weight.abs().max() <= 0.5


def test_hidden_weights_have_sirens_bounds_for_the_frequency_that_they_meet():
    for network, omega, fan_in in [
        (Finer(2, 1, 400, depth=2, hidden_omega=20.0), 20.0, 400),
        (FinerGauss(2, 1, 400, depth=2, omega=12.0), 12.0, 400),
        (FinerWire(2, 1, 400, depth=2, omega=3.0, wave_omega=5.0), 15.0, 282),
    ]:
        bound = math.sqrt(6 / fan_in) / omega
        for layer in network.layers[1:]:
            assert 0.97 * bound < layer.weight.abs().max() <= bound


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrong", [{"depth": 0}, {"first_bias_scale": 0.0}, {"first_bias_scale": math.inf}])
def test_arguments_out_of_range_are_refused(kind, wrong):
    with pytest.raises(InputError, match=r"depth|first_bias_scale"):
        kind(2, 1, 8, **wrong)


@pytest.mark.parametrize("name", ["first_omega", "hidden_omega"])
def test_an_omega_out_of_range_is_refused(name):
    with pytest.raises(InputError, match=name):
        Finer(2, 1, 8, **{name: -1.0})
