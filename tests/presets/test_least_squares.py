import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.metrics.error import psnr
from ungrid.presets.least_squares import begin_at_spline, spline_field
from ungrid.presets.published import siren
from ungrid.signals.volume import from_array


def waves(n=20, channels=1):
    z, y, x = np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij")
    both = [np.sin(5 * z) * np.cos(4 * y) + x, 100 * y * x + 7]
    return from_array(np.stack(both[:channels], axis=-1).astype(np.float32))


def begun(signal, unseen=None, share=0.5):
    ranges = ((-1.0, 1.0), (0.0, 50.0))[: signal.out_dim]
    field = spline_field(signal.box, signal.out_dim, shape=signal.grid.shape, params_per_value=share, value_ranges=ranges)
    begin_at_spline(field, signal, unseen)
    return field


@pytest.mark.parametrize("channels", [1, 2])
def test_a_smooth_volume_is_there_before_the_first_step(channels):
    signal = waves(channels=channels)
    field = begun(signal)
    assert field.n_params < 0.8 * signal.values.numel()
    for channel in range(channels):
        truth = signal.values[..., channel]
        assert psnr(field.sample(signal.grid)[..., channel], truth, peak=float(truth.max() - truth.min())) > 60


def test_what_is_not_seen_is_filled_and_not_looked_at():
    signal = waves()
    unseen = torch.rand(signal.grid.shape, generator=torch.Generator().manual_seed(0)) < 0.02
    spoiled = signal.with_values(torch.where(unseen[..., None], 1e6, signal.values))
    found = begun(spoiled, unseen).sample(signal.grid)
    assert_close(found, begun(signal, unseen).sample(signal.grid))
    assert float((found - signal.values)[unseen].abs().max()) < 0.2


def test_its_weights_are_of_the_values_size_up_to_the_corners():
    noise = from_array(np.random.default_rng(0).normal(size=(16, 16, 16)).astype(np.float32))
    field = begun(noise)
    assert (
        float(field.encoding.levels[-1].detach().abs().max()) < 10_000
    )  # 1,489, and without stiff ends beyond what float16 holds


def test_the_argument_s_values_stay_as_they_are():
    signal = waves()
    before = signal.values.clone()
    begun(signal, torch.ones(signal.grid.shape, dtype=torch.bool).tril())
    assert torch.equal(signal.values, before)


def test_another_field_has_no_spline_to_begin_at():
    signal = waves()
    with pytest.raises(InputError, match="spline_field"):
        begin_at_spline(siren(signal.box, 1, width=8, depth=1), signal)
