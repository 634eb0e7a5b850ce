import dataclasses
import json

import pytest
import torch

from ungrid.errors import Diverged, InputError, TargetNotMet, UnknownName
from ungrid.fields.storage import load_field, save_field
from ungrid.fit.callbacks import Callback
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.fitting import carry_out, check_target, choose_device, identity
from ungrid.presets.plan import plan_signal
from ungrid.testing.contracts import known_parts
from ungrid.testing.toys import tiny_picture


@pytest.fixture(autouse=True)
def _as_for_a_user(unchecked_types):
    """Fits of many steps, at their own speed."""


def fitted(signal=None, limits=None, *, preset="fast", callbacks=(), seed=0, max_memory=None):
    plan = plan_signal(signal or tiny_picture(), preset, seed=seed)
    limits = limits or Limits(steps=5)
    return carry_out(plan, limits, seed=seed, device="cpu", guard=Guard(), callbacks=callbacks, max_memory=max_memory)


def test_a_fitted_field_knows_what_was_done_and_how_good_it_is():
    field = fitted()
    assert {"psnr", "ssim", "max_abs_error"} <= set(field.metrics["quality"])
    assert field.metrics["heldout"]["n_samples"] == 1
    settings = field.record.fit
    assert (settings["steps"], settings["seed"], settings["stopped_by"], settings["device"]) == (5, 0, "steps", "cpu")
    assert settings["preset"] == "fast"
    assert not field.training
    json.dumps(dataclasses.asdict(dataclasses.replace(field.record, blobs={})), allow_nan=False)


def test_what_is_measured_is_what_the_file_holds(tmp_path):
    picture = tiny_picture()
    field = fitted(picture)
    assert field.record.stored == "float16"
    save_field(field, tmp_path / "a.ung", version="0")
    loaded = load_field(tmp_path / "a.ung", known_parts())
    assert torch.equal(loaded.sample(picture.grid), field.sample(picture.grid))
    assert loaded.record == field.record


def test_a_picture_that_is_matched_exactly_can_be_saved(tmp_path):
    picture = tiny_picture()
    white = picture.with_values(torch.ones_like(picture.values))
    plan = plan_signal(white, "fast")
    plan.field.value_offset = (100.0,)  # beyond white, so that what is shown is white exactly
    field = carry_out(plan, Limits(steps=1), seed=0, device="cpu", guard=Guard())
    assert field.metrics["quality"]["psnr"] is None
    save_field(field, tmp_path / "a.ung", version="0")
    assert load_field(tmp_path / "a.ung", known_parts()).metrics == field.metrics


def test_a_fit_without_a_limit_takes_the_recipes_steps():
    plan = plan_signal(tiny_picture(), "fast")
    plan.field.recipe = dataclasses.replace(plan.field.recipe, steps=3)
    assert carry_out(plan, Limits(), seed=0, device="cpu", guard=Guard()).record.fit["steps"] == 3


def test_seconds_alone_are_the_whole_budget():
    field = fitted(limits=Limits(max_seconds=0.05))
    assert field.record.fit["stopped_by"] == "max_seconds"


def test_a_target_that_is_missed_is_an_error_with_the_field():
    field = fitted()
    with pytest.raises(TargetNotMet, match=r"reached \d+\.\d\d dB of the 99 dB asked for; allow more") as caught:
        check_target(field, 99.0)
    assert caught.value.field is field
    check_target(field, None)
    check_target(field, -100.0)


def test_callers_callbacks_are_told_first():
    seen = []

    class Watch(Callback):
        def end(self, state):
            seen.append("heldout" in state.extra)

    fitted(limits=Limits(steps=2), callbacks=[Watch()])  # too few for the held-out samples to be measured on the way
    assert seen == [False]


def test_devices_are_chosen_by_name():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(UnknownName, match="no device is called 'gpu'"):
        choose_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="use --device cpu"):
            choose_device("cuda")


def test_an_identity_tells_fits_apart():
    def of(signal=None, *, preset="fast", seed=0, steps=5):
        signal = signal or tiny_picture()
        plan = plan_signal(signal, preset, seed=seed)
        return identity(plan, Limits(steps=steps), seed=seed, device="cpu", signal=signal)

    base = of()
    assert of() == base
    assert json.loads(json.dumps(base)) == base
    picture = tiny_picture()
    for other in (of(preset="balanced"), of(seed=1), of(steps=6), of(picture.with_values(1 - picture.values))):
        assert other != base


def test_too_little_memory_is_refused():
    with pytest.raises(InputError, match="max_memory is 1,000"):
        fitted(max_memory=1000)


def test_a_fit_whose_loss_is_never_a_number_diverges():
    plan = plan_signal(tiny_picture(), "fast")
    plan.problem.terms[0].loss = lambda prediction, target: prediction.sum() * float("nan")
    with pytest.raises(Diverged):
        carry_out(plan, Limits(steps=50), seed=0, device="cpu", guard=Guard())
