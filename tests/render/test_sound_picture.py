import math

import numpy as np
import pytest
import torch
from PIL import Image

from ungrid import verbs
from ungrid.errors import InputError
from ungrid.judging import compare
from ungrid.render.sound_picture import SPECTRUM, WAVE, WIDTH, spectrogram, ticks, waveform
from ungrid.signals.audio import sound_signal

RATE = 8000


def tone(frequency=1000.0, n=8000):
    return 0.5 * torch.sin(2 * math.pi * frequency / RATE * torch.arange(n))


def test_a_tone_is_a_line_at_its_frequency():
    values = tone()
    picture, top = spectrogram(lambda first, last: values[first:last], len(values))
    assert picture.shape == (SPECTRUM, WIDTH, 3)
    brightest = picture.sum(axis=2, dtype=int).argmax(axis=0)
    assert (abs(brightest[20:-20] - SPECTRUM * (1 - 1000 / 4000)) <= 2).all()
    assert math.isclose(top, 20 * math.log10(0.5 * 512 / 2), abs_tol=1.5)


def test_the_waveform_reaches_from_top_to_bottom_where_it_is_loud():
    values = torch.cat([torch.zeros(4000), tone()[:4000]])
    ink = waveform(lambda first, last: values[first:last], len(values)).min(axis=2) < 200
    assert ink.shape == (WAVE, WIDTH)
    assert ink[:, : WIDTH // 2 - 1].sum(axis=0).max() <= 2
    assert ink[:, WIDTH // 2 + 1 :].mean() > 0.9
    assert waveform(lambda first, last: values[first:last], 3).shape == (WAVE, WIDTH, 3)


def test_ticks_are_round_numbers_in_the_range():
    assert ticks(0.0, 7.0, 10) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert ticks(0.03, 0.11, 4) == [0.04, 0.06, 0.08, 0.1]


def test_a_field_and_a_comparison_are_drawn(tmp_path):
    signal = sound_signal(tone(n=3000), RATE)
    field = verbs.fit(signal, steps=8, callbacks=[])
    verbs.render(field, tmp_path / "a.png")
    assert len(np.unique(np.asarray(Image.open(tmp_path / "a.png")))) > 10
    measures = compare(field, signal, picture=tmp_path / "b.png")
    assert measures["psnr"] == measures["snr"]
    assert Image.open(tmp_path / "b.png").height > 3 * SPECTRUM
    with pytest.raises(InputError, match=r"expected a \.png"):
        compare(field, signal, picture=tmp_path / "b.xyz")
