import json
import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks import NETWORKS
from ungrid.networks.multiplicative import FourierFilterNetwork, GaborFilterNetwork, squared_distances
from ungrid.spec import from_spec, to_spec

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "multiplicative.json").read_text(encoding="utf-8"))
KINDS = [FourierFilterNetwork, GaborFilterNetwork]


def with_golden_weights(network):
    """A tiny network in float64 with the weights of the golden file."""
    weights = {name: torch.tensor(values, dtype=torch.float64) for name, values in GOLDEN["weights"].items()}
    state = {name: weights[name] for name in ("omegas", "phases")}
    if isinstance(network, GaborFilterNetwork):
        state |= {name: weights[name] for name in ("centers", "gammas")}
    for layer, (weight, bias) in enumerate(zip(weights["hidden_weights"], weights["hidden_biases"], strict=True)):
        state |= {f"hidden.{layer}.weight": weight, f"hidden.{layer}.bias": bias}
    state |= {"last.weight": weights["last_weight"], "last.bias": weights["last_bias"]}
    network = network.double()
    network.load_state_dict(state)
    return network


@pytest.mark.parametrize(("kind", "name"), [(FourierFilterNetwork, "fourier"), (GaborFilterNetwork, "gabor")])
def test_a_filter_network_is_the_recursion_of_the_paper(kind, name):
    network = with_golden_weights(kind(2, 2, 3, depth=3))
    points = torch.tensor(GOLDEN["points"], dtype=torch.float64)
    assert_close(network(points), torch.tensor(GOLDEN[name], dtype=torch.float64), atol=1e-9, rtol=1e-9)


def test_two_fourier_layers_are_a_sum_of_three_sines():
    # sin a · (w sin b + c) = w/2 (cos(a − b) − cos(a + b)) + c sin a, the identity behind the paper's theorem
    network = FourierFilterNetwork(1, 1, 1, depth=2, input_scale=9.0).double()
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)
    with torch.no_grad():
        (b, a) = (network.omegas[layer, 0, 0] * x + network.phases[layer, 0] for layer in (0, 1))
        w, c = network.hidden[0].weight[0, 0], network.hidden[0].bias[0]
        hidden = w / 2 * (torch.cos(a - b) - torch.cos(a + b)) + c * torch.sin(a)
        assert_close(network(x[:, None])[:, 0], network.last.weight[0, 0] * hidden + network.last.bias[0])


def test_a_gabor_network_of_no_windows_is_a_fourier_network():
    gabor, fourier = GaborFilterNetwork(2, 1, 5, depth=3).double(), FourierFilterNetwork(2, 1, 5, depth=3).double()
    state = gabor.state_dict()
    fourier.load_state_dict({name: state[name] for name in fourier.state_dict()})
    with torch.no_grad():
        gabor.gammas.zero_()
    coords = torch.rand(7, 2, dtype=torch.float64)
    assert_close(gabor(coords), fourier(coords))


def test_a_gabor_filter_is_a_wave_under_a_gaussian_window():
    network = GaborFilterNetwork(2, 1, 1, depth=1, input_scale=5.0).double()
    x = torch.tensor([0.3, -0.8], dtype=torch.float64)
    with torch.no_grad():
        offset = x - network.centers[0, 0]
        window = torch.exp(-network.gammas[0, 0] / 2 * (offset @ offset))
        wave = torch.sin(network.omegas[0, 0] @ x + network.phases[0, 0])
        assert_close(network(x), network.last.weight[0] * window * wave + network.last.bias)


def test_distances_are_those_of_the_differences():
    coords, centers = torch.rand(4, 3, dtype=torch.float64), torch.rand(2, 5, 3, dtype=torch.float64)
    expected = (coords[:, None, None, :] - centers).square().sum(dim=-1)
    assert_close(squared_distances(coords, centers), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_has_the_bounds_of_the_authors_code(kind):
    network = kind(2, 1, 400, depth=4, input_scale=256.0, weight_scale=2.0)
    unit = network.omegas if kind is FourierFilterNetwork else network.omegas / network.gammas.sqrt()[..., None]
    for values, bound in [
        (unit, 256 / math.sqrt(4) / math.sqrt(2)),
        (network.phases, math.pi),
        (network.hidden[0].weight, math.sqrt(2.0 / 400)),
        (network.hidden[0].bias, 1 / math.sqrt(400)),
        (network.last.weight, 1 / math.sqrt(400)),
        (network.last.bias, 1 / math.sqrt(400)),
    ]:
        assert values.abs().max() <= bound * (1 + 1e-5)
    assert_close(unit.abs().max().item(), 256 / math.sqrt(8), rtol=0.01, atol=0)
    assert_close(unit.var().item(), 256**2 / 8 / 3, rtol=0.1, atol=0)


def test_windows_start_gamma_distributed_and_centers_uniform():
    network = GaborFilterNetwork(2, 1, 4000, depth=3, alpha=6.0, beta=2.0)
    assert_close(network.gammas.mean().item(), 6 / 3 / 2, rtol=0.05, atol=0)
    assert_close(network.gammas.var().item(), 6 / 3 / 2**2, rtol=0.1, atol=0)
    assert (network.gammas > 0).all()
    assert network.centers.abs().max() <= 1
    assert_close(network.centers.var().item(), 1 / 3, rtol=0.05, atol=0)


@pytest.mark.parametrize(("kind", "count"), [(FourierFilterNetwork, 200_705), (GaborFilterNetwork, 203_777)])
def test_the_picture_setting_has_as_many_parameters_as_the_authors_modules(kind, count):
    # 4 filters of 2·256 + 256, 3 layers of 256² + 256, 256 + 1; Gabor: 4 · (2·256 + 256) more
    assert sum(parameter.numel() for parameter in kind(2, 1).parameters()) == count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "wrong", [{"depth": 0}, {"width": 0}, {"input_scale": 0.0}, {"input_scale": math.nan}, {"weight_scale": -1.0}]
)
def test_arguments_out_of_range_are_refused(kind, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        kind(**{"in_dim": 2, "out_dim": 1, "width": 8, "depth": 2, **wrong})


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"beta": -1.0}])
def test_windows_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        GaborFilterNetwork(2, 1, 8, **wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_network_is_rebuilt_from_its_spec(kind):
    network = kind(2, 1, 8, depth=2, input_scale=12.0, seed=5)
    rebuilt = from_spec(to_spec(network), NETWORKS)
    assert all(map(torch.equal, rebuilt.parameters(), network.parameters()))
