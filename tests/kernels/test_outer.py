import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.kernels import outer as module
from ungrid.kernels.outer import outer


def factors(n, m, features=8, dtype=torch.float32, terms=2):
    rng = torch.Generator().manual_seed(n + m)
    return [torch.randn(size, terms, features, generator=rng, dtype=dtype).requires_grad_() * 1 for size in (n, m)]


def plain(a, b):
    """The formula as it stands."""
    return torch.einsum("nrf,mrf->nmf", a, b)


@pytest.fixture(params=[2**4, 2**7, 2**20])
def blocked(request, monkeypatch):
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "BLOCK", request.param)


@pytest.mark.parametrize("terms", [1, 2, 3])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 5), (3, 40), (40, 3)])
def test_it_agrees_with_its_formula_and_so_do_its_gradients(blocked, n, m, terms):
    a, b = factors(n, m, terms=terms)
    weights = torch.randn(n, m, 8, generator=torch.Generator().manual_seed(0))
    product = outer(a, b)
    assert_close(product, plain(a, b))
    found = torch.autograd.grad((product * weights).sum(), [a, b])
    expected = torch.autograd.grad((plain(a, b) * weights).sum(), [a, b])
    for mine, other in zip(found, expected, strict=True):
        assert_close(mine, other)


def test_without_gradients_it_is_the_same(blocked):
    a, b = factors(6, 9)
    with torch.no_grad():
        assert_close(outer(a, b), plain(a, b))


def test_it_can_be_differentiated_again(blocked):
    a, b = factors(4, 6)
    found, expected = [], []
    for product, kept in ((outer(a, b), found), (plain(a, b), expected)):
        (slope,) = torch.autograd.grad(product.pow(3).sum(), a, create_graph=True)
        kept.extend(torch.autograd.grad(slope.square().sum(), [a, b]))
    for mine, other in zip(found, expected, strict=True):
        assert_close(mine, other, rtol=1e-4, atol=1e-3)


def test_a_batch_of_gradients_is_taken(blocked):
    a, b = factors(4, 6)
    grads = torch.randn(3, 4, 6, 8)
    (found,) = torch.autograd.grad(outer(a, b), a, grads, is_grads_batched=True)
    assert_close(found, torch.einsum("knmf,mrf->knrf", grads, b.detach()))


def test_transforms_and_other_dtypes_are_served_by_the_broadcast_product(blocked):
    a, b = factors(4, 6)
    assert_close(torch.func.vmap(outer)(torch.stack([a, a]), torch.stack([b, b]))[1], outer(a, b))
    a, b = factors(2, 3, 2, torch.float64)
    assert gradcheck(outer, (a, b))
    assert gradgradcheck(outer, (a, b))


def test_empty_factors_give_an_empty_product():
    assert outer(torch.zeros(0, 1, 4), torch.zeros(3, 1, 4)).shape == (0, 3, 4)
