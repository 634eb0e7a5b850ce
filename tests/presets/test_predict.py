import dataclasses
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from ungrid.fields.storage import file_bytes
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.fitting import carry_out, expected
from ungrid.kernels.native_library import describe
from ungrid.presets.auto import choose
from ungrid.presets.plan import plan_signal
from ungrid.presets.predict import COSTS, Machine, Prediction, calibration_path, detail, predict
from ungrid.signals.image import from_array, read_picture
from ungrid.signals.phantoms import zone_plate
from ungrid.signals.sample import sample_photo
from ungrid.testing.toys import tiny_picture

ROUND = Machine(step=1e-3, parameter=1e-9, point=1e-6, cubic=1e-7, solved=1e-6, measured=1e-7, origin="calibrated")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache folder; the path of the calibration file in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return tmp_path / "ungrid" / "calibration.json"


def predicted(signal, effort="balanced", machine=ROUND):
    choice = choose(signal, effort)
    return predict(signal, choice.field, choice.stored, choice.estimates, machine)


def noise(*shape):
    return from_array(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8))


@pytest.mark.parametrize("effort", ["fast", "balanced", "siren"])
def test_bytes_are_those_that_the_storage_counts(effort):
    picture = dataclasses.replace(tiny_picture(40, 48), blobs={"icc": bytes(700)})
    plan = plan_signal(picture, effort)
    assert plan.predicted.bytes == file_bytes(plan.field, plan.stored)
    assert plan.predicted.bytes > plan.field.n_params * 2 + 700


def test_seconds_are_estimating_and_steps_and_measuring():
    picture = tiny_picture(64, 64)
    field = choose(picture).field
    loop = field.recipe.steps * (1e-3 + 1e-9 * field.n_params + 1e-6 * field.recipe.batch_size)
    between = 127 * 127 - 64 * 64
    looks = 127 * 127 * 1e-6
    assert predicted(picture).seconds == pytest.approx(3 * between * 1e-6 + loop + looks + 64 * 64 * 3 * 1e-7)
    assert predicted(picture).course.estimating == pytest.approx(3 * between * 1e-6)
    assert predicted(picture, "fast").course.estimating == 0, "it takes the samples alone"
    by_cubic = predict(picture, field, "float16", "cubic", ROUND)
    assert by_cubic.course.estimating == pytest.approx(3 * between * 1e-7)


def test_what_a_mask_leaves_out_is_solved_for_too_and_no_psnr_is_promised():
    picture, choice = tiny_picture(64, 64), choose(tiny_picture(64, 64))
    masked = predict(picture, choice.field, "float16", "between", ROUND, n_known=1000)
    assert masked.course.estimating == pytest.approx(3e-6 * (127 * 127 - 1000))
    assert masked.psnr is None


def test_a_published_setting_has_bytes_alone():
    plan = plan_signal(tiny_picture(40, 40), "siren")
    assert (plan.predicted.seconds, plan.predicted.psnr) == (None, None)
    assert plan.predicted.within(3, 0.5) is plan.predicted


def test_seconds_follow_the_limits_and_psnr_follows_steps_while_they_are_near():
    whole = predicted(zone_plate(64, cycles=0.1))
    steps = whole.course.steps
    half, few = whole.within(steps // 2, None), whole.within(10, None)
    assert whole.within(None, None) == whole
    assert half.seconds == pytest.approx(whole.seconds - (steps - steps // 2) * whole.course.step)
    assert whole.psnr - 3 < half.psnr < whole.psnr
    assert few.psnr is None
    rest = whole.seconds - steps * whole.course.step
    assert whole.within(None, 0.5).seconds == pytest.approx(rest + 0.5, abs=whole.course.step)
    assert whole.within(10, 1e6).course.steps == 10
    assert whole.within(None, None, device="cuda").seconds is None


def test_flat_is_easier_than_a_zone_plate_and_that_easier_than_noise():
    flat = from_array(np.full((96, 96, 3), 130, dtype=np.uint8))
    psnr = [predicted(s).psnr for s in (flat, zone_plate(96, cycles=0.1), zone_plate(96, cycles=0.25), noise(96, 96, 3))]
    assert psnr == sorted(psnr, reverse=True)
    assert psnr[0] > 70
    assert 8 < psnr[-1] < 20


def test_more_effort_promises_more():
    picture = read_picture(sample_photo())
    assert predicted(picture, "fast").psnr < predicted(picture, "balanced").psnr < predicted(picture, "best").psnr


def test_psnr_is_that_of_the_sample_photograph_within_3_db(unchecked_types):
    cells = read_picture(sample_photo()).values[:, :450].unflatten(1, (225, 2)).unflatten(0, (150, 2))
    picture = from_array((255 * cells.mean(dim=(1, 3))).round().byte().numpy())
    plan, limits = plan_signal(picture, "fast"), Limits()
    field = carry_out(plan, limits, seed=0, device="cpu", guard=Guard())
    assert field.metrics["quality"]["psnr"] == pytest.approx(expected(plan, limits, "cpu").psnr, abs=3)
    assert field.record.fit["predicted"] == expected(plan, limits, "cpu").plain()


def test_psnr_of_floating_values_is_at_peak_1():
    picture = zone_plate(64, cycles=0.1)
    bright = dataclasses.replace(picture, values=100 * picture.values, source={"sample_format": "float"})
    assert predicted(bright).psnr == pytest.approx(predicted(picture).psnr - 40, abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 1), (3, 4000, 4), (31, 31, 3)])
def test_of_a_few_pixels_no_psnr_is_promised(shape):
    assert predicted(noise(*shape)).psnr is None


def test_values_that_are_not_finite_are_no_error():
    values = zone_plate(64, cycles=0.1).values.clone()
    values[3, 3] = math.nan
    picture = dataclasses.replace(zone_plate(64, cycles=0.1), values=values)
    assert predicted(picture).psnr is None


def test_channels_that_are_alike_count_once():
    gray = torch.rand(64, 64, 1, generator=torch.Generator().manual_seed(0))
    assert detail(gray).independent == pytest.approx(1)
    assert detail(gray.expand(-1, -1, 3)).independent == pytest.approx(1)
    assert detail(noise(64, 64, 3).values).independent == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("shape", [(1200, 1000), (40, 60_000), (3000, 33)])
def test_a_few_windows_stand_for_a_large_picture(shape, unchecked_types):
    values = torch.rand(*shape, 1, generator=torch.Generator().manual_seed(0))
    start = time.process_time()
    measured = detail(values)
    assert time.process_time() - start < 0.5
    assert measured == detail(values)
    assert measured.spread == pytest.approx(-10 * math.log10(1 / 12), abs=0.05)


def test_a_calibration_comes_back(cache):
    assert Machine.here() == Machine()
    assert "not calibrated: ungrid doctor --calibrate" in Machine.here().origin
    assert ROUND.save() == cache
    assert Machine.here() == ROUND
    saved = json.loads(cache.read_text())
    assert (set(saved["machine"]), saved["threads"], saved["kernels"]) == (set(COSTS), torch.get_num_threads(), describe())
    assert [path.name for path in cache.parent.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize("change", [{"threads": 77}, {"kernels": "others"}])
def test_a_calibration_with_other_threads_or_kernels_is_ignored(cache, change):
    ROUND.save()
    cache.write_text(json.dumps(json.loads(cache.read_text()) | change))
    assert Machine.here().costs() == Machine().costs()
    assert "other threads or kernels" in Machine.here().origin


COSTS_OF_TEXT = dict.fromkeys(COSTS, "fast")
NEGATIVE = dict.fromkeys(COSTS, -1.0)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "\x00", "[" * 100_000, json.dumps({"machine": COSTS_OF_TEXT}), json.dumps({"machine": NEGATIVE})],
    ids=["empty", "cut off", "a list", "nothing in it", "binary", "deep", "text", "negative"],
)
def test_a_broken_calibration_is_ignored_and_said(cache, text):
    cache.parent.mkdir()
    cache.write_text(text)
    machine = Machine.here()
    assert machine.costs() == Machine().costs()
    assert machine.origin == f"{cache} is broken and ignored: ungrid doctor --calibrate"


def test_the_calibration_lies_in_the_users_cache(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert calibration_path() == Path.home() / ".cache" / "ungrid" / "calibration.json"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert calibration_path() == Path("/local/ungrid/calibration.json")


def test_what_comes_out_otherwise_is_noted():
    promise = Prediction(10.0, 1000, 30.0, origin="calibrated")
    assert promise.misses(19.0, 32.9) == promise.misses(5.1, 27.1) == promise.misses(10.0, None) == []
    assert promise.misses(21.0, 30.0) == ["took 21 s where 10 s were expected (calibrated)"]
    assert promise.misses(10.0, 33.5) == ["reached 33.5 dB where 30.0 dB were expected"]
    assert Prediction(0.01, 1000, None).misses(4.9, 50.0) == [], "a few seconds are no matter"


def test_it_is_said_in_a_line():
    assert Prediction(2.1, 1_650_000, 38.0, origin="calibrated").describe() == "expects about 2.1 s, 1.65 MB, 38 dB (calibrated)"
    assert Prediction(None, 4500, None, origin="calibrated").describe() == "expects about 4.5 kB"


def test_a_problem_that_is_given_has_no_prediction():
    plan = dataclasses.replace(plan_signal(tiny_picture(), "fast"), predicted=None)
    assert expected(plan, Limits(steps=1), "cpu") is None
    assert "predicted" not in carry_out(plan, Limits(steps=1), seed=0, device="cpu", guard=Guard()).record.fit
