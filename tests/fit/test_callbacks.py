import math

import pytest
import torch

from ungrid.encodings.combine import CoarseToFine
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import GIVE_BACK_AT, Anneal, Callback, HeldOut, Monitor
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.tasks.represent import represent
from ungrid.testing.examples import encoded_field
from ungrid.testing.toys import tiny_picture


def a_state(encoding=None, heldout=0.1, **recipe):
    picture = tiny_picture()
    field = encoded_field(encoding or FourierFeatures(2, 8, bandwidth=0.5), 3, box=picture.box)
    return FitState(field, represent(picture, heldout=heldout), Recipe(**({"learning_rate": 1e-2, "batch_size": 32} | recipe)), 0)


class Watch(Callback):
    """Keeps every query that the fit sees, by step."""

    def __init__(self):
        self.seen = {}

    def begin(self, state):
        term = state.problem.terms[0]
        sample = term.sample
        term.sample = lambda rng, field, size: self.seen.setdefault(state.step, sample(rng, field, size))


def test_the_held_out_samples_are_measured_unseen_and_then_given_back():
    state, watch, measured = a_state(), Watch(), []
    sampler = state.problem.terms[0].sampler
    unseen = {tuple(q) for q in sampler.observations.gather(sampler.withheld).query.tolist()}
    heldout = state.problem.judge.heldout
    state.problem.judge.heldout = lambda field: measured.append(state.step) or heldout(field)
    run(state, Budget(40), [watch, HeldOut()])
    (at,) = measured
    assert at == pytest.approx(GIVE_BACK_AT * 40, abs=1)
    drawn = {step: {tuple(q) for q in batch.query.tolist()} for step, batch in watch.seen.items()}
    assert not any(drawn[step] & unseen for step in range(at))
    assert any(drawn[step] & unseen for step in range(at, 40))
    assert state.extra["heldout"]["n_samples"] == len(unseen) == 19
    assert math.isfinite(state.extra["heldout"]["psnr"])


def test_a_fit_that_ends_early_is_measured_at_its_end():
    state = a_state()

    class Stop(Callback):
        def __call__(self, state, losses):
            state.stopped_by = "enough"

    run(state, Budget(40), [HeldOut(), Stop()])
    assert "psnr" in state.extra["heldout"]


def test_nothing_is_measured_where_nothing_is_held_out():
    state = run(a_state(heldout=0.0), Budget(3), [HeldOut()])
    assert state.extra["heldout"] is None


def test_a_target_stops_the_fit_and_is_confirmed_on_everything():
    state = a_state()
    run(state, Budget(3000), [HeldOut(), Monitor(0.0, target_psnr=13.0)])
    assert state.stopped_by == "target_psnr"
    assert state.problem.judge.quality(state.field)["psnr"] >= 13
    assert "heldout" in state.extra


def test_a_target_that_is_not_confirmed_does_not_stop():
    state = a_state()
    state.problem.judge.quality = lambda field: {"psnr": -200.0}
    run(state, Budget(5), [Monitor(0.0, target_psnr=-100.0)])
    assert state.stopped_by == "steps"


def test_the_monitor_keeps_a_curve():
    state = run(a_state(), Budget(5), [Monitor(0.0)])
    assert [step for step, _, _ in state.extra["curve"]] == [1, 2, 3, 4, 5]
    assert state.extra["curve"][-1][2] == round(state.psnr, 3)


def test_an_exact_match_has_no_number_in_the_curve():
    state = a_state()
    state.problem.judge.monitor = lambda field: math.inf
    run(state, Budget(2), [Monitor(0.0)])
    assert [psnr for *_, psnr in state.extra["curve"]] == [None, None]


def test_annealing_opens_an_encoding_over_the_fit_and_leaves_it_open():
    encoding = CoarseToFine(FourierFeatures(2, 8), 0.0, 0.5)
    seen = []

    class Note(Callback):
        def __call__(self, state, losses):
            seen.append(encoding.progress.item())

    state = run(a_state(encoding), Budget(4), [Anneal(), Note()])
    assert seen == [0.0, 0.25, 0.5, 0.75]
    assert state.field.encoding.progress.item() == 1.0
    assert torch.equal(encoding.mask(), torch.ones(16))


def test_parts_at_rest_are_not_annealed():
    state = a_state(CoarseToFine(FourierFeatures(2, 4, bandwidth=2.0), 0.2, 0.8))
    state.field.encoding.eval()
    Anneal().begin(state)
    assert float(state.field.encoding.progress) == 1.0
    state.field.encoding.train()
    Anneal().begin(state)
    assert float(state.field.encoding.progress) == 0.0
