import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.kernels import gaussian_pairs
from ungrid.kernels import gaussian_tiles as module
from ungrid.kernels.gaussian_pairs import cutoff_radius
from ungrid.kernels.gaussian_sum import SMALLEST_FACTOR, Gaussians, gaussian_sum
from ungrid.kernels.gaussian_tiles import gaussian_sum_on_grid

SHAPES = {1: (150,), 2: (37, 29), 3: (9, 11, 6)}


def some(dim, count=40, *, width=1.0, dtype=torch.float64, seed=0):
    """Gaussians over a grid of SHAPES[dim], some of them beyond it, of widths from a third to twice `width`."""
    rng = torch.Generator().manual_seed(seed)
    size = torch.tensor(SHAPES[dim], dtype=dtype)
    centers = (1.4 * torch.rand((count, dim), generator=rng, dtype=dtype) - 0.2) * size
    rows, columns = torch.tril_indices(dim, dim)
    factors = torch.randn((count, len(rows)), generator=rng, dtype=dtype) * width
    diagonal = width * (0.3 + 1.7 * torch.rand((count, len(rows)), generator=rng, dtype=dtype))
    weights = torch.randn((count, 3), generator=rng, dtype=dtype)
    return Gaussians(centers, torch.where(rows == columns, diagonal, factors), weights)


def axes_of(dim, dtype=torch.float64):
    return [torch.arange(n, dtype=dtype) + 0.5 for n in SHAPES[dim]]


def points_of(axes):
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def learnable(gaussians):
    return Gaussians(*(part.clone().requires_grad_() for part in gaussians))


@pytest.mark.parametrize("dim", SHAPES)
@pytest.mark.parametrize("width", [0.3, 2.0, 20.0])
def test_a_grid_has_the_values_of_its_points(dim, width):
    gaussians, axes = some(dim, width=width), axes_of(dim)
    whole = gaussian_sum_on_grid(axes, gaussians)
    assert whole.shape == (*SHAPES[dim], 3)
    assert_close(whole, gaussian_sum(points_of(axes), gaussians), atol=2e-15 * 40, rtol=0)


@pytest.mark.parametrize("dim", SHAPES)
def test_what_is_left_out_is_below_float32_rounding(dim, monkeypatch):
    gaussians, axes = some(dim, 200), axes_of(dim)
    # the cutoff of float32 on numbers of float64, so that the error is that of the cutoff alone
    monkeypatch.setattr(gaussian_pairs, "cutoff_radius", lambda weights: cutoff_radius(weights.float()))
    error = (gaussian_sum_on_grid(axes, gaussians) - gaussian_sum(points_of(axes), gaussians)).abs().max()
    assert 1e-12 < float(error) <= 2**-24 * max(1.0, float(gaussians.weights.abs().max()))


@pytest.mark.parametrize("dim", SHAPES)
def test_gradients_of_a_grid_are_those_of_its_points(dim):
    axes, on_grid, at_points = axes_of(dim), learnable(some(dim)), learnable(some(dim))
    along = torch.randn((*SHAPES[dim], 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (gaussian_sum_on_grid(axes, on_grid) * along).sum().backward()
    (gaussian_sum(points_of(axes), at_points) * along).sum().backward()
    for found, expected in zip(on_grid, at_points, strict=True):
        assert_close(found.grad, expected.grad, atol=1e-11 * float(expected.grad.abs().max()), rtol=0)


@pytest.mark.parametrize("dim", SHAPES)
def test_first_and_second_derivatives_of_a_grid_are_exact(dim):
    axes = [torch.arange(2, dtype=torch.float64) + 0.5 for _ in range(dim)]
    centers, factors, weights = (part[:2] for part in some(dim, 3))
    inputs = [part.clone().requires_grad_() for part in (centers.clamp(0.3, 1.7), factors, weights[:, :2])]
    assert gradcheck(lambda *parts: gaussian_sum_on_grid(axes, Gaussians(*parts)), inputs)
    assert gradgradcheck(lambda *parts: gaussian_sum_on_grid(axes, Gaussians(*parts)), inputs, fast_mode=True)


def test_what_is_kept_for_a_gradient_does_not_grow_with_points_times_gaussians():
    kept = []
    gaussians = learnable(some(2, 500))
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        gaussian_sum_on_grid(axes_of(2), gaussians).sum()
    assert max(kept) <= max(part.numel() for part in gaussians)


def test_chunks_do_not_change_the_sum(monkeypatch):
    gaussians, axes = some(2), axes_of(2)
    whole = gaussian_sum_on_grid(axes, gaussians)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 256)
    monkeypatch.setattr(gaussian_pairs, "CANDIDATES_AT_ONCE", 10)
    assert_close(gaussian_sum_on_grid(axes, gaussians), whole)


def test_far_gaussians_cost_nothing_and_give_nothing():
    away = Gaussians(torch.tensor([[1e4, 1e4]]), torch.tensor([[1.0, 0.0, 1.0]]), torch.ones(1, 3))
    assert float(gaussian_sum_on_grid(axes_of(2, torch.float32), away).abs().max()) == 0


@pytest.mark.parametrize("diagonal", [0.0, 1e-9, -1e-9])
def test_a_factor_without_width_stays_finite(diagonal):
    thin = learnable(
        Gaussians(torch.tensor([[4.5, 4.0]]), torch.tensor([[diagonal, 0.2, 1.0]]), torch.ones(1, 3)),
    )
    values = gaussian_sum_on_grid(axes_of(2, torch.float32), thin)
    values.sum().backward()
    assert bool(torch.isfinite(values).all())
    assert all(bool(torch.isfinite(part.grad).all()) for part in thin)
    assert thin.factors.grad[0, 0] == 0
    as_wide = thin.factors.detach().clone()
    as_wide[0, 0] = math.copysign(SMALLEST_FACTOR, diagonal)
    assert_close(values.detach(), gaussian_sum(points_of(axes_of(2, torch.float32)), thin._replace(factors=as_wide)).detach())


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_gaussian_that_is_no_number_shows(part):
    broken = [tensor.clone() for tensor in some(2)]
    broken[part][3, 0] = math.nan
    assert bool(gaussian_sum_on_grid(axes_of(2), Gaussians(*broken)).isnan().any())


@pytest.mark.parametrize("again", [False, True])
def test_some_parts_may_be_held_fixed(again):
    gaussians, axes = some(2), axes_of(2)
    centers = gaussians.centers.clone().requires_grad_()
    (slope,) = torch.autograd.grad(
        gaussian_sum_on_grid(axes, gaussians._replace(centers=centers)).sum(), centers, create_graph=again
    )
    (expected,) = torch.autograd.grad(gaussian_sum(points_of(axes), gaussians._replace(centers=centers)).sum(), centers)
    assert_close(slope.detach(), expected)
    assert slope.requires_grad == again
