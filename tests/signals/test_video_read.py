import struct
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.video import read_film, write_film
from ungrid.signals.video_read import container_of, load_av
from ungrid.testing.toys import tiny_film

av = pytest.importorskip("av", reason="needs the extra: video")


def make(path, frames, codec="mpeg4", pixels="yuv420p", *, rate=25, times=None, prepare=lambda stream: None, sound=False):
    """A film of frames that are as the encoder takes them: [h, w] of luma, or [h, w, 3]."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate) if frames else None
        noise = file.add_stream("aac", rate=44100) if sound else None
        if stream is not None:
            stream.height, stream.width, stream.pix_fmt = frames[0].shape[0], frames[0].shape[1], pixels
            prepare(stream)
        for index, levels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(levels, format="gray" if levels.ndim == 2 else "rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = index if times is None else times[index], Fraction(1, rate)
            file.mux(stream.encode(frame))
        if stream is not None:
            file.mux(stream.encode())
        if noise is not None:
            beep = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            beep.rate = 44100
            file.mux(noise.encode(beep))
            file.mux(noise.encode())
    return path


@pytest.mark.parametrize(
    ("start", "container"),
    [
        (b"\0\0\0\x20ftypisom", "mov"), (b"\0\0\0\x20ftypqt  ", "mov"), (b"\0\0\0\x08wide", "mov"),
        (b"\x1a\x45\xdf\xa3", "matroska"), (b"RIFF\0\0\0\0AVI LIST", "avi"), (b"RIFF\0\0\0\0WAVE", None),
        (b"\0\0\0\x20ftypavif", None), (b"\0\0\0\x20ftypheic", None),
        (b"#EXTM3U\n", None), (b"ffconcat version 1.0", None), (b"", None),
    ],
)  # fmt: skip
def test_containers_are_known_by_their_first_bytes_and_playlists_never(start, container):
    assert container_of(start) == container


@pytest.mark.parametrize(("level", "limited"), [(16, 0.0), (126, 110 / 219), (235, 1.0)])
def test_luma_of_the_limited_range_becomes_all_levels(tmp_path, level, limited):
    """Y′ = 16 + 219 v: an identity of BT.601, for gray."""
    luma = np.full((32, 32), level, np.uint8)

    def frame_of(luma):
        picture = av.VideoFrame(32, 32, "yuv420p")
        for plane, value in zip(picture.planes, (level, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        return picture

    with av.open(str(tmp_path / "a.mkv"), "w") as file:
        stream = file.add_stream("ffv1", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        frame = frame_of(luma)
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    values = read_film(tmp_path / "a.mkv").values
    assert abs(float(values.mean()) - limited) < 0.6 / 255


def test_a_film_tells_what_it_knew(tmp_path):
    def prepare(stream):
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 16, 9, 1
        context.sample_aspect_ratio = Fraction(4, 3)

    path = make(tmp_path / "a.mp4", [np.zeros((32, 48), np.uint8)] * 5, prepare=prepare, sound=True)
    source = read_film(path).source
    assert source["codec"] == "mpeg4"
    assert source["sample_aspect_ratio"] == "4/3"
    assert [source[f"color_{key}"] for key in ("primaries", "transfer", "matrix", "range")] == [
        "bt2020",
        "pq",
        "bt2020nc",
        "limited",
    ]
    assert source["audio"] == [{"codec": "aac", "rate": 44100, "channels": 2}]
    assert (source["n_frames"], source["frame_rate"], source["duration_seconds"]) == (5, "25", 0.2)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_film_comes_upright(tmp_path, degrees):
    bright_top = np.zeros((32, 64), np.uint8)
    bright_top[:16] = 255
    path = make(tmp_path / "a.mp4", [bright_top] * 2, prepare=lambda stream: stream.set_display_rotation(degrees))
    signal = read_film(path)
    turned = np.rot90(bright_top, degrees // 90)
    assert signal.grid.shape[1:] == turned.shape
    assert np.abs(signal.values[0, ..., 0].numpy() - turned / 255).mean() < 0.05
    assert signal.source["rotation"] % 360 == degrees


def test_uneven_times_are_refused_unless_a_rate_is_said(tmp_path):
    path = make(tmp_path / "a.mp4", [np.zeros((32, 32), np.uint8)] * 4, times=[0, 1, 4, 5])
    with pytest.raises(InputError, match="uneven times"):
        read_film(path)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_film_that_is_cut_off_is_told(tmp_path, ending, share):
    noise = np.random.default_rng(0)
    frames = [noise.integers(256, size=(64, 64), dtype=np.uint8) for _ in range(40)]
    path = make(tmp_path / f"a.{ending}", frames, rate=10)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    if ending == "mkv" and share > 0.9:
        return  # Matroska ends anywhere: at most a second is missing
    with pytest.raises(UnreadableInput, match=r"cut off|damaged"):
        read_film(path)


def test_a_film_whose_index_comes_first_and_whose_frames_are_cut_is_told(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w", options={"movflags": "faststart"}) as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for index in range(20):
            levels = np.random.default_rng(index).integers(256, size=(64, 64, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    content = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableInput, match=r"cut off: it announces 20 frames and has \d+"):
        read_film(tmp_path / "a.mp4")


def test_sound_alone_is_no_film(tmp_path):
    make(tmp_path / "a.mp4", [], sound=True)
    with pytest.raises(UnreadableInput, match="holds only sound; expected a film, or read it with --as audio"):
        read_film(tmp_path / "a.mp4")


@pytest.mark.parametrize("size", [(65535, 65535), (0, 0), (65535, 1)])
def test_a_stream_knows_its_size_better_than_the_header(tmp_path, size):
    path = make(tmp_path / "a.mp4", [np.zeros((32, 48), np.uint8)] * 2)
    content = path.read_bytes()
    assert content.count(struct.pack(">HH", 48, 32)) == 1
    path.write_bytes(content.replace(struct.pack(">HH", 48, 32), struct.pack(">HH", *size)))
    assert read_film(path).grid.shape == (2, 32, 48)


@pytest.mark.parametrize("size", [(65535, 65535), (2**30, 2**30), (0, 0), (4096, 4096)])
def test_a_size_that_a_header_makes_up_is_refused_before_it_is_allocated(tmp_path, size):
    path = make(tmp_path / "a.avi", [np.zeros((32, 48, 3), np.uint8)] * 2, "rawvideo", "bgr24")
    content = path.read_bytes()
    assert content.count(struct.pack("<ii", 48, -32)) == 1
    path.write_bytes(content.replace(struct.pack("<ii", 48, -32), struct.pack("<ii", size[0], -size[1])))
    with pytest.raises((InputError, UnreadableInput), match=r"announces frames of|cannot be read|has no frame"):
        read_film(path)


def test_without_its_package_the_install_line_is_told(monkeypatch, tmp_path):
    write_film(tmp_path / "a.mp4", tiny_film())
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ungrid\[video\]'"):
        load_av()
    with pytest.raises(MissingExtra, match="reading and writing films"):
        read_film(tmp_path / "a.mp4")


def test_reading_says_nothing_on_the_terminal(tmp_path):
    write_film(tmp_path / "a.mp4", tiny_film())
    code = f"from ungrid.signals.video import read_film; read_film({str(tmp_path / 'a.mp4')!r})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stderr == b""
