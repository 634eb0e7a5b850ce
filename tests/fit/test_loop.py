import pytest
import torch

from ungrid.errors import InputError, Interrupted
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Callback
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.tasks.represent import represent
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import tiny_picture


class Log(Callback):
    """Writes down what it is told."""

    def __init__(self, fail=None):
        self.told, self.fail = [], fail

    def begin(self, state):
        self.told.append("begin")
        if self.fail == "begin":
            raise InputError("no")

    def __call__(self, state, losses):
        self.told.append((state.step, state.progress, sorted(losses)))
        if self.fail == state.step:
            raise KeyboardInterrupt

    def end(self, state):
        self.told.append("end")


def a_state(seed=0, **recipe):
    picture = tiny_picture()
    field = FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0)
    return FitState(field, represent(picture), Recipe(**({"learning_rate": 1e-3, "batch_size": 32} | recipe)), seed)


def test_a_fit_takes_its_steps_and_says_what_ended_it():
    log = Log()
    state = run(a_state(), Budget(4), [log])
    assert (state.step, state.stopped_by, state.progress) == (4, "steps", 1.0)
    assert log.told == ["begin", *[(i + 1, i / 4, ["misfit"]) for i in range(4)], "end"]


def test_a_fit_of_no_steps_changes_nothing():
    state = a_state()
    before = [p.detach().clone() for p in state.field.parameters()]
    run(state, Budget(0))
    assert all(map(torch.equal, state.field.parameters(), before))
    assert state.stopped_by == "steps"


def test_a_fit_ends_when_its_seconds_are_over():
    state = run(a_state(), Budget(10**9, max_seconds=0.05))
    assert state.stopped_by == "max_seconds"
    assert 0.05 <= state.seconds < 1


def test_whatever_comes_first_ends_the_fit():
    assert run(a_state(), Budget(2, max_seconds=100.0)).stopped_by == "steps"


def test_a_callback_can_stop_the_fit():
    class Stop(Callback):
        def __call__(self, state, losses):
            state.stopped_by = "enough" if state.step == 3 else None

    assert run(a_state(), Budget(9), [Stop()]).step == 3


def test_ctrl_c_ends_the_fit_as_interrupted_and_every_callback_hears_of_the_end():
    log, other = Log(fail=3), Log()
    with pytest.raises(Interrupted, match="interrupted at step 3"):
        run(a_state(), Budget(9), [other, log])
    assert log.told[-1] == other.told[-1] == "end"


def test_callbacks_that_have_begun_are_ended_when_a_later_one_cannot_begin():
    first, second, third = Log(), Log(fail="begin"), Log()
    with pytest.raises(InputError):
        run(a_state(), Budget(9), [first, second, third])
    assert (first.told, second.told, third.told) == (["begin", "end"], ["begin"], [])


@pytest.mark.parametrize("wrong", [{}, {"steps": -1}, {"max_seconds": 0.0}, {"steps": 1, "max_seconds": float("nan")}])
def test_a_budget_that_is_none_is_refused(wrong):
    with pytest.raises(InputError):
        Budget(**wrong)


def test_the_same_seed_takes_the_same_path_and_another_seed_another():
    def fitted(seed):
        return torch.cat([p.detach().flatten() for p in run(a_state(seed), Budget(9)).field.parameters()])

    assert torch.equal(fitted(3), fitted(3))
    assert not torch.equal(fitted(3), fitted(4))


def test_lbfgs_fits_a_full_batch_in_few_steps():
    state = a_state(optimizer="lbfgs", learning_rate=1.0, batch_size=None)
    term = state.problem.terms[0]
    batch = term.sample(state.rng, state.field, None)
    before = term(state.field, batch).item()
    run(state, Budget(5))
    assert term(state.field, batch).item() < 0.1 * before


def test_seconds_may_be_those_of_another_clock():
    ticks = iter(range(100))
    state = run(a_state(), Budget(max_seconds=10.0, clock=lambda: float(next(ticks))))
    assert state.stopped_by == "max_seconds"
    assert state.step == 10
    assert state.seconds == 10.0
