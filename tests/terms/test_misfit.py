import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.sampling import Batch
from ungrid.fit.orders import Focused, Shuffled
from ungrid.fit.problem import Term
from ungrid.fit.samplers import IndexSampler, PointObservations
from ungrid.measurements.values import PointValues
from ungrid.terms.misfit import Misfit
from ungrid.terms.regression import absolute_error


def sampler(n=6):
    return IndexSampler(PointObservations(torch.arange(2.0 * n).reshape(n, 2), torch.ones(n, 1)), Shuffled())


def test_a_misfit_is_the_loss_of_the_prediction_against_the_target():
    misfit = Misfit(PointValues(), sampler(), absolute_error)
    batch = Batch(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.0], [1.0]]))
    assert_close(misfit(lambda coords: coords.sum(dim=-1, keepdim=True), batch), torch.tensor((3.0 + 6.0) / 2))


def test_a_misfit_is_a_term():
    assert isinstance(Misfit(PointValues(), sampler()), Term)
    assert Misfit(PointValues(), sampler()).name == "misfit"


@pytest.mark.parametrize(("weight", "seen"), [(2.0, [2.0, 2.0]), (lambda progress: 1 - progress, [1.0, 0.5])])
def test_a_weight_is_constant_or_follows_the_progress(weight, seen):
    misfit = Misfit(PointValues(), sampler(), weight=weight)
    assert [misfit.weight(0.0), misfit.weight(0.5)] == seen


def test_batches_come_from_the_terms_own_sampler():
    misfit = Misfit(PointValues(), sampler())
    rng = torch.Generator().manual_seed(0)
    assert len(misfit.sample(rng, lambda coords: coords, 4)) == 4
    assert torch.equal(misfit.sample(rng, lambda coords: coords, None).query, misfit.sampler.observations.query)


def test_a_misfit_tells_its_sampler_the_root_mean_square_over_the_numbers_of_each_observation():
    query, target = torch.zeros(3, 2), torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 1.0]])
    order = Focused()
    term = Misfit(PointValues(), IndexSampler(PointObservations(query, target), order))
    term.refocus(lambda coords: torch.zeros(len(coords), 2))
    errors = torch.tensor([12.5**0.5, 0.0, 1.0])
    assert order.state()["codes"].tolist() == [round(16 * float(e / errors.mean())) + 1 for e in errors]
