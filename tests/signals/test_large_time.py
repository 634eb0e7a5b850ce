import struct
import wave

import numpy as np
import pytest

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.audio import read_sound
from ungrid.signals.large_open import needs_tiles, open_large, timed_kind
from ungrid.signals.large_time import film_values, sound_values
from ungrid.signals.part import Part
from ungrid.signals.video import from_frames, read_film, write_film

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of eight frames of 24 × 32 pixels, kept without loss."""
    pytest.importorskip("av")
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    write_film(path, from_frames(RNG.integers(0, 256, (8, 24, 32, 3), dtype=np.uint8), 12.5))
    return path


@pytest.mark.parametrize("part", [Part(), Part({"t": (0.16, 0.48), "x": (8.0, 24.0)}), Part(reduction=2), Part(rate=25.0)])
def test_a_film_read_by_blocks_is_the_film_read_whole_with_all_that_its_file_knew(film, tmp_path, part):
    signal, whole = open_large(film, None, tmp_path / "parts", part), read_film(film, part)
    np.testing.assert_array_equal(signal.read(tuple(slice(0, n) for n in whole.grid.shape)), whole.values)
    where = (slice(1, 3), slice(2, 9), slice(0, 5))
    np.testing.assert_array_equal(signal.read(where), whole.values[where])
    assert (signal.grid, signal.outline.channels, signal.outline.kind) == (whole.grid, whole.channels, "video")
    assert {**signal.outline.source, "sha256": 0} == {**whole.source, "sha256": 0}
    assert film_values(film, part) == whole.values.numel()


def test_frames_are_kept_as_the_bytes_that_they_are(film, tmp_path):
    open_large(film, "video", tmp_path / "parts")
    stored = np.load(tmp_path / "parts" / "source.npy", mmap_mode="r")
    assert (stored.dtype, stored.shape) == (np.uint8, (8, 24, 32, 3))


def test_another_part_of_a_film_is_another_fit(film, tmp_path):
    all_of_it, some = (open_large(film, None, tmp_path, part).identity for part in (Part(), Part(reduction=2)))
    assert all_of_it != some


def test_a_film_is_fitted_in_windows_where_one_piece_does_not_fit(film):
    assert not needs_tiles(film, None, Part(), None)
    assert not needs_tiles(film, None, Part(), 10**6)
    assert needs_tiles(film, None, Part(), 10**5)
    assert not needs_tiles(film, None, Part(reduction=4), 10**5)
    assert timed_kind(film, None) == timed_kind(film, "video") == "video"
    assert timed_kind(film, "volume") is None


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sound_read_by_blocks_is_the_sound_read_whole(tmp_path, width):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, width, 8000, 0, "NONE", ""))
        file.writeframes(RNG.integers(0, 256, 500 * 2 * width, dtype=np.uint8).tobytes())
    signal, whole = open_large(path, None, tmp_path / "parts"), read_sound(path)
    np.testing.assert_array_equal(signal.read((slice(0, 500),)), whole.values)
    np.testing.assert_array_equal(signal.read((slice(7, 300),)), whole.values[7:300])
    assert signal.outline == whole.outline
    stored = np.load(tmp_path / "parts" / "source.npy", mmap_mode="r")
    assert stored.dtype == (np.int16 if width <= 2 else np.float32)
    assert sound_values(path) == 1000
    assert needs_tiles(path, None, Part(), 10_000)
    assert not needs_tiles(path, None, Part(), 10**6)


def test_compressed_sound_is_read_by_blocks_too(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    samples = RNG.uniform(-1, 1, (70_001, 2))
    for name in ("a.flac", "a.ogg"):
        soundfile.write(tmp_path / name, samples, 8000)
        signal, whole = open_large(tmp_path / name, None, tmp_path / "parts"), read_sound(tmp_path / name)
        np.testing.assert_array_equal(signal.read((slice(65_000, 70_001),)), whole.values[65_000:])
        assert signal.outline == whole.outline


def test_sound_that_is_not_finite_or_cut_off_is_told(tmp_path):
    values = np.array([0.5, np.nan, 0.5], "<f4").tobytes()
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, 8000, 32000, 4, 32)
    body = b"WAVE" + layout + struct.pack("<4sI", b"data", len(values)) + values
    (tmp_path / "nan.wav").write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    with pytest.raises(UnreadableInput, match=r"nan\.wav has a sample that is not finite, at 0\.000125 s"):
        open_large(tmp_path / "nan.wav", None, tmp_path / "parts")
    (tmp_path / "cut.wav").write_bytes((tmp_path / "nan.wav").read_bytes()[:-2])
    with pytest.raises(UnreadableInput, match="cut off"):
        open_large(tmp_path / "cut.wav", None, tmp_path / "parts")


def test_a_part_is_for_films(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((40, 40), np.uint8))
    with pytest.raises(InputError, match=r"a\.npy is no film, and is read whole; leave out --region"):
        open_large(tmp_path / "a.npy", None, tmp_path / "parts", Part(reduction=2))
