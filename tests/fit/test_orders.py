import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ungrid.fit.orders import Focused, Shuffled, Stratified, Uniform


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


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


def test_focused_draws_as_shuffled_until_it_is_told_where():
    assert torch.equal(Focused().draw(100, 7, generator()), Shuffled().draw(100, 7, generator()))


def test_focused_draws_in_proportion_to_the_error_up_to_eight_mean_errors():
    errors = torch.ones(100)
    errors[3], errors[50], errors[60] = 0, 3, 1000
    errors *= 0.07
    order, rng = Focused(), generator()
    order.focus(errors)
    counts = torch.zeros(100)
    for _ in range(400):
        counts += torch.bincount(order.draw(100, 40, rng)[10:], minlength=100)  # a quarter is drawn evenly
    weights = (errors / errors.mean()).clamp_max(8) * 16 + 1
    assert counts.sum() == 400 * 30
    torch.testing.assert_close(counts / counts.sum(), weights / weights.sum(), atol=2e-3, rtol=0.15)


@pytest.mark.parametrize("errors", [torch.zeros(9), torch.full((9,), torch.nan)])
def test_focused_forgets_where_there_is_nothing_to_tell(errors):
    order = Focused()
    order.focus(torch.arange(9.0))
    order.focus(errors)
    assert order.state()["codes"] is None


def test_new_indices_count_as_wrong_as_the_mean():
    order = Focused()
    order.focus(torch.tensor([0.0, 2.0, 1.0]))
    order.lengthen(5)
    assert order.state()["codes"].tolist() == [1, 33, 17, 17, 17]


def test_focused_goes_on_where_it_was():
    order, rng = Focused(), generator()
    order.focus(torch.arange(1000.0))
    order.draw(1000, 64, rng)
    again, again_rng = Focused(), generator()
    again.restore(order.state())
    again_rng.set_state(rng.get_state())
    assert torch.equal(again.draw(1000, 64, again_rng), order.draw(1000, 64, rng))
