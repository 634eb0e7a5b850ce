import struct
from dataclasses import replace

import numpy as np

from ungrid.bench.papers import siren_audio
from ungrid.bench.papers.setting import Work


def test_a_part_of_the_sound_is_its_middle_and_hears_the_same_pitches(tmp_path):
    sound = np.linspace(-1, 1, 1000).astype("<f4").tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 3, 1, 8000, 0, 0, 32, b"data", len(sound))
    (tmp_path / "a.wav").write_bytes(head + sound)
    scale = replace(siren_audio.SETTING.scales["quick"], side=250)
    cases = list(siren_audio.cases(Work(scale, {siren_audio.BACH.name: tmp_path / "a.wav"})))
    assert [case.role for case in cases] == ["the paper's", "ours", "classical"]
    signal, omega, _ = cases[0].run.args
    assert signal.grid.shape == (250,)
    assert omega == 750.0
    assert signal.box.bounds == ((375 / 8000, 625 / 8000),)
    assert abs(float(signal.values.mean())) < 1e-3
