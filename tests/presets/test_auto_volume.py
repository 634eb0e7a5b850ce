import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.presets.auto import choose
from ungrid.presets.auto_volume import VOLUME_EFFORTS, completed
from ungrid.presets.plan import plan_signal
from ungrid.signals.volume import from_array


def blob(shape=(20, 22, 24), channels=1):
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in axes))
    values = np.where(radius < 0.6, 200 + 30 * axes[0], 10.0).astype(np.float32)
    return from_array(values if channels == 1 else np.stack([values, axes[1], axes[2]], axis=-1).astype(np.float32), spacing=1.5)


@pytest.mark.parametrize("effort", VOLUME_EFFORTS)
def test_parameters_stay_below_the_effort_s_share(effort):
    noise = from_array(np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32))
    choice = choose(noise, effort)
    share = choice.field.n_params / noise.values.numel()
    assert 0.9 * VOLUME_EFFORTS[effort].params_per_value < share <= VOLUME_EFFORTS[effort].params_per_value
    assert "cubic spline" in choice.reason


def test_a_volume_that_is_mostly_empty_takes_few_parameters():
    array = np.zeros((40, 40, 40), dtype=np.float32)
    array[4:16, 4:16, 4:16] = np.random.default_rng(0).normal(size=(12, 12, 12))
    choice = choose(from_array(array))
    assert choice.field.n_params < 0.2 * array.size


def test_the_psnr_that_is_promised_is_reached():
    field = ug.fit(blob((40, 40, 40)), callbacks=[])
    promised = float(field.record.fit["reason"].rsplit("about ", 1)[1].split()[0])
    assert abs(field.metrics["quality"]["psnr"] - promised) < 2.5
    assert promised == 60


def test_without_a_step_the_field_is_its_spline_with_what_was_held_out():
    field = ug.fit(blob((40, 40, 40)), steps=0, callbacks=[])
    assert field.metrics["quality"]["psnr"] > 50
    assert field.metrics["heldout"]["psnr"] < 40  # in the edge, as its neighbors have it


def test_the_seed_changes_nothing_but_what_is_held_out():
    signal = from_array(np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32))
    kept = [completed(signal, seed) == signal.values for seed in (0, 1)]
    assert [int((~each).sum()) for each in kept] == [80, 80]
    assert not torch.equal(*kept)


def test_what_is_not_known_is_completed_smoothly():
    array = blob().values[..., 0].numpy().copy()
    array[5:9, 5:9, 5:9] = np.nan
    values = completed(from_array(array), 0)[4:10, 4:10, 4:10]
    assert float(values.min()) >= 10  # as what is around it
    assert float(values.max()) < 250
    assert float(values.diff(dim=0).abs().max()) < 191  # of the volume's edge: the gap has none of its own


def test_one_call_fits_a_volume_with_a_sharp_edge():
    field = ug.fit(blob(), steps=150, callbacks=[])
    assert field.metrics["quality"]["psnr"] > 32
    assert field.record.kind == "volume"


def test_vectors_are_fitted_each_in_their_own_range():
    field = ug.fit(blob(channels=3), steps=40, callbacks=[])
    values, truth = field.sample(field.grid()), blob(channels=3).values
    for channel in range(3):
        error = (values - truth)[..., channel].square().mean().sqrt()
        assert float(error / truth[..., channel].std()) < 0.3


def test_a_volume_with_gaps_is_fitted_to_what_is_known():
    array = blob().values[..., 0].numpy().copy()
    array[5:9, 5:9, 5:9] = np.nan
    signal = from_array(array)
    choice = choose(signal)
    assert choice.estimates == "none"
    field = ug.fit(signal, steps=40, callbacks=[])
    assert bool(torch.isfinite(field.sample(field.grid())).all())
    assert field.metrics["quality"]["psnr"] > 25


def test_a_volume_that_changes_is_fitted_over_four_axes():
    array = np.stack([blob().values[..., 0].numpy() * share for share in (1.0, 0.8)])
    field = ug.fit(from_array(np.repeat(array, 3, axis=0)), steps=10, callbacks=[])
    assert field.box.axes == ("t", "z", "y", "x")
    assert field.metrics["quality"]["psnr"] > 20


def test_the_file_is_sized_to_the_bytes_that_are_allowed(tmp_path):
    field = ug.fit(blob(), steps=2, max_bytes=20_000, callbacks=[])
    field.save(tmp_path / "v.ung")
    assert (tmp_path / "v.ung").stat().st_size <= 20_000
    with pytest.raises(InputError, match="needs at least"):
        ug.fit(blob(), steps=2, max_bytes=500, callbacks=[])


def test_a_volume_that_does_not_fit_into_memory_is_refused():
    with pytest.raises(InputError, match="allow more, or say --preset dense_grid"):
        plan_signal(blob(), max_memory=600_000)
    assert plan_signal(blob(), max_memory=700_000).field.recipe.order == "whole"
