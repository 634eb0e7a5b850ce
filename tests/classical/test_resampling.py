import math

import torch

from ungrid.classical.resampling import replicated, resampled
from ungrid.metrics.audio import snr


def tone(hertz, rate, n):
    return torch.sin(2 * math.pi * hertz * (torch.arange(n, dtype=torch.float64) + 0.5) / rate)[:, None]


def test_a_tone_in_the_band_is_the_same_at_any_rate():
    inside = slice(400, -400)
    for ratio in (2.0, 0.5, 1.5):
        n = round(4000 * ratio)
        found = resampled(tone(900.0, 8000, 4000), ratio, n)
        assert snr(found[inside], tone(900.0, 8000 * ratio, n)[inside]) > 80


def test_nothing_is_above_the_lower_rates_half():
    up = torch.fft.rfft(resampled(tone(3000.0, 8000, 4000), 2.0, 8000)[1000:-1000, 0] * torch.hann_window(6000)).abs()
    assert up[6000 * 5000 // 16000 :].max() < 1e-4 * up.max()
    assert resampled(tone(3000.0, 8000, 4000), 0.5, 2000)[200:-200].abs().max() < 1e-3


def test_copies_are_above_the_edge_and_weaker():
    sound = resampled(torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)), 2.0, 8000)
    found = replicated(sound, 4000.0, 16000.0)
    before, after = (torch.fft.rfft(values[:, 0]).abs().square() for values in (sound, found))
    low, high = slice(0, 1600), slice(2200, 3800)  # 0 … 3,200 Hz, 4,400 … 7,600 Hz
    assert before[high].mean() < 1e-4 * before[low].mean()
    assert 0.01 < after[high].mean() / after[low].mean() < 1
    assert torch.allclose(after[low], before[low], rtol=0.05, atol=float(before[low].mean()) * 0.01)
