import json
import math
from pathlib import Path

import pytest
import torch
from torch.nn.functional import silu
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks import NETWORKS
from ungrid.networks.kan import SplineNetwork, b_splines
from ungrid.spec import from_spec, to_spec

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "kan.json").read_text(encoding="utf-8"))
ORDERS = [1, 2, 3, 4, 5, 7]


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: f"order {case['order']}")
def test_a_spline_network_is_the_formula_with_splines_by_cox_and_de_boor(case):
    network = SplineNetwork(2, 2, 3, depth=1, n_intervals=GOLDEN["n_intervals"], order=case["order"]).double()
    names = {"coefficients": "coefficients", "spline": "spline_weight", "base": "base_weight"}
    state = {f"layers.{i}.{names[key]}": w[key] for i, w in enumerate(case["layers"]) for key in names}
    state = {name: torch.tensor(values, dtype=torch.float64) for name, values in state.items()}
    network.load_state_dict(state)
    points = torch.tensor(GOLDEN["points"], dtype=torch.float64)
    assert_close(network(points), torch.tensor(case["values"], dtype=torch.float64), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_splines_add_up_to_one_on_the_grid_and_vanish_beyond_its_extension(order, dtype):
    inside = torch.linspace(0, 200, 997, dtype=dtype)
    splines = b_splines(inside, 200, order)
    assert splines.shape == (997, 200 + order)
    assert_close(splines.sum(dim=-1), torch.ones(997, dtype=dtype), atol=1e-6 if dtype == torch.float32 else 1e-12, rtol=0)
    outside = torch.tensor([-order, -order - 5.0, 200.0 + order, 1e4], dtype=dtype)
    assert not b_splines(outside, 200, order).any()


@pytest.mark.parametrize("order", ORDERS)
def test_splines_reproduce_straight_lines(order):
    # Σ ξₘ Bₘ(x) = x, with ξₘ the mean of the inner knots of spline m (Greville), which is its center on a uniform grid
    x = torch.linspace(0, 6, 101, dtype=torch.float64)
    centers = torch.arange(6 + order, dtype=torch.float64) - (order - 1) / 2
    assert_close(b_splines(x, 6, order) @ centers, x)


def test_splines_of_numbers_that_are_none_or_without_end_are_zero():
    assert not b_splines(torch.tensor([math.nan, math.inf, -math.inf, 1e30]), 4, 3).any()


def test_cubic_splines_have_their_known_values_and_derivatives_at_knots():
    x = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    spline = b_splines(x, 8, 3)[4]  # centered on 4 - (3 - 1) / 2 = 3
    (slope,) = torch.autograd.grad(spline, x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, x)
    assert_close(torch.stack([spline, slope, curvature]), torch.tensor([2 / 3, 0.0, -2.0], dtype=torch.float64))
    assert_close(b_splines(x, 8, 3).detach()[3:6], torch.tensor([1 / 6, 2 / 3, 1 / 6], dtype=torch.float64))


def test_linear_splines_interpolate_their_coefficients():
    coefficients = torch.tensor([1.0, -2.0, 4.0, 0.0])
    x = torch.tensor([0.0, 0.25, 1.0, 1.5, 2.9, 3.0])
    assert_close(b_splines(x, 3, 1) @ coefficients, torch.tensor([1.0, 0.25, -2.0, 1.0, 0.4, 0.0]))


@pytest.mark.parametrize("order", [2, 3])
def test_far_outside_the_grid_silu_alone_remains(order):
    network = SplineNetwork(1, 1, depth=0, n_intervals=4, order=order, grid_range=(0.0, 2.0))
    beyond = torch.tensor([[-order * 0.5 - 0.1], [2 + order * 0.5 + 0.1], [50.0]])
    assert_close(network(beyond), silu(beyond) * network.layers[0].base_weight)


def test_a_network_on_another_grid_range_sees_it_as_its_own():
    here = SplineNetwork(1, 1, depth=0, n_intervals=6)
    there = SplineNetwork(1, 1, depth=0, n_intervals=6, grid_range=(3.0, 9.0))
    with torch.no_grad():
        for network in (here, there):
            network.layers[0].base_weight.zero_()
    x = torch.linspace(-1, 1, 21)[:, None]
    assert_close(there(6 + 3 * x), here(x), atol=1e-5, rtol=1e-5)


def test_the_start_is_that_of_the_paper():
    network = SplineNetwork(100, 1, 200, depth=1, noise=0.1)
    layer = network.layers[0]
    assert_close(layer.coefficients.std().item(), 0.1, rtol=0.02, atol=0)
    assert torch.equal(layer.spline_weight, torch.ones(200, 100))
    assert_close(layer.base_weight.std().item(), math.sqrt(2 / 300), rtol=0.05, atol=0)  # Xavier


def test_each_edge_has_its_coefficients_and_two_weights():
    network = SplineNetwork(2, 3, 5, depth=2, n_intervals=7, order=3)
    n_edges = 2 * 5 + 5 * 5 + 5 * 3
    assert sum(parameter.numel() for parameter in network.parameters()) == n_edges * (7 + 3 + 2)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_smoothness_is_one_less_than_the_order(order):
    assert SplineNetwork(2, 1, 4, order=order).smoothness == order - 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": -1},
        {"n_intervals": 0},
        {"order": 0},
        {"order": 8},
        {"noise": -0.1},
        {"grid_range": (1.0, -1.0)},
        {"grid_range": (0.0, 0.0)},
        {"grid_range": (0.0, math.inf)},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        SplineNetwork(**{"in_dim": 2, "out_dim": 1, "width": 8, "depth": 2, **wrong})


def test_a_spline_network_is_rebuilt_from_its_spec():
    network = SplineNetwork(2, 1, 4, depth=1, n_intervals=7, order=2, grid_range=(-2.0, 2.0), seed=5)
    rebuilt = from_spec(to_spec(network), NETWORKS)
    assert to_spec(rebuilt) == to_spec(network)
    assert all(map(torch.equal, rebuilt.parameters(), network.parameters()))
