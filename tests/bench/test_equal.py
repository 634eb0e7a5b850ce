import pytest
import torch

from ungrid.bench.equal import MODELS, MOST_BATCH, Terms, fit_equal, left_out
from ungrid.presets.table import PUBLISHED
from ungrid.testing.toys import tiny_picture

PICTURE = tiny_picture(24, 32)
SHORT = Terms(n_params=8_000, seconds=0.05)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_can_be_compared(name):
    row = fit_equal(name, PICTURE, SHORT)
    assert row["steps"] >= 1
    assert row["batch_size"] <= MOST_BATCH
    assert row["train_psnr"] is not None
    assert row["heldout_psnr"] is not None


def test_the_seconds_are_kept_to_a_step():
    row = fit_equal("dense_grid", PICTURE, Terms(n_params=8_000, seconds=0.3))
    assert 0.3 <= row["cpu_seconds"] < 0.5


def test_a_tenth_is_left_out_the_same_for_all_and_another_for_each_seed():
    known = left_out(tiny_picture(100, 100), 0.1, 3)
    assert float(known.float().mean()) == pytest.approx(0.9, abs=0.02)
    assert torch.equal(known, left_out(tiny_picture(100, 100), 0.1, 3))
    assert not torch.equal(known, left_out(tiny_picture(100, 100), 0.1, 4))


def test_the_rate_is_the_published_one_times_the_factor():
    published = PUBLISHED["siren"](PICTURE.box, 3).recipe.learning_rate
    assert fit_equal("siren", PICTURE, SHORT, rate_factor=4.0)["learning_rate"] == 4 * published


def test_what_is_left_out_is_never_seen():
    changed = PICTURE.with_values(torch.where(left_out(PICTURE, 0.1, 0)[..., None], PICTURE.values, torch.rand(24, 32, 3)))
    rows = [fit_equal("dense_grid", signal, Terms(8_000, 1.0)) for signal in (PICTURE, changed)]
    assert rows[0]["heldout_psnr"] > rows[1]["heldout_psnr"] + 6  # noise that could only be remembered
    assert rows[1]["train_psnr"] > 25


def test_a_fit_that_diverges_says_so():
    row = fit_equal("siren", PICTURE, Terms(8_000, 0.5), rate_factor=1e30)
    assert row["note"] == "diverged"
    assert row["train_psnr"] is row["heldout_psnr"] is None
