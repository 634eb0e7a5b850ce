import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ungrid.errors import InputError, MachineError, UnknownName
from ungrid.render.animation import FORMATS, check_animation, write_animation


def some_frames(n=5, height=24, width=32):
    """A bright band that wanders over a gradient."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return [torch.stack([x, y, (torch.sin(6.28 * (x - i / n)) + 1) / 2], dim=-1) for i in range(n)]


@pytest.mark.parametrize("ending", FORMATS)
def test_an_animation_has_its_frames_time_and_no_end(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    assert write_animation(path, iter(some_frames()), fps=20.0) == 5
    with Image.open(path) as film:
        assert (film.n_frames, film.size) == (5, (32, 24))
        assert film.info["loop"] == 0
        for index, frame in enumerate(some_frames()):
            film.seek(index)
            film.load()
            assert film.info["duration"] == 50
            shown = np.asarray(film.convert("RGB")) / 255
            assert np.abs(shown - frame.numpy()).mean() < 0.06
    assert os.listdir(tmp_path) == [path.name]


def test_animated_png_keeps_every_value(tmp_path):
    write_animation(tmp_path / "a.png", some_frames())
    with Image.open(tmp_path / "a.png") as film:
        film.seek(3)
        expected = (some_frames()[3] * 255).round().byte().numpy()
        assert np.array_equal(np.asarray(film.convert("RGB")), expected)


def test_what_cannot_be_written_leaves_the_old_file(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.gif"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(MachineError, match="the disk is full"):
        write_animation(path, some_frames())
    assert (os.listdir(tmp_path), path.read_bytes()) == (["a.gif"], b"old")


def test_no_frames_or_an_unknown_ending_are_refused(tmp_path):
    with pytest.raises(InputError, match="at least one frame"):
        write_animation(tmp_path / "a.gif", [])
    with pytest.raises(UnknownName, match=r"\.gif"):
        write_animation(tmp_path / "a.gfi", some_frames())


@pytest.mark.parametrize(
    ("name", "n_frames", "shape", "fps", "max_memory", "message"),
    [
        ("a.mp4", 5, (8, 8), 25.0, None, "an animation is written as .gif .webp .png .apng; got a.mp4"),
        ("a.gif", 5, (8, 8), 0.0, None, "fps is 0"),
        ("a.gif", 5, (8, 8), 60.0, None, "at most 50"),
        ("a.gif", 5, (8, 20_000), 25.0, None, "sides of at most"),
        ("a.gif", 5, (8, 8), 25.0, 1_000, "make them smaller or fewer"),
        ("a.gif", 5_000, (1_000, 1_000), 25.0, None, "make them smaller or fewer"),
    ],
)
def test_what_could_not_be_written_is_told_before_the_work(name, n_frames, shape, fps, max_memory, message):
    with pytest.raises(InputError, match=message):
        check_animation(Path(name), n_frames, shape, fps, max_memory)


def test_what_can_be_written_passes():
    check_animation(Path("a.GIF"), 60, (320, 320), 25.0)
