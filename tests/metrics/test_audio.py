import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.metrics.audio import log_spectral_distance, si_sdr, snr, sound_metrics, stft_distance


def sound(n=8000, c=1, seed=0):
    return torch.randn(n, c, generator=torch.Generator().manual_seed(seed))


def test_snr_of_a_tenth_of_the_amplitude_is_twenty_decibels():
    s = sound()
    assert math.isclose(snr(1.1 * s, s), 20, abs_tol=1e-4)
    assert snr(s, s) == math.inf


@pytest.mark.parametrize("gain", [0.1, 1.0, -3.0])
def test_si_sdr_is_the_ratio_to_what_is_orthogonal_whatever_the_gain(gain):
    s, e = sound(seed=0), sound(seed=1)
    e = e - (e * s).sum() / s.square().sum() * s
    e = e * (s.norm() / e.norm()) * 10 ** (-30 / 20)
    assert math.isclose(si_sdr(gain * (s + e), s), 30, abs_tol=1e-3)


def test_si_sdr_of_a_multiple_is_infinite_and_of_zeros_least():
    s = sound()
    assert si_sdr(2 * s, s) == math.inf
    assert si_sdr(0 * s, s) == -math.inf


@pytest.mark.parametrize("decibels", [1.0, -6.0])
def test_log_spectral_distance_of_a_gain_is_the_gain(decibels):
    s = sound(600_000, 2)
    assert math.isclose(log_spectral_distance(10 ** (decibels / 20) * s, s), abs(decibels), rel_tol=1e-3)


def test_log_spectral_distance_of_short_and_silent_sounds_is_a_number():
    assert log_spectral_distance(torch.zeros(5, 1), torch.zeros(5, 1)) == 0


def test_stft_distance_of_a_gain_is_its_difference_and_its_logarithm():
    s = sound(20_000)[:, 0].double()
    assert_close(stft_distance(0.5 * s, s), torch.tensor(0.5 + math.log(2), dtype=torch.float64), atol=1e-3, rtol=0)
    assert stft_distance(s, s) == 0


def test_stft_distance_has_a_gradient_and_takes_batches():
    s = sound(4096, 2).T.double()
    x = (s + 0.1 * sound(4096, 2, seed=1).T).requires_grad_(True)
    stft_distance(x, s).backward()
    assert x.grad.isfinite().all()
    assert x.grad.abs().max() > 0
    with pytest.raises(InputError, match="more than 1024 samples"):
        stft_distance(torch.zeros(1000), torch.zeros(1000))


def test_an_exact_match_has_no_infinity():
    measures = sound_metrics(sound(), sound())
    assert measures["psnr"] is measures["snr"] is measures["si_sdr"] is None
    assert measures["rmse"] == measures["max_abs_error"] == measures["log_spectral_distance"] == 0
