"""What only the tiled engine of the multilayer perceptron does; that it agrees is in test_mlp."""

import pytest
import torch
from torch.testing import assert_close

from ungrid.kernels import mlp_tiled
from ungrid.kernels.activations import ACTIVATIONS, Pointwise
from ungrid.kernels.mlp import reference_mlp
from ungrid.kernels.mlp_native import ACTIVATIONS as NATIVE
from ungrid.kernels.mlp_tiled import STEPS, TiledEngine


def network(n):
    """Points and parameters of a network with one hidden layer of 32, whose tiles have 64 points when TILE is 2048."""
    rng = torch.Generator().manual_seed(0)
    parameters = [torch.rand(*shape, generator=rng) - 0.5 for shape in [(32, 2), (3, 32), (32,), (3,)]]
    return torch.rand(n, 2, generator=rng), parameters


def test_it_has_the_activations_that_the_native_engine_has():
    assert set(STEPS) == set(NATIVE)


@pytest.mark.parametrize("n", [63, 64, 65, 128, 200])
@pytest.mark.parametrize("bounds", [[], [40], [64, 100]])
def test_values_do_not_depend_on_where_tiles_begin(monkeypatch, n, bounds):
    monkeypatch.setattr(mlp_tiled, "TILE", 64 * 32)
    points, parameters = network(n)
    edges = [0, *(bound for bound in bounds if bound < n), n]
    stacked = [torch.stack([parameter] * (len(edges) - 1)) for parameter in parameters]
    values, _ = TiledEngine().forward(points, stacked, torch.tensor(edges), Pointwise("tanh", (), "none"), keep=False)
    assert_close(values, reference_mlp(points, parameters[:2], parameters[2:], activation="tanh"))


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("in_place", [False, True])
def test_steps_are_the_activation_and_its_slope(name, in_place):
    steps, sums = STEPS[name], torch.linspace(-3, 3, 50).requires_grad_()
    expected = ACTIVATIONS[name](sums)
    (slope,) = torch.autograd.grad(expected.sum(), sums)
    extra = sums.detach().clone()
    results = extra if in_place else torch.empty(50)
    steps.apply(extra, out=results)
    assert_close(results, expected.detach())
    if steps.make_extra and not in_place:
        steps.make_extra(extra)
    if not (steps.make_extra and in_place):
        grads = torch.full((50,), 2.0)
        steps.times_slope(grads, results, extra)
        assert_close(grads, 2 * slope)
