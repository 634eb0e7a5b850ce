import math

import numpy as np
import pytest
import torch

from ungrid.errors import InputError, UnknownName
from ungrid.metrics.audio import snr
from ungrid.restoration.sound import restore_sound
from ungrid.restoration.sound_losses import Clipping, Gaps
from ungrid.signals.audio import sound_signal

RATE = 4000


def tones(n=6000):
    t = np.arange(n) / RATE
    return sum(np.sin(2 * math.pi * f * t + f) / k for k, f in enumerate((310.0, 417.0, 610.0), start=1)) / 2


def gap_of(sound, start=3000, stop=3080):
    values = sound.copy()
    values[start:stop] = 0
    return sound_signal(values, RATE), Gaps([(start / RATE, stop / RATE)])


def test_the_candidate_that_tells_hidden_samples_best_fills_a_gap():
    signal, gap = gap_of(tones())
    found = restore_sound(signal, [gap])
    (name,) = found.shares
    assert found.heldout[name] == max(found.heldout.values())
    assert found.heldout["cubic_gaps"] < found.heldout["autoregressive"]
    assert snr(found.values[3000:3080], torch.from_numpy(tones()[3000:3080, None]).float()) > 30
    outside = torch.ones(6000, dtype=torch.bool)
    outside[3000:3080] = False
    assert torch.equal(found.values[outside], signal.values[outside])
    assert found.classical == ["autoregressive", "autoregressive_short", "cubic_gaps", "linear_gaps"]


def test_clipped_peaks_come_back_beyond_the_level():
    clipped = tones().clip(-0.4, 0.4)
    found = restore_sound(sound_signal(clipped, RATE), [Clipping()])
    truth = torch.from_numpy(tones()[:, None]).float()
    assert snr(found.values, truth) > snr(torch.from_numpy(clipped[:, None]).float(), truth) + 10
    cut = torch.from_numpy(abs(clipped) >= 0.4)
    assert bool((found.values[cut].abs() >= 0.4 - 1e-6).all())
    assert next(iter(found.shares)).startswith("sparse_field")
    assert "projection" not in found.heldout, "what is hidden is below the level, which would favor it"


def test_gaps_and_clipping_go_together_and_channels_apart():
    left = tones().clip(-0.4, 0.4)
    values = np.stack([left, 0.5 * left], axis=1)
    values[2000:2050] = 0
    found = restore_sound(sound_signal(values, RATE), [Clipping(), Gaps([(0.5, 0.5125)])], "sparse_field")
    assert found.losses.startswith("clipping (")
    assert found.losses.endswith("gaps:1 (50 samples)")
    torch.testing.assert_close(found.values[:, 1], 0.5 * found.values[:, 0], atol=1e-5, rtol=0)


def test_a_method_is_of_a_kind_or_a_name():
    signal, gap = gap_of(tones())
    assert set(restore_sound(signal, [gap], "classical").shares) <= {
        "autoregressive",
        "autoregressive_short",
        "cubic_gaps",
        "linear_gaps",
    }
    assert restore_sound(signal, [gap], "linear_gaps").heldout == {}
    with pytest.raises(UnknownName, match="did you mean 'cubic_gaps'"):
        restore_sound(signal, [gap], "cubic_gap")
    with pytest.raises(InputError, match="projection cannot tell what is lost here"):
        restore_sound(signal, [gap], "projection")


def test_where_nothing_can_be_hidden_the_reason_says_so():
    signal, gap = gap_of(tones(600), 100, 500)
    assert "nothing could be hidden" in restore_sound(signal, [gap]).reason
