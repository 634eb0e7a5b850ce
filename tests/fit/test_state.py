import json

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError, UnknownName
from ungrid.fields.record import Recipe
from ungrid.fit.optimizers import OPTIMIZERS
from ungrid.fit.state import FitState, Snapshot
from ungrid.tasks.represent import represent
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import tiny_picture


def a_state(*, seed=0, max_memory=None, **recipe):
    picture = tiny_picture(32, 32)
    field = FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0)
    settings = {"learning_rate": 1e-2, "batch_size": 64} | recipe
    return FitState(field, represent(picture), Recipe(**settings), seed, max_memory=max_memory)


def step(state):
    batches = {term.name: term.sample(state.rng, state.field, state.recipe.batch_size) for term in state.problem.terms}
    losses = state.descend(batches)
    state.step += 1
    return losses


def weights(state):
    return {name: tensor.clone() for name, tensor in state.field.state_dict().items()}


def test_a_batch_cut_into_parts_gives_the_gradient_of_the_whole():
    whole, cut = a_state(batch_size=None), a_state(batch_size=None)
    cut._part_points = 256  # so four parts
    assert_close(step(cut)["misfit"], step(whole)["misfit"])
    for ours, theirs in zip(cut.field.parameters(), whole.field.parameters(), strict=True):
        assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


def test_a_step_reports_the_weighted_loss_before_it():
    state = a_state()
    term = state.problem.terms[0]
    term._weight = 3.0
    batch = term.sample(state.rng, state.field, 64)
    expected = 3 * term(state.field, batch).item()
    assert state.descend({"misfit": batch})["misfit"] == pytest.approx(expected, rel=1e-5)


def test_the_rate_is_the_recipes_times_the_schedules_times_the_guards():
    state = a_state(schedule="cosine")
    state.progress, state.rate_factor = 0.5, 0.25
    step(state)
    assert state.optimizer.param_groups[0]["lr"] == pytest.approx(1e-2 * 0.5 * 0.25)


def test_clipping_bounds_the_norm_of_the_whole_gradient():
    state = a_state(clip=1e-3)
    step(state)
    assert torch.cat([p.grad.flatten() for p in state.field.parameters()]).norm() <= 1e-3 * 1.001


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_state_continues_from_a_snapshot_that_went_through_json_to_the_same_bits(optimizer):
    state = a_state(optimizer=optimizer)
    for _ in range(3):
        step(state)
    snapshot = state.snapshot()
    for _ in range(4):
        step(state)
    resumed = a_state(optimizer=optimizer, seed=9)
    resumed.restore(Snapshot(snapshot.tensors, json.loads(json.dumps(snapshot.plain))))
    assert resumed.step == 3
    for _ in range(4):
        step(resumed)
    expected = weights(state)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(resumed).items())


def test_a_snapshot_is_independent_of_what_happens_later():
    state = a_state()
    step(state)
    snapshot = state.snapshot()
    kept = {name: tensor.clone() for name, tensor in snapshot.tensors.items()}
    step(state)
    state.extra["more"] = 1
    assert all(torch.equal(snapshot.tensors[name], tensor) for name, tensor in kept.items())
    assert "more" not in snapshot.plain["extra"]


def test_going_back_to_weights_leaves_time_and_random_numbers():
    state = a_state()
    snapshot = state.snapshot()
    step(state)
    rng = state.rng.get_state()
    state.restore_weights(snapshot)
    assert torch.equal(state.rng.get_state(), rng)
    assert state.step == 1
    assert all(torch.equal(tensor, snapshot.tensors[f"field.{name}"]) for name, tensor in weights(state).items())


def test_memory_that_is_not_enough_is_refused_at_once():
    with pytest.raises(InputError, match=r"this fit needs at least .* max_memory is 1,000"):
        a_state(max_memory=1000)
    assert a_state(max_memory=10 * 2**20)._part_points < a_state()._part_points


@pytest.mark.parametrize("wrong", [{"optimizer": "adma"}, {"schedule": "cosin"}])
def test_a_name_that_is_in_no_table_is_refused_with_the_nearest(wrong):
    with pytest.raises(UnknownName, match="did you mean"):
        a_state(**wrong)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_frozen_parameters_are_none_of_the_optimizers(optimizer):
    picture = tiny_picture(32, 32)
    field = FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0)
    first, *rest = field.parameters()
    first.requires_grad_(False)
    before = first.clone()
    state = FitState(field, represent(picture), Recipe(optimizer=optimizer, weight_decay=0.1, batch_size=64), 0)
    held = [p for group in state.optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in held} == {id(p) for p in rest}
    step(state)
    assert torch.equal(first, before)
    state.restore(state.snapshot())
    assert not first.requires_grad


def test_a_field_with_nothing_to_fit_is_refused():
    picture = tiny_picture(32, 32)
    field = FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0).requires_grad_(False)
    with pytest.raises(InputError, match="all of the field's parameters are frozen"):
        FitState(field, represent(picture), Recipe(), 0)
