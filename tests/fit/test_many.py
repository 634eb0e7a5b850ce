"""A stack is its members, each by itself: the same weights as one by one, and no member knows of another's misfortune."""

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.record import Recipe
from ungrid.fields.stacked import StackedField
from ungrid.fit.callbacks import Refocus
from ungrid.fit.guard import MAX_ROLLBACKS
from ungrid.fit.loop import Budget, run
from ungrid.fit.many import MemberBatch, MemberGuard, MemberMisfit, MemberSampler, MemberTarget, member_errors
from ungrid.fit.problem import Problem
from ungrid.fit.state import FitState
from ungrid.presets.published import dense_grid
from ungrid.tasks.complete import midpoints
from ungrid.tasks.represent import represent
from ungrid.testing.toys import tiny_picture

RECIPE = Recipe(learning_rate=1e-2, schedule="cosine", batch_size=40, betas=(0.9, 0.99), epsilon=1e-15)


@pytest.fixture(autouse=True)
def _as_for_a_user(unchecked_types):
    """Fits of many steps, at their own speed."""


def pictures(n=3, size=8):
    picture = tiny_picture(size, size)
    return [replace(picture, values=(picture.values * (1 - 0.2 * i)).roll(i, 0).clone()) for i in range(n)]


def a_field(signal, recipe=RECIPE):
    field = dense_grid(signal.box, signal.out_dim, params_per_value=0.5, n_levels=2, width=8, interpolation="cubic", seed=1)
    field.recipe = recipe
    return field


class Spoiled:
    """The misfit, but at some steps one member's loss is multiplied by something."""

    name = "misfit"

    def __init__(self, term, member, factor, at):
        self.term, self.member, self.factor, self.at, self.calls = term, member, factor, set(at), 0
        self.sampler = term.sampler

    def weight(self, progress):
        return 1.0

    def sample(self, rng, field, batch_size):
        return self.term.sample(rng, field, batch_size)

    def __call__(self, field, batch):
        losses = self.term(field, batch)
        self.calls += 1
        factors = torch.ones_like(losses)
        if self.calls - 1 in self.at:
            factors[self.member] = self.factor
        return losses * factors


def fitted(signals, steps=60, recipe=RECIPE, spoil=None, watchers=(), guard=None):
    """The state after a fit of a stack, and its guard."""
    grid = signals[0].grid.with_midpoints()
    term = MemberMisfit(MemberSampler(grid, torch.stack([midpoints(signal.values) for signal in signals])))
    field = StackedField(a_field(signals[0], recipe), [(1.0, 0.5)] * len(signals))
    guard = guard or MemberGuard(len(signals), every=10)
    state = FitState(field, Problem((Spoiled(term, *spoil) if spoil else term,)), recipe, seed=5)
    run(state, Budget(steps), watchers, guard)
    return state, guard


def test_a_stack_ends_with_the_weights_of_fits_one_by_one():
    signals = pictures()
    stack = fitted(signals)[0].field
    for index, signal in enumerate(signals):
        alone = a_field(signal)
        problem = represent(signal, heldout=0.0, estimates="cubic", order="shuffled")
        run(FitState(alone, problem, RECIPE, seed=5), Budget(60))
        for own, other in zip(stack.member(index).parameters(), alone.parameters(), strict=True):
            assert_close(own, other, atol=1e-3, rtol=1e-3)
        points = signal.grid.points()
        assert_close(stack.member(index)(points), alone(points), atol=1e-4, rtol=1e-4)


def test_a_member_ends_the_same_whoever_its_neighbors_are():
    signals = pictures(3)
    together = fitted(signals, watchers=[Refocus()])[0].field.member(2)
    with_another = fitted([signals[0], signals[2]], watchers=[Refocus()])[0].field.member(1)
    for own, other in zip(together.parameters(), with_another.parameters(), strict=True):
        assert_close(own, other, atol=1e-3, rtol=1e-3)  # sums over other numbers of members round otherwise


@pytest.mark.parametrize("clip", [None, 1e-3])
@pytest.mark.parametrize("factor", [math.nan, math.inf, 1e6])
def test_a_member_whose_loss_explodes_leaves_the_others_bit_for_bit_as_they_are(factor, clip):
    signals = pictures()
    recipe = Recipe(learning_rate=1e-2, batch_size=40, clip=clip)
    calm, _ = fitted(signals, recipe=recipe)
    state, guard = fitted(signals, recipe=recipe, spoil=(1, factor, [23]))
    assert guard.rollbacks.tolist() == [0, 1, 0]
    assert guard.rates.tolist() == [1.0, 0.5, 1.0]
    assert not guard.stopped
    for own, other in zip(state.field.parameters(), calm.field.parameters(), strict=True):
        assert torch.equal(own[[0, 2]], other[[0, 2]])
        assert torch.isfinite(own).all()


def test_a_member_whose_values_are_no_numbers_is_given_up_and_the_others_go_on():
    signals = pictures()
    calm, _ = fitted(signals, watchers=[Refocus()])
    signals[1].values[3, 3] = math.nan
    state, guard = fitted(signals, watchers=[Refocus()])
    assert guard.stopped == {1: "diverged"}
    assert guard.rollbacks[1] == MAX_ROLLBACKS + 1
    assert state.step == 60
    for own, other in zip(state.field.parameters(), calm.field.parameters(), strict=True):
        assert torch.equal(own[[0, 2]], other[[0, 2]])
        assert torch.isfinite(own).all()


def test_a_stack_of_nothing_but_bad_members_stops_early():
    signals = pictures(2)
    for signal in signals:
        signal.values.fill_(math.nan)
    state, guard = fitted(signals)
    assert state.stopped_by == "diverged"
    assert len(guard.stopped) == 2
    assert state.step < 60


def test_gradients_are_clipped_member_by_member():
    signals = pictures()
    recipe = Recipe(optimizer="sgd", learning_rate=1.0, batch_size=None, clip=0.01)
    before = StackedField(a_field(signals[0]), [(1.0, 0.5)] * 3)
    after = fitted(signals, steps=1, recipe=recipe)[0].field
    moved = [(new - old).flatten(1).square().sum(1) for new, old in zip(after.parameters(), before.parameters(), strict=True)]
    assert_close(torch.stack(moved).sum(0).sqrt(), torch.full((3,), 0.01), atol=1e-5, rtol=1e-3)


def test_a_member_that_is_good_enough_stays_as_it_is_while_the_others_go_on():
    signals = pictures()
    signals[0].values.fill_(0.5)  # soon fitted
    guard = MemberGuard(3)
    target = MemberTarget(
        guard,
        signals[0].grid,
        torch.stack([signal.values for signal in signals]),
        torch.tensor([1e-4, 0.0, 0.0], dtype=torch.float64),
        every_seconds=0.0,
    )
    state, _ = fitted(signals, watchers=[target], guard=guard)
    assert guard.stopped == {0: "target_psnr"}
    assert state.stopped_by == "steps"
    calm, _ = fitted(pictures())
    for own, other in zip(state.field.parameters(), calm.field.parameters(), strict=True):
        assert torch.equal(own[1:], other[1:])


def test_what_is_wrong_in_a_member_counts_more_there_alone():
    sampler = MemberSampler(Grid(pictures(1)[0].box, (8, 8)), torch.zeros(2, 8, 8, 1))
    errors = torch.ones(64, 2)
    errors[0, 0] = 10.0
    sampler.focus(errors)
    weights = sampler.sample(torch.Generator(), None).weight
    assert_close(weights.mean(0), torch.ones(2))
    assert weights[0, 0] > 4 * weights[1, 0]
    assert_close(weights[:, 1], torch.ones(64))


def test_a_member_that_is_right_everywhere_or_no_number_counts_evenly():
    sampler = MemberSampler(Grid(pictures(1)[0].box, (8, 8)), torch.zeros(2, 8, 8, 1))
    errors = torch.zeros(64, 2)
    errors[5, 1] = math.nan
    sampler.focus(errors)
    assert torch.equal(sampler.weights, torch.ones(64, 2))


def test_weighted_losses_are_the_weighted_means_of_single_ones():
    signal = pictures(1)[0]
    field = StackedField(a_field(signal), [(1.0, 0.5), (1.0, 0.2)])
    rng = torch.Generator().manual_seed(0)
    batch = MemberBatch(3 * torch.rand(6, 2, generator=rng), torch.rand(6, 2, 3, generator=rng), torch.rand(6, 2, generator=rng))
    term = MemberMisfit(MemberSampler(signal.grid, torch.stack([signal.values] * 2)))
    each = (field(batch.query) - batch.target).square().mean(-1)
    assert_close(term(field, batch), (batch.weight * each).mean(0))
    assert_close(term(field, MemberBatch(batch.query, batch.target)), each.mean(0))


def test_errors_of_members_are_means_over_all_places():
    signals = pictures(2)
    field = StackedField(a_field(signals[0]), [(1.0, 0.5)] * 2)
    together = torch.stack([signal.values for signal in signals])
    found = member_errors(field, MemberSampler(signals[0].grid, together))
    for index, signal in enumerate(signals):
        expected = (field.member(index)(signal.grid.points()) - signal.values).square().mean()
        assert_close(found[index].float(), expected.detach(), atol=1e-6, rtol=1e-5)


def test_a_sampler_continues_the_same_batches():
    signals = pictures(2)
    together = torch.stack([signal.values for signal in signals])
    first, second = (MemberSampler(signals[0].grid, together) for _ in range(2))
    rng = torch.Generator().manual_seed(0)
    first.sample(rng, 20)
    first.focus(torch.rand(64, 2))
    second.restore(first.state())
    again = torch.Generator()
    again.set_state(rng.get_state())
    one, other = first.sample(rng, 20), second.sample(again, 20)
    assert torch.equal(one.query, other.query)
    assert torch.equal(one.weight, other.weight)


def test_values_of_another_shape_than_the_grid_are_refused():
    with pytest.raises(InputError, match="do not lie on a grid"):
        MemberSampler(pictures(1)[0].grid, torch.zeros(2, 8, 9, 1))
