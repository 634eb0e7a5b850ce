import json

import pytest
import torch

from ungrid.errors import InputError
from ungrid.fit.orders import Focused, Shuffled, Uniform
from ungrid.fit.samplers import GridObservations, IndexSampler, PointObservations
from ungrid.testing.toys import tiny_picture


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(n=10, **given):
    """A sampler of n observations whose targets are their numbers."""
    return IndexSampler(PointObservations(torch.zeros(n, 2), torch.arange(float(n))[:, None]), Shuffled(), **given)


def drawn(sampler, rng, batch_size):
    return sampler.sample(rng, batch_size).target[:, 0].long().tolist()


def test_points_of_a_grid_are_gathered_as_the_grid_has_them():
    picture = tiny_picture()
    index = torch.tensor([0, 5, 15, 16, 191])
    batch = GridObservations(picture.grid, picture.values).gather(index)
    assert torch.equal(batch.query, picture.grid.points().reshape(-1, 2)[index])
    assert torch.equal(batch.target, picture.values.reshape(-1, 3)[index])
    assert len(GridObservations(picture.grid, picture.values)) == 192


def test_observations_take_the_dtype_of_the_values():
    picture = tiny_picture()
    batch = GridObservations(picture.grid, picture.values.double()).gather(torch.tensor([3]))
    assert batch.query.dtype == batch.target.dtype == torch.float64


def test_queries_and_targets_go_together(unchecked_types):
    with pytest.raises(InputError, match="3 queries but 2 targets"):
        PointObservations(torch.zeros(3, 2), torch.zeros(2, 1))


def test_all_known_observations_come_in_their_order_without_a_batch_size():
    assert drawn(numbered(), generator(), None) == list(range(10))
    assert drawn(numbered(), generator(), 10) == list(range(10))
    assert drawn(numbered(), generator(), 99) == list(range(10))
    assert drawn(numbered(known=torch.tensor([7, 3])), generator(), None) == [7, 3]


def test_nothing_withheld_is_drawn_until_it_is_given_back():
    sampler, rng = numbered(known=torch.arange(8), withheld=torch.tensor([8, 9])), generator()
    assert {i for _ in range(30) for i in drawn(sampler, rng, 4)} == set(range(8))
    sampler.give_back()
    sampler.give_back()
    assert len(sampler) == 10
    assert {i for _ in range(30) for i in drawn(sampler, rng, 5)} == set(range(10))


def test_nothing_to_fit_is_refused():
    with pytest.raises(InputError, match="nothing to fit"):
        numbered(known=torch.arange(0))


@pytest.mark.parametrize("stop", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("given_back", [False, True])
def test_a_sampler_continues_from_a_state_that_went_through_json(stop, given_back):
    def fresh():
        return numbered(known=torch.arange(8), withheld=torch.tensor([8, 9]))

    sampler, rng = fresh(), generator()
    drawn(sampler, rng, 3)
    if given_back:
        sampler.give_back()
    for _ in range(stop):
        drawn(sampler, rng, 3)
    resumed, resumed_rng = fresh(), generator(1)
    resumed.restore(json.loads(json.dumps(sampler.state())))
    resumed_rng.set_state(rng.get_state())
    for _ in range(9):
        assert drawn(resumed, resumed_rng, 3) == drawn(sampler, rng, 3)


def test_moving_a_sampler_moves_its_observations():
    sampler = IndexSampler(GridObservations(tiny_picture().grid, tiny_picture().values), Uniform())
    sampler.to(torch.device("cpu"))
    assert sampler.sample(generator(), 3).target.shape == (3, 3)
    sampler.to(torch.device("meta"))
    assert sampler.observations.values.is_meta


def test_a_sampler_tells_a_focused_order_how_wrong_the_field_is_at_each_known_observation():
    sampler = IndexSampler(
        PointObservations(torch.zeros(10, 2), torch.arange(10.0)[:, None]), Focused(), known=torch.arange(2, 10)
    )
    sampler.refocus(lambda batch: (batch.target[:, 0] == 7).float())
    counts = torch.bincount(torch.tensor([i for _ in range(400) for i in drawn(sampler, generator(_), 4)]), minlength=10)
    assert counts[:2].sum() == 0
    assert counts[7] > 10 * counts[3:7].max()


def test_another_order_is_not_asked_where_the_field_is_wrong():
    numbered().refocus(lambda batch: pytest.fail("nobody wants to know"))
