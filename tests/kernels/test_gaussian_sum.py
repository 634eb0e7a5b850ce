import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.kernels import gaussian_sum as module
from ungrid.kernels.gaussian_sum import Gaussians, gaussian_sum, whitened


def some(count, *, dtype=torch.float64):
    """Gaussians in the plane, with three weights each, and as many points."""
    rng = torch.Generator().manual_seed(0)
    factors = torch.rand((count, 3), generator=rng, dtype=dtype) + torch.tensor([0.5, 0.0, 0.5], dtype=dtype)
    centers, points = (4 * torch.rand((count, 2), generator=rng, dtype=dtype) for _ in range(2))
    return points, Gaussians(centers, factors, torch.randn((count, 3), generator=rng, dtype=dtype))


def learnable(gaussians):
    return Gaussians(*(part.clone().requires_grad_() for part in gaussians))


def test_one_gaussian_is_its_formula():
    one = Gaussians(torch.tensor([[2.0]]), torch.tensor([[0.5]]), torch.tensor([[3.0]]))
    x = torch.tensor([[2.0], [2.5], [1.0]])
    assert_close(gaussian_sum(x, one)[:, 0], 3 * torch.exp(-0.5 * torch.tensor([0.0, 1.0, 4.0])))


def test_whitening_is_the_inverse_of_the_factor():
    lower = torch.tensor([[1.5, 0, 0], [0.3, -0.8, 0], [-0.2, 0.7, 2.0]], dtype=torch.float64)
    offset = torch.tensor([0.4, -1.0, 2.5], dtype=torch.float64)
    entries = lower[tuple(torch.tril_indices(3, 3))]
    assert_close(torch.stack(whitened(offset.unbind(), entries.unbind())), torch.linalg.solve(lower, offset))


def test_the_sum_is_over_all_of_them_whatever_the_chunks(monkeypatch):
    points, gaussians = some(30)
    lower = torch.zeros(30, 2, 2, dtype=torch.float64)
    lower[:, [0, 1, 1], [0, 0, 1]] = gaussians.factors
    offset = points[:, None] - gaussians.centers
    exponent = torch.einsum("pni,nij,pnj->pn", offset, torch.linalg.inv(lower @ lower.mT), offset)
    expected = torch.exp(-0.5 * exponent) @ gaussians.weights
    assert_close(gaussian_sum(points, gaussians), expected)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 7 * 30)
    assert_close(gaussian_sum(points, gaussians), expected)


def test_first_and_second_derivatives_are_exact():
    points, gaussians = some(3)
    inputs = [points.requires_grad_(), *learnable(gaussians)]
    assert gradcheck(lambda x, *parts: gaussian_sum(x, Gaussians(*parts)), inputs)
    assert gradgradcheck(lambda x, *parts: gaussian_sum(x, Gaussians(*parts)), inputs, fast_mode=True)


def test_pairs_that_are_computed_twice_give_the_same_gradients(monkeypatch):
    points, gaussians = some(60)
    points.requires_grad_()
    kept, forgotten = learnable(gaussians), learnable(gaussians)
    first = torch.autograd.grad(gaussian_sum(points, kept).square().sum(), [points, *kept], create_graph=True)
    monkeypatch.setattr(module, "PAIRS_KEPT", 0)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 600)
    again = torch.autograd.grad(gaussian_sum(points, forgotten).square().sum(), [points, *forgotten], create_graph=True)
    for expected, found in zip(first, again, strict=True):
        assert_close(found, expected)
    assert_close(*(torch.autograd.grad(slopes[0].square().sum(), points)[0] for slopes in (again, first)))


def test_what_is_kept_for_a_gradient_does_not_grow_with_points_times_gaussians(monkeypatch):
    points, gaussians = some(200)
    monkeypatch.setattr(module, "PAIRS_KEPT", 0)
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 2000)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        gaussian_sum(points, learnable(gaussians)).sum()
    assert sum(kept) < 200 * 200
