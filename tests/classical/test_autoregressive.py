import torch

from ungrid.classical.autoregressive import autoregressive
from ungrid.metrics.audio import snr


def tones(n=3000, rate=8000):
    t = torch.arange(n, dtype=torch.float64) / rate
    return sum(torch.sin(2 * torch.pi * f * t + f) / k for k, f in enumerate((310.0, 617.0, 1210.0, 2011.0), start=1))


def test_tones_go_on_across_a_gap():
    sound = tones()
    known = torch.ones(3000, dtype=torch.bool)
    known[1400:1560] = False
    found = autoregressive(torch.where(known, sound, 9.0), known, order=64)
    assert torch.equal(found[known], sound[known])
    assert snr(found[~known, None], sound[~known, None]) > 30


def test_gaps_are_filled_together_and_nothing_lost_is_nothing_done():
    sound = tones()
    known = torch.rand(3000, generator=torch.Generator().manual_seed(0)) > 0.2
    found = autoregressive(sound, known, order=64)
    assert snr(found[~known, None], sound[~known, None]) > 30
    assert torch.equal(autoregressive(sound, torch.ones_like(known), order=64), sound)


def test_silence_stays_silent():
    known = torch.arange(200) // 50 != 1
    assert torch.equal(autoregressive(torch.zeros(200), known, order=8), torch.zeros(200))
