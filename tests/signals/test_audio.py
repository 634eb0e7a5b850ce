import struct

import numpy as np
import pytest
import torch

from ungrid import verbs
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals import audio_library
from ungrid.signals.audio import open_sound, read_sound, sound_format, sound_signal, whole_rate
from ungrid.signals.base import Outline
from ungrid.signals.wave_file import WaveWriter

TAGS = {"title": "Étude", "artist": "A. Nother", "album": "One", "date": "2024", "comment": "short", "genre": "Test"}


def noise(n=1000, channels=2, bits=16):
    rng = np.random.default_rng(0)
    whole = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), size=(n, channels))
    return torch.from_numpy((whole / 2 ** (bits - 1)).astype(np.float32))


def written(path, values, *, rate=44100, **source):
    grid = Grid(Box(("t",), ((0.0, len(values) / rate),), ("s",)), (len(values),))
    names = tuple(f"channel{i}" for i in range(values.shape[1]))
    with open_sound(path, Outline(grid, "audio", names, source)) as writer:
        for band in values.split(300):
            writer.write_rows(band)
    return path


FORMATS = [
    (".wav", "PCM_U8", 8, "int"),
    (".wav", "PCM_16", 16, "int"),
    (".wav", "PCM_24", 24, "int"),
    (".wav", "PCM_32", 32, "int"),
    (".wav", "FLOAT", 32, "float"),
    (".wav", "DOUBLE", 64, "float"),
    (".flac", "PCM_S8", 8, "int"),
    (".flac", "PCM_16", 16, "int"),
    (".flac", "PCM_24", 24, "int"),
]


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize(("ending", "subtype", "bits", "kind"), FORMATS)
def test_samples_and_everything_the_file_knew_come_back(tmp_path, ending, subtype, bits, kind, channels):
    if ending == ".flac":
        pytest.importorskip("soundfile")
    values = noise(channels=channels, bits=min(bits, 24))
    path = written(tmp_path / f"a{ending}", values, rate=48000, bit_depth=bits, sample_format=kind, tags=TAGS)
    once = read_sound(path)
    assert torch.equal(once.values, values)
    assert once.box.bounds == ((0.0, 1000 / 48000),)
    known = {"subtype": subtype, "bit_depth": bits, "sample_format": kind, "tags": TAGS, "sample_rate": 48000}
    assert {key: once.source[key] for key in known} == known
    again = read_sound(written(tmp_path / f"b{ending}", once.values, rate=48000, **once.source))
    assert torch.equal(again.values, once.values)
    fixed = ("file", "bytes", "sha256")
    assert {k: v for k, v in again.source.items() if k not in fixed} == {k: v for k, v in once.source.items() if k not in fixed}


def test_a_loudspeaker_mask_is_kept(tmp_path):
    path = written(tmp_path / "a.wav", noise(channels=6), bit_depth=16, sample_format="int", channel_mask=0x3F)
    assert read_sound(path).source["channel_mask"] == 0x3F


def test_vorbis_keeps_tags_and_about_what_is_heard(tmp_path):
    pytest.importorskip("soundfile")
    time = torch.arange(44100) / 44100
    tone = 0.5 * torch.sin(2 * torch.pi * 440 * time)[:, None]
    found = read_sound(written(tmp_path / "a.ogg", tone, tags=TAGS, sample_format="float"))
    assert found.source["tags"] == TAGS
    assert found.source["subtype"] == "VORBIS"
    assert (found.values - tone).abs().max() < 0.02


def test_our_wav_and_the_librarys_are_the_same_to_each_other(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    values = noise(channels=3, bits=24)
    path = written(tmp_path / "a.wav", values, bit_depth=24, sample_format="int", tags=TAGS)
    theirs, rate = soundfile.read(path, dtype="float32")
    assert rate == 44100
    np.testing.assert_array_equal(theirs, values.numpy())
    soundfile.write(tmp_path / "b.wav", values.numpy(), 44100, subtype="PCM_24")
    assert torch.equal(read_sound(tmp_path / "b.wav").values, values)


def test_metadata_goes_through_a_field(tmp_path):
    path = written(tmp_path / "a.wav", noise(2000), bit_depth=24, sample_format="int", tags=TAGS)
    field = verbs.fit(path, steps=5, callbacks=[])
    field.save(tmp_path / "a.ung")
    verbs.render(verbs.load(tmp_path / "a.ung"), tmp_path / "out.wav")
    before, after = read_sound(path), read_sound(tmp_path / "out.wav")
    assert after.values.shape == before.values.shape
    for key in ("format", "subtype", "sample_rate", "bit_depth", "sample_format", "tags", "n_samples"):
        assert after.source[key] == before.source[key]


def test_a_pair_of_samples_and_rate_is_a_sound():
    signal = verbs.as_signal((np.array([0, 16384, -32768], dtype=np.int16), 8000))
    assert signal.kind == "audio"
    assert signal.values[:, 0].tolist() == [0.0, 0.5, -1.0]
    assert signal.grid.spacing == (1 / 8000,)


def wave(**changes):
    """A WAV file of four 16-bit samples with parts of its header changed."""
    data = changes.get("data", bytes(8))
    layout = struct.pack(
        "<HHIIHH", changes.get("code", 1), changes.get("channels", 1), changes.get("rate", 8000), 0,
        changes.get("block", 2), changes.get("bits", 16),
    )  # fmt: skip
    size = changes.get("size", len(data))
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", size) + data
    return changes.get("magic", b"RIFF") + struct.pack("<I", len(body)) + body


BAD = [
    ("empty.wav", b"", "is empty"),
    ("cut.wav", wave(size=4000), "it is cut off: 4,000 bytes of samples are announced, 8 are there"),
    ("head.wav", wave()[:30], "it has no data chunk"),
    ("start.wav", b"RIFF\0\0\0\0WAVE", "it has no fmt chunk"),
    ("zero.wav", wave(data=b""), "it holds no samples"),
    ("mute.wav", wave(channels=0, block=0), "it declares 0 channels"),
    ("still.wav", wave(rate=0), "at 0 Hz"),
    ("block.wav", wave(block=7), "7 bytes for each sample"),
    ("wide.wav", wave(channels=65535, block=0), "it holds no samples"),
    ("big.wav", wave(magic=b"RIFX"), "big-endian"),
    ("nan.wav", wave(code=3, bits=32, block=4, data=struct.pack("<2f", 0, float("nan"))), "a sample that is nan, at 0.000125 s"),
    ("huge.wav", wave(code=3, bits=64, block=8, data=struct.pack("<2d", 1e300, 0)), "a sample that is inf"),
    ("picture.wav", b"\x89PNG\r\n\x1a\n" + bytes(40), "expected sound"),
    ("text.wav", b"These are words, and no sound.", "holds text"),
    ("cut.flac", b"fLaC" + bytes(30), "cannot be read as FLAC sound"),
    ("cut.ogg", b"OggS" + bytes(30), "cannot be read as Ogg sound"),
    ("noise.mp3", b"\xff\xfb\x90\x00" + bytes(300), "cannot be read as MP3 sound"),
]


@pytest.mark.parametrize(("name", "content", "fragment"), BAD, ids=[name for name, *_ in BAD])
def test_what_cannot_be_read_is_told_in_one_line(tmp_path, name, content, fragment):
    if name.endswith((".flac", ".ogg", ".mp3")):
        pytest.importorskip("soundfile")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableInput) as caught:
        read_sound(tmp_path / name)
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".flac", ".ogg"])
def test_a_file_that_is_cut_off_is_told(tmp_path, ending):
    pytest.importorskip("soundfile")
    path = written(tmp_path / f"a{ending}", noise(20_000), bit_depth=16, sample_format="int")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableInput, match="cannot be read as"):
        read_sound(path)


def test_a_stream_whose_length_was_never_told_is_read_to_its_end(tmp_path):
    (tmp_path / "a.wav").write_bytes(wave(size=0xFFFFFFFF, data=struct.pack("<4h", 1, 2, 3, 4)))
    assert (read_sound(tmp_path / "a.wav").values[:, 0] * 2**15).tolist() == [1, 2, 3, 4]


def test_a_wrong_ending_does_not_matter(tmp_path):
    (tmp_path / "sound.png").write_bytes(wave())
    assert verbs.load(tmp_path / "sound.png").kind == "audio"


@pytest.mark.parametrize(
    ("samples", "rate", "fragment"),
    [
        (np.zeros((2, 100, 1)), 8000, "expected signed integers or floats"),
        (np.zeros(0), 8000, "expected signed integers or floats"),
        (np.zeros(5, dtype=np.uint8), 8000, "expected signed integers or floats"),
        (np.zeros(5), 0, "expected a positive number"),
        (np.zeros(5), float("nan"), "expected a positive number"),
        (np.array([0, np.inf]), 8000, "a sample that is inf"),
    ],
)
def test_wrong_samples_are_refused(samples, rate, fragment):
    with pytest.raises((InputError, UnreadableInput), match=fragment):
        sound_signal(samples, rate)


def test_what_a_file_cannot_hold_is_refused_and_nothing_is_left(tmp_path):
    with open(tmp_path / "a", "wb") as file, pytest.raises(InputError, match="a WAV file holds 4 GB"):
        WaveWriter(file, (2**31, 2), 44100)
    with pytest.raises(InputError, match=r"whole number of samples a second, not 44100\.5"):
        written(tmp_path / "b.wav", noise(200_000, 1), rate=44100.5)
    with pytest.raises(InputError, match=r"expected a name ending in \.wav"):
        written(tmp_path / "c.mp3", noise())
    if pytest.importorskip("soundfile"):
        with pytest.raises(InputError, match="cannot hold 20 channels"):
            written(tmp_path / "d.flac", noise(100, 20), bit_depth=16)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_rate_within_a_sample_of_a_whole_one_is_that_one():
    assert whole_rate(Grid(Box(("t",), ((0.0, 1.0),), ("s",)), (8000,)).refine(0.50001)) == 4000


def test_without_the_library_wav_works_and_flac_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    written(tmp_path / "a.wav", noise())
    with pytest.raises(MissingExtra, match=r"pip install 'ungrid\[audio\]'"):
        written(tmp_path / "a.flac", noise())
    (tmp_path / "b.flac").write_bytes(b"fLaC" + bytes(20))
    with pytest.raises(MissingExtra, match="reading FLAC sound"):
        read_sound(tmp_path / "b.flac")
    assert not (tmp_path / "a.flac").exists()


def test_a_limit_of_length_holds_whatever_the_header_says(tmp_path):
    pytest.importorskip("soundfile")
    path = written(tmp_path / "a.flac", noise(70_000), bit_depth=16)
    with pytest.raises(InputError, match="more than 100,000 samples"):
        audio_library.open_by_library(path, "FLAC", 100_000).samples()


def test_formats_are_told_by_their_first_bytes():
    starts = {b"fLaC": "FLAC", b"ID3\4": "MP3", b"\xff\xfb\x90\0": "MP3", b"\xff\xd8\xff\xe0": None, b"\xff\xfe\0\0": None}
    assert {start: sound_format(start) for start in starts} == starts
    assert sound_format(b"RIFF\0\0\0\0WEBP") is None
