import json
import math
from pathlib import Path

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks import NETWORKS
from ungrid.networks.base import Network
from ungrid.networks.siren import Siren
from ungrid.spec import from_spec, to_spec

GOLDEN = Path(__file__).parents[1] / "golden" / "siren_fourier_hash.json"


def sine_layers(network, n_points=512):
    """(pre-activations without the bias, activations) of each sine layer, for uniform random inputs."""
    values = torch.rand(n_points, network.in_dim, generator=torch.Generator().manual_seed(0)) * 2 - 1
    layers = []
    with torch.no_grad():
        for layer, omega in zip(network.layers[:-1], network.layer_omegas, strict=True):
            unbiased = omega * values @ layer.weight.T
            values = torch.sin(unbiased + omega * layer.bias)
            layers.append((unbiased, values))
    return layers


def test_a_siren_is_its_formula():
    network = Siren(2, 1, 5, depth=2, first_omega=7.0, hidden_omega=3.0)
    (w0, b0), (w1, b1), (w2, b2) = [(layer.weight, layer.bias) for layer in network.layers]
    x = torch.rand(2)
    expected = w2 @ torch.sin(3 * (w1 @ torch.sin(7 * (w0 @ x + b0)) + b1)) + b2
    assert_close(network(x), expected)


@pytest.mark.parametrize("width", [64, 256, 1024])
@pytest.mark.parametrize("depth", [3, 10])
def test_hidden_pre_activations_stay_near_unit_normal_at_any_depth(width, depth):
    for unbiased, _ in sine_layers(Siren(2, 1, width, depth=depth))[1:]:
        # √(6/n): Var Σ wh = 2 E h², which is 1 for arcsine-distributed h and a little less for sines of a narrow normal
        assert_close(unbiased.std().item(), 0.95, atol=0.1 + 1.6 / math.sqrt(width), rtol=0)
        kurtosis = unbiased.pow(4).mean() / unbiased.square().mean() ** 2
        assert_close(kurtosis.item(), 3.0, atol=0.5, rtol=0)


@pytest.mark.parametrize("width", [64, 256, 1024])
@pytest.mark.parametrize("depth", [3, 10])
def test_activations_keep_the_spread_of_an_arcsine_at_any_depth(width, depth):
    for _, activations in sine_layers(Siren(2, 1, width, depth=depth)):
        assert_close(activations.square().mean().sqrt().item(), math.sqrt(0.5), atol=0.06, rtol=0)


def test_activations_of_the_first_layer_are_arcsine_distributed():
    _, activations = sine_layers(Siren(2, 1, 1024, depth=1))[0]
    levels = torch.linspace(-0.95, 0.95, 9)
    seen = torch.stack([(activations <= level).float().mean() for level in levels])
    assert_close(seen, 0.5 + torch.asin(levels) / torch.pi, atol=0.02, rtol=0)


@pytest.mark.parametrize("width", [64, 1024])
def test_the_spread_follows_its_recursion_through_the_layers(width):
    # u = ωWh is normal of variance 2 E h², ωb uniform in ±ω/√n: E sin²(u + ωb) = (1 - sinc(2ω/√n) exp(-2 Var u)) / 2
    omega, edge = 30.0, 2 * 30.0 / math.sqrt(width)
    layers = sine_layers(Siren(2, 1, width, depth=6, hidden_omega=omega))
    mean_square = layers[0][1].square().mean().item()
    for _, activations in layers[1:]:
        mean_square = (1 - math.sin(edge) / edge * math.exp(-4 * mean_square)) / 2
        assert_close(activations.square().mean().item(), mean_square, rtol=0.08, atol=0)


def test_weights_and_biases_have_the_bounds_of_the_authors_code():
    network = Siren(3, 2, 400, depth=3, first_omega=50.0, hidden_omega=20.0)
    hidden = math.sqrt(6 / 400) / 20
    for layer, bound in zip(network.layers, [1 / 3, hidden, hidden, hidden], strict=True):
        assert layer.weight.abs().max() <= bound
        assert_close(layer.weight.abs().max().item(), bound, rtol=0.02, atol=0)
        assert layer.bias.abs().max() <= 1 / math.sqrt(layer.in_features)


def test_omegas_take_the_place_of_first_and_hidden_omega():
    network = Siren(2, 1, 64, depth=3, omegas=(10.0, 20.0, 40.0))
    assert network.layer_omegas == (10.0, 20.0, 40.0)
    bounds = [1 / 2, math.sqrt(6 / 64) / 20, math.sqrt(6 / 64) / 40]
    for layer, bound in zip(network.layers, bounds, strict=False):
        assert bound * 0.9 < layer.weight.abs().max() <= bound
    same = Siren(2, 1, 64, depth=3, omegas=(30.0, 30.0, 30.0))
    assert all(map(torch.equal, same.parameters(), Siren(2, 1, 64, depth=3).parameters()))


@pytest.mark.parametrize(("in_dim", "out_dim", "count"), [(2, 1, 198_401), (2, 3, 198_915), (3, 1, 198_657)])
def test_a_siren_of_the_paper_has_as_many_parameters_as_the_authors(in_dim, out_dim, count):
    assert sum(parameter.numel() for parameter in Siren(in_dim, out_dim).parameters()) == count


def test_derivatives_are_exact():
    network = Siren(2, 2, 6, depth=2, first_omega=3.0, hidden_omega=3.0).double()
    features = torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(network, features)
    assert gradgradcheck(network, features)


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": 0},
        {"width": 0},
        {"first_omega": 0.0},
        {"hidden_omega": math.inf},
        {"omegas": (30.0,)},
        {"omegas": ()},
        {"omegas": (30.0, math.nan)},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"depth|width|omega"):
        Siren(**{"in_dim": 2, "out_dim": 1, "width": 8, "depth": 2, **wrong})


@pytest.mark.parametrize("omegas", [None, (30.0, 20.0)])
def test_siren_is_rebuilt_from_its_spec(omegas):
    network = Siren(2, 1, 8, depth=2, first_omega=12.0, omegas=omegas, seed=5)
    rebuilt = from_spec(to_spec(network), NETWORKS)
    assert to_spec(rebuilt) == to_spec(network)
    assert all(map(torch.equal, rebuilt.parameters(), network.parameters()))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_listed_under_its_own_name(name):
    assert NETWORKS[name].__name__ == name
    assert issubclass(NETWORKS[name], Network)


def test_a_first_bound_starts_the_first_layer_as_the_later_ones():
    bound = math.sqrt(6 / 400) / 30
    network = Siren(400, 2, 400, depth=2, first_bound=bound)
    for layer in network.layers[:2]:
        assert 0.98 * bound < layer.weight.abs().max() <= bound
    assert Siren(400, 2, 400, depth=2).layers[0].weight.abs().max() <= 1 / 400


@pytest.mark.parametrize("bound", [0.0, -1.0, math.inf, math.nan])
def test_a_first_bound_that_is_no_positive_number_is_refused(bound):
    with pytest.raises(InputError, match="first_bound"):
        Siren(2, 1, 8, depth=2, first_bound=bound)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_values_are_those_of_the_authors_formula(dtype, atol):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    known = golden["siren"]
    network = Siren(2, 2, 4, depth=2, omegas=tuple(known["omegas"])).to(dtype)
    state = {f"layers.{i}.weight": torch.tensor(w, dtype=dtype) for i, w in enumerate(known["weights"])}
    network.load_state_dict(state | {f"layers.{i}.bias": torch.tensor(b, dtype=dtype) for i, b in enumerate(known["biases"])})
    points, expected = torch.tensor(golden["points"], dtype=dtype), torch.tensor(known["values"], dtype=dtype)
    torch.testing.assert_close(network(points), expected, atol=atol, rtol=0)
