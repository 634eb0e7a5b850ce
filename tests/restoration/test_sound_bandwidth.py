import math

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError, UnknownName
from ungrid.restoration.sound_bandwidth import Bandwidth, restore_bandwidth
from ungrid.signals.audio import sound_signal


def noise(n=4000, rate=8000):
    return sound_signal(np.random.default_rng(0).standard_normal(n).astype(np.float32) / 8, rate)


def test_auto_leaves_the_upper_band_empty_because_nothing_tells_it_better():
    found = restore_bandwidth(noise(), [Bandwidth(8000.0)])
    assert found.shares == {"resampled": 1.0}
    assert found.heldout["resampled"] > found.heldout["replicated"]
    assert found.grid.shape == (8000,)
    assert found.grid.box.bounds == noise().box.bounds
    assert found.losses == "bandwidth:4000->8000 Hz"


def test_copies_are_had_by_their_name_alone():
    found = restore_bandwidth(noise(), [Bandwidth(8000.0)], "replicated")
    spectrum = torch.fft.rfft(found.values[:, 0]).abs().square()
    assert spectrum[2200:].mean() > 1e-3 * spectrum[:1800].mean()
    assert found.heldout == {}


def test_the_result_is_a_sound_of_the_new_rate(tmp_path):
    field = ug.restore(noise(), ug.Bandwidth(6000.0))
    ug.render(field, tmp_path / "wide.wav")
    assert ug.load(tmp_path / "wide.wav").source["sample_rate"] == 12000


@pytest.mark.parametrize("highest", [4000.0, 100.0, 32001.0])
def test_a_bandwidth_is_more_than_there_is_and_not_too_much(highest):
    with pytest.raises(InputError, match="the recording holds 4000 Hz, expected more, up to 32000 Hz"):
        restore_bandwidth(noise(), [Bandwidth(highest)])


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="number of Hz above 0"):
        Bandwidth(math.inf)
    with pytest.raises(InputError, match="extended by itself"):
        ug.restore(noise(), [Bandwidth(8000.0), ug.Gaps([(0.1, 0.2)])])
    with pytest.raises(UnknownName, match="method of extending"):
        restore_bandwidth(noise(), [Bandwidth(8000.0)], "field")
