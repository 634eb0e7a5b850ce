import math

import numpy as np
import pytest
import torch

from ungrid.errors import InputError, ShapeError
from ungrid.restoration.sound_losses import Clipping, Gaps
from ungrid.signals.audio import sound_signal


def sound(n=100, rate=100):
    return sound_signal(np.sin(np.arange(n, dtype=np.float32) / 5).clip(-0.5, 0.5), rate)


def test_a_clipped_sample_is_at_least_what_it_was_seen_as():
    signal = sound()
    bounds = Clipping(0.5).bounds(signal)
    above = signal.values[:, 0] >= 0.5
    assert bool(above.any())
    assert bool((bounds.upper[above] == math.inf).all())
    assert bool((bounds.lower[above] == 0.5).all())
    below = signal.values[:, 0] <= -0.5
    assert torch.equal(bounds.known[:, 0], ~above & ~below)


def test_the_level_is_seen_where_samples_in_a_row_share_the_largest_value():
    assert torch.equal(Clipping().bounds(sound()).known, Clipping(0.5).bounds(sound()).known)


def test_a_gap_is_the_samples_whose_time_lies_in_it():
    bounds = Gaps([(0.1, 0.2), (0.5, 0.51)]).bounds(sound())
    assert (~bounds.known[:, 0]).nonzero()[:, 0].tolist() == [*range(10, 20), 50]
    assert Gaps([(0.1, 0.2)]).describe(bounds) == "gaps:2 (11 samples)"


def test_a_mask_says_which_samples_are_known(tmp_path):
    known = np.ones(100, dtype=bool)
    known[7] = False
    np.save(tmp_path / "known.npy", known)
    for mask in (known, torch.from_numpy(known), tmp_path / "known.npy"):
        assert torch.equal(Gaps(known=mask).bounds(sound()).known[:, 0], torch.from_numpy(known))


def test_of_two_losses_the_one_that_leaves_less_counts():
    signal = sound()
    both = Clipping(0.5).bounds(signal).joined(Gaps([(0.0, 0.1)]).bounds(signal))
    assert bool((both.lower[:10] == -math.inf).all())
    assert bool((both.upper[:10] == math.inf).all())
    assert torch.equal(both.held(signal.values), signal.values)


@pytest.mark.parametrize(
    ("loss", "error", "says"),
    [
        (Clipping(0.9), InputError, "no sample reaches the clipping level 0.9: the largest is 0.5"),
        (Gaps([(2.0, 3.0)]), InputError, "outside of the sound, which ends at 1 s"),
        (Gaps([(0.5, 0.4)]), InputError, "START below END"),
        (Gaps([(math.nan, 0.4)]), InputError, "START below END"),
        (Gaps([(0.501, 0.502)]), InputError, "holds no sample"),
        (Gaps(), InputError, "no sample is missing"),
        (Gaps([(0.0, 1.0)]), InputError, "all samples are missing"),
        (Gaps(known=np.ones(99, dtype=bool)), ShapeError, r"shape \(99,\); expected \(100,\)"),
        (Gaps(known=np.ones(100)), InputError, "expected booleans"),
    ],
)
def test_a_loss_that_cannot_be_is_refused(loss, error, says):
    with pytest.raises(error, match=says) as caught:
        loss.bounds(sound())
    assert "\n" not in str(caught.value)


def test_a_level_is_above_nought_and_a_peak_alone_is_no_clipping():
    for level in (0.0, -1.0, math.nan):
        with pytest.raises(InputError, match="expected a number above 0"):
            Clipping(level)
    peak = sound_signal(np.sin(np.arange(100, dtype=np.float32) / 5), 100)
    with pytest.raises(InputError, match="no clipping is to be seen"):
        Clipping().bounds(peak)
    with pytest.raises(InputError, match="all samples reach"):
        Clipping(0.2).bounds(sound_signal(np.full(10, 0.5, dtype=np.float32), 100))
