import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.spline import SplineField
from ungrid.terms.regression import squared_error
from ungrid.terms.spline_sums import SampledSums, SplineMisfit, banded, solved

N = 300


def case(**held):
    rng = torch.Generator().manual_seed(3)
    grid = Grid(Box(("t",), ((0.0, 3.0),), ("s",)), (N,))
    field = SplineField(grid.box, 2, 40, 5, scale=0.5).double()
    with torch.no_grad():
        field.nodes.copy_(torch.randn(field.nodes.shape, generator=rng, dtype=torch.float64))
    values = torch.randn(N, 2, generator=rng, dtype=torch.float64)
    return field, values, SplineMisfit(SampledSums(grid, values, **held)), grid


def seen_by(field, values, grid, index):
    prediction = field(grid.points(dtype=torch.float64))[index] / field.scale
    return squared_error(prediction, values[index] / field.scale)


@pytest.mark.parametrize("known", [None, torch.arange(0, N, 2)])
def test_the_loss_and_its_gradient_are_those_of_all_samples(known):
    field, values, term, grid = case(known=known)
    loss = term(field, term.sample(torch.Generator(), field, None))
    (slope,) = torch.autograd.grad(loss, field.nodes)
    direct = seen_by(field, values, grid, slice(None) if known is None else known)
    (expected,) = torch.autograd.grad(direct, field.nodes)
    torch.testing.assert_close(loss, direct, rtol=1e-4, atol=0)
    torch.testing.assert_close(slope, expected, rtol=0, atol=1e-5)


def test_withheld_samples_count_after_they_are_given_back():
    withheld = torch.tensor([5, 77])
    known = torch.tensor([i for i in range(N) if i not in (5, 77)])
    field, values, term, grid = case(known=known, withheld=withheld)
    before = term.sample(torch.Generator(), field, None)
    term.sampler.give_back()
    after = term.sample(torch.Generator(), field, None)
    assert after.n_values - before.n_values == 4
    torch.testing.assert_close(term(field, after), seen_by(field, values, grid, slice(None)), rtol=1e-4, atol=0)
    other = case(known=known, withheld=withheld)[2]
    other.sampler.restore(term.sampler.state())
    torch.testing.assert_close(other.sample(torch.Generator(), field, None).right, after.right)


def test_the_banded_product_is_that_of_the_matrix():
    bands = torch.arange(24, dtype=torch.float64).reshape(4, 6)
    matrix = sum(torch.diag(bands[k][: 6 - k], k) for k in range(4))
    matrix = matrix + torch.triu(matrix, 1).T
    columns = torch.arange(12, dtype=torch.float64).reshape(6, 2)
    torch.testing.assert_close(banded(bands, columns), matrix @ columns)


def test_other_fields_are_refused():
    _, _, term, _ = case()
    with pytest.raises(InputError, match="for a SplineField"):
        term.sample(torch.Generator(), torch.nn.Linear(1, 1), None)
    with pytest.raises(InputError, match="take another order"):
        term.sampler.sample(torch.Generator(), None)


def test_samples_that_are_given_back_are_taken_in_at_once():
    withheld = torch.tensor([5, 77])
    known = torch.tensor([i for i in range(N) if i not in (5, 77)])
    field, _, term, _ = case(known=known, withheld=withheld, is_solved=True)
    before = field.nodes.detach().clone()
    term.absorb(field)  # nothing is given back yet
    assert torch.equal(field.nodes, before)
    term.sampler.give_back()
    term.absorb(field)
    sums = term.sampler.of(field)
    torch.testing.assert_close(banded(sums.bands, field.nodes.detach()), sums.right, rtol=0, atol=1e-10)


def test_long_splines_are_solved_a_stretch_at_a_time(monkeypatch):
    field, _, term, _ = case()
    sums = term.sampler.of(field)
    whole = solved(sums, field.nodes.detach())
    monkeypatch.setattr("ungrid.terms.spline_sums.STRETCH", 16)
    monkeypatch.setattr("ungrid.terms.spline_sums.REACH", 8)
    torch.testing.assert_close(solved(sums, field.nodes.detach()), whole, rtol=0, atol=1e-3)
