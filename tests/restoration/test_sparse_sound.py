import math

import torch

from ungrid.metrics.audio import snr
from ungrid.restoration.sparse_sound import sparse_sound


def tones(n=4000, rate=8000):
    t = torch.arange(n) / rate
    return sum(torch.sin(2 * torch.pi * f * t + f) / k for k, f in enumerate((310.0, 617.0, 1210.0), start=1))


def test_clipped_tones_come_back():
    sound = tones()
    clipped = sound.clamp(-0.6, 0.6)
    lower = clipped.masked_fill(clipped <= -0.6, -math.inf)
    upper = clipped.masked_fill(clipped >= 0.6, math.inf)
    found = sparse_sound(clipped, lower, upper, 512).values
    before, after = (snr(values[:, None], sound[:, None]) for values in (clipped, found))
    assert after > before + 10
    assert bool((found >= lower).all())
    assert bool((found <= upper).all())


def test_what_is_known_is_kept_to_the_bit():
    sound = tones()
    assert torch.equal(sparse_sound(sound, sound, sound, 256).values, sound)
