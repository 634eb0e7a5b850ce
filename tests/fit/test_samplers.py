import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ungrid.errors import InputError
from ungrid.fit.samplers import GridObservations, IndexSampler, PointObservations, Shuffled, Stratified, Uniform
from ungrid.testing.toys import tiny_picture


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(n=10, **given):
    """A sampler of n observations whose targets are their numbers."""
    return IndexSampler(PointObservations(torch.zeros(n, 2), torch.arange(float(n))[:, None]), Shuffled(), **given)


def drawn(sampler, rng, batch_size):
    return sampler.sample(rng, batch_size).target[:, 0].long().tolist()


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 60), batch_size=st.integers(1, 60), seed=st.integers(0, 9))
def test_shuffled_draws_each_index_at_most_once_a_pass_and_skips_less_than_a_batch(n, batch_size, seed):
    if batch_size > n:
        return
    order, rng = Shuffled(), generator(seed)
    for _ in range(3):
        seen = torch.cat([order.draw(n, batch_size, rng) for _ in range(n // batch_size)])
        assert len(set(seen.tolist())) == len(seen) == n // batch_size * batch_size


def test_shuffled_draws_each_index_exactly_once_where_batches_fill_a_pass():
    order, rng = Shuffled(), generator()
    passes = [torch.cat([order.draw(12, 4, rng) for _ in range(3)]) for _ in range(3)]
    assert all(sorted(one.tolist()) == list(range(12)) for one in passes)
    assert not torch.equal(passes[0], passes[1])


def test_stratified_draws_one_index_from_each_run():
    index = Stratified().draw(100, 10, generator())
    assert (index // 10).tolist() == list(range(10))
    assert Stratified().draw(7, 5, generator()).max() < 7


def test_uniform_draws_all_indices_equally_often():
    counts = torch.bincount(Uniform().draw(10, 100_000, generator()), minlength=10)
    assert (counts - 10_000).abs().max() < 5 * 95  # five standard deviations


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
