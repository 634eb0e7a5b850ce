import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.sampling import Batch
from ungrid.fields.record import Recipe
from ungrid.fit.orders import Focused, Shuffled
from ungrid.fit.problem import Term
from ungrid.fit.samplers import IndexSampler, PointObservations
from ungrid.measurements.multiscale import MultiscaleValues
from ungrid.terms.misfit import Misfit
from ungrid.terms.regression import absolute_error, squared_error
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, plane_wave


def sampler(n=6):
    return IndexSampler(PointObservations(torch.arange(2.0 * n).reshape(n, 2), torch.ones(n, 3)), Shuffled())


def a_field():
    return FIELD_EXAMPLES["MultiscaleField"](pixel_box(), 3, 0)


def a_batch(n=5):
    rng = torch.Generator().manual_seed(0)
    return Batch(torch.rand(n, 2, generator=rng), torch.rand(n, 3, generator=rng))


def test_the_loss_is_the_mean_over_levels_against_the_same_target():
    field, batch = a_field(), a_batch()
    each = [squared_error(field.at_level(level)(batch.query), batch.target) for level in (0, 1)]
    assert_close(Misfit(MultiscaleValues(), sampler(), squared_error)(field, batch), sum(each) / 2)


def test_every_level_is_fitted():
    field = a_field()
    Misfit(MultiscaleValues(), sampler(), squared_error)(field, a_batch()).backward()
    assert all(head.weight.grad.abs().max() > 0 for head in field.network.heads)


def test_the_recipe_names_the_loss_where_none_is_given():
    field, batch = a_field(), a_batch()
    field.recipe = Recipe(loss="absolute_error")
    term = Misfit(MultiscaleValues(), sampler())
    assert_close(term(field, batch), Misfit(MultiscaleValues(), sampler(), absolute_error)(field, batch))


def test_a_field_without_levels_has_the_loss_of_a_plain_misfit():
    wave, batch = plane_wave((1.0, 2.0)), Batch(torch.rand(5, 2), torch.rand(5, 1))
    several = Misfit(MultiscaleValues(), sampler())(wave, batch)
    assert_close(several, Misfit(lambda field, query: field(query), sampler())(wave, batch))


def test_parts_of_a_batch_add_up_to_the_whole():
    field, batch = a_field(), a_batch(6)
    term = Misfit(MultiscaleValues(), sampler())
    assert_close(sum(len(part) / 6 * term(field, part) for part in batch.split(4)), term(field, batch))


@pytest.mark.parametrize(("weight", "seen"), [(2.0, [2.0, 2.0]), (lambda progress: 1 - progress, [1.0, 0.5])])
def test_it_is_a_term_with_a_weight_and_a_sampler_of_its_own(weight, seen):
    term = Misfit(MultiscaleValues(), sampler(), weight=weight)
    assert isinstance(term, Term)
    assert [term.weight(0.0), term.weight(0.5)] == seen
    assert len(term.sample(torch.Generator().manual_seed(0), a_field(), 4)) == 4


def test_the_error_of_an_observation_is_over_all_levels():
    field, batch = a_field(), a_batch()
    observed = IndexSampler(PointObservations(batch.query, batch.target), Focused())
    Misfit(MultiscaleValues(), observed).refocus(field)
    differences = MultiscaleValues()(field, batch.query) - batch.target[:, None]
    errors = differences.square().mean(dim=(1, 2)).sqrt()
    expected = ((errors / errors.mean()).clamp_max(8) * 16).round() + 1
    assert observed.order.state()["codes"].tolist() == expected.tolist()
