import math

import pytest
import torch

from ungrid.errors import Diverged
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Callback
from ungrid.fit.guard import MAX_ROLLBACKS, Guard
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.tasks.represent import represent
from ungrid.terms.regression import squared_error
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import tiny_picture


@pytest.fixture(autouse=True)
def _as_for_a_user(unchecked_types):
    """Fits of many steps, at their own speed."""


class Failing:
    """Squared error that turns into something else at some calls."""

    def __init__(self, at, factor=math.nan):
        self.at, self.factor, self.calls = set(at), factor, 0

    def __call__(self, prediction, target):
        self.calls += 1
        return squared_error(prediction, target) * (self.factor if self.calls - 1 in self.at else 1.0)


def a_state(loss=squared_error, learning_rate=1e-3):
    picture = tiny_picture()
    field = FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0)
    return FitState(field, represent(picture, loss=loss), Recipe(learning_rate=learning_rate, batch_size=32), 0)


@pytest.mark.parametrize("factor", [math.nan, math.inf, 1e6])
def test_a_loss_that_explodes_sends_the_fit_back_at_half_the_rate(factor):
    state = run(a_state(Failing([7], factor)), Budget(20), guard=Guard(every=5))
    assert state.step == 20
    assert state.rate_factor == 0.5
    assert all(bool(torch.isfinite(p).all()) for p in state.field.parameters())
    (note,) = state.notes
    assert note.startswith("step 7: the loss rose to")
    assert "went back to step 5, learning rate × 0.5" in note


def test_the_weights_go_back_to_the_last_snapshot():
    guard, state = Guard(every=5), a_state(Failing([7]))
    seen = {}

    class Watch(Callback):
        def __call__(self, state, losses):
            seen[state.step] = [p.detach().clone() for p in state.field.parameters()]

    run(state, Budget(8), [Watch()], guard)
    assert all(map(torch.equal, state.field.parameters(), seen[5]))
    assert 8 not in seen  # nobody is told of a step that was taken back


def test_a_fit_that_stays_unstable_is_given_up():
    with pytest.raises(
        Diverged, match=rf"the loss is nan at step 13 after {MAX_ROLLBACKS} rollbacks.*choose a lower learning rate"
    ):
        run(a_state(Failing(range(5, 100))), Budget(100), guard=Guard(every=2))


def test_weights_that_are_not_finite_never_become_a_snapshot():
    state, guard = a_state(), Guard(every=3)

    class Poison(Callback):
        def __call__(self, state, losses):
            if state.step == 2:
                state.field.network.layers[0].bias.data[0] = math.nan

    run(state, Budget(6), [Poison()], guard)
    assert all(bool(torch.isfinite(t).all()) for name, t in guard.last.tensors.items() if name.startswith("field."))
    assert state.rate_factor == 0.5


def test_a_steady_fit_is_left_alone():
    state = run(a_state(), Budget(30), guard=Guard(every=7))
    assert state.rate_factor == 1.0
    assert state.notes == []


def test_snapshots_are_taken_at_fixed_steps():
    guard = Guard(every=4)
    run(a_state(), Budget(11), guard=guard)
    assert guard.last.plain["step"] == 8
