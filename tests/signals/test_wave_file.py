import io
import struct
import wave

import numpy as np
import pytest

from ungrid.errors import UnreadableInput
from ungrid.signals.wave_file import open_wave


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_integers_are_what_python_wrote(tmp_path, width):
    steps = np.array([[-1.0, 0.5], [0.0, -0.25], [0.75, 0.125]])
    whole = np.round(steps * 2 ** (8 * width - 1)).astype(int)
    data = b"".join(
        (int(v) + 128 if width == 1 else int(v)).to_bytes(width, "little", signed=width > 1) for v in whole.reshape(-1)
    )
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, width, 8000, 3, "NONE", ""))
        file.writeframes(data)
    recording = open_wave(tmp_path / "a.wav")
    assert (recording.rate, recording.known["bit_depth"]) == (8000, 8 * width)
    np.testing.assert_array_equal(recording.samples(), steps)


def riff(code, bits, data, extra=b""):
    chunk = struct.pack("<HHIIHH", code, 1, 44100, 0, 0, bits) + extra
    body = b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", len(chunk)) + chunk
    return b"RIFF" + struct.pack("<I", 0) + body + b"data" + struct.pack("<I", len(data)) + data


def test_floats_are_taken_as_they_are_also_in_the_extensible_form(tmp_path):
    values = np.array([0.25, -0.5, 2.0])
    for code, extra in ((3, b""), (0xFFFE, struct.pack("<HHIH", 22, 32, 0, 3) + bytes(14))):
        (tmp_path / "f.wav").write_bytes(riff(code, 32, values.astype("<f4").tobytes(), extra))
        np.testing.assert_array_equal(open_wave(tmp_path / "f.wav").samples()[:, 0], values)


@pytest.mark.parametrize(
    "content", [b"", io.BytesIO(b"RIFFxxxxWAVE").getvalue(), riff(85, 16, b"mp3!"), riff(1, 16, b""), riff(1, 12, b"abc")]
)
def test_what_cannot_be_read_is_told(tmp_path, content):
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(UnreadableInput, match=r"cannot be read as a WAV|has samples of code"):
        open_wave(tmp_path / "bad.wav")
