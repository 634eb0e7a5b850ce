import math

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.fields.record import Recipe
from ungrid.presets.auto import choose
from ungrid.presets.auto_volume import VOLUME_EFFORTS, schedule_volume
from ungrid.signals.volume import from_array


def blob(shape=(20, 22, 24), channels=1):
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in axes))
    values = np.where(radius < 0.6, 200 + 30 * axes[0], 10.0).astype(np.float32)
    return from_array(values if channels == 1 else np.stack([values, axes[1], axes[2]], axis=-1).astype(np.float32), spacing=1.5)


@pytest.mark.parametrize("effort", VOLUME_EFFORTS)
def test_parameters_stay_below_the_effort_s_share(effort):
    signal = blob((40, 40, 40))
    choice = choose(signal, effort)
    network = sum(p.numel() for p in choice.field.network.parameters())
    assert choice.field.n_params - network <= VOLUME_EFFORTS[effort].params_per_value * signal.values.numel()
    assert choice.from_spline
    assert "cubic spline" in choice.reason


@pytest.mark.parametrize(
    ("shape", "effort"), [((256, 256, 256), "balanced"), ((600, 600, 600), "balanced"), ((64, 64, 64), "best")]
)
def test_a_volume_of_any_size_sees_a_bounded_number_of_samples(shape, effort):
    recipe = schedule_volume(Recipe(), math.prod(shape), effort)
    assert recipe.steps * recipe.batch_size <= 1.01 * VOLUME_EFFORTS[effort].most_seen


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
