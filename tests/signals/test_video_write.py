import dataclasses
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from ungrid.errors import InputError, MachineError, ShapeError, UnknownName
from ungrid.metrics.error import psnr
from ungrid.signals.video import from_frames, read_film, write_film
from ungrid.signals.video_write import (
    BY_NAME_ALONE,
    ENCODERS,
    ENDINGS,
    aspect_of,
    available,
    choose_encoder,
    open_film_writer,
    rate_of,
)
from ungrid.testing.toys import tiny_film

pytest.importorskip("av", reason="needs the extra: video")


def with_source(film, **source):
    return dataclasses.replace(film, source=film.source | source)


# ending → the least PSNR of smooth frames in it
@pytest.mark.parametrize(("ending", "least"), [(".mp4", 35), (".webm", 35), (".mkv", 200), (".gif", 28)])
def test_frames_come_back(tmp_path, ending, least):
    film = tiny_film(8, 64, 96)
    write_film(tmp_path / f"a{ending}", film)
    back = read_film(tmp_path / f"a{ending}")
    assert back.box.bounds == film.box.bounds
    assert back.channels == film.channels
    assert min(psnr(back.values, film.values), 999) > least


TAGS = {"color_primaries": "bt709", "color_transfer": "bt709", "color_matrix": "bt709", "color_range": "limited"}


# ending → what it does not keep: colors stored as such have no matrix, and a GIF has sRGB alone
@pytest.mark.parametrize(
    ("ending", "lost"),
    [(".mp4", set()), (".webm", set()), (".mkv", {"color_matrix", "color_range"}), (".gif", {*TAGS})],
)
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(10)])
def test_what_the_source_knew_is_written_back(tmp_path, ending, lost, rate):
    if ending == ".gif" and rate.denominator > 1:
        rate = Fraction(50)  # hundredths of a second
    film = with_source(
        tiny_film(4, 64, 64, float(rate)), frame_rate=str(rate), metadata={"title": "waves", "comment": "none"}, **TAGS
    )
    write_film(tmp_path / f"a{ending}", film)
    source = read_film(tmp_path / f"a{ending}").source
    assert source["frame_rate"] == str(rate)
    assert {key for key in TAGS if source.get(key) != TAGS[key]} == lost
    assert source["metadata"] == ({} if ending == ".gif" else film.source["metadata"])
    assert source["codec"] == {".mp4": "av1", ".webm": "vp9", ".mkv": "ffv1", ".gif": "gif"}[ending]
    assert (source["width"], source["height"], source["n_frames"]) == (64, 64, 4)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc", "unspecified"])
@pytest.mark.parametrize("levels", ["limited", "full"])
def test_colors_survive_every_matrix_and_range(tmp_path, matrix, levels):
    color = torch.tensor([0.8, 0.2, 0.4])
    film = with_source(from_frames(color.expand(2, 32, 32, 3).clone(), 25.0), color_matrix=matrix, color_range=levels)
    write_film(tmp_path / "a.mp4", film)
    back = read_film(tmp_path / "a.mp4")
    assert (back.values.mean(dim=(0, 1, 2)) - color).abs().max() < 2.5 / 255
    assert back.source["color_matrix"] == matrix


def test_the_shape_of_pixels_is_kept_and_follows_the_grid(tmp_path):
    film = with_source(tiny_film(2, 64, 64), sample_aspect_ratio="4/3")
    write_film(tmp_path / "a.mp4", film)
    assert read_film(tmp_path / "a.mp4").source["sample_aspect_ratio"] == "4/3"
    half = dataclasses.replace(film.grid, shape=(2, 64, 32))
    assert aspect_of(dataclasses.replace(film.outline, grid=half)) == Fraction(8, 3)
    with pytest.raises(InputError, match=r"\.mkv keeps no pixels of 4/3 in shape; write \.mp4"):
        write_film(tmp_path / "a.mkv", film)


def test_gray_and_alpha_are_kept_without_loss(tmp_path):
    for channels in (1, 4):
        film = tiny_film(3, 32, 32, channels=channels)
        write_film(tmp_path / "a.mkv", film)
        back = read_film(tmp_path / "a.mkv")
        assert back.channels == film.channels
        assert (back.values - film.values).abs().max() < 1e-6


@pytest.mark.parametrize("size", [(2, 3), (17, 33), (300, 5), (65, 67)])
def test_sides_may_be_odd_and_small(tmp_path, size):
    film = tiny_film(2, *size)  # fails by waiting for ever, where an encoder cannot
    write_film(tmp_path / "a.mp4", film)
    assert read_film(tmp_path / "a.mp4").grid.shape == (2, *size)


@pytest.mark.parametrize(
    ("name", "film", "encoder", "fragment"),
    [
        ("a.xyz", tiny_film(), None, "expected a name ending in .mp4 .mkv .webm .gif"),
        ("a.webm", tiny_film(), "ffv1", ".webm is not written by ffv1, but by libvpx-vp9, libsvtav1"),
        ("a.mp4", tiny_film(), "libsvtav1", "takes no less than 64 pixels a side, got 32×24; name another"),
        ("a.mp4", tiny_film(2, 64, 64, channels=4), None, "libsvtav1 in .mp4 cannot hold an alpha channel; .mkv and .webm can"),
        ("a.gif", tiny_film(rate=60.0), None, "a GIF shows at most 50 frames a second, and this film has 60"),
        ("a.mp4", dataclasses.replace(tiny_film(), kind="volume"), None, "a signal of kind 'volume' is no film"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told_and_nothing_is_there(tmp_path, name, film, encoder, fragment):
    with pytest.raises(InputError, match=fragment):
        write_film(tmp_path / name, film, encoder=encoder)
    assert not list(tmp_path.iterdir())


def test_an_unknown_encoder_is_told_with_the_nearest(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'libx264'"):
        write_film(tmp_path / "a.mp4", tiny_film(), encoder="x264")


def test_a_folder_that_is_not_there_is_the_machines_refusal(tmp_path):
    with pytest.raises(MachineError):
        write_film(tmp_path / "missing" / "a.mp4", tiny_film())


def test_frames_that_are_missing_or_too_many_leave_no_file(tmp_path):
    film = tiny_film(4)
    with (
        pytest.raises(InputError, match="has 4 frames, 2 were written"),
        open_film_writer(tmp_path / "a.mp4", film.outline) as writer,
    ):
        writer.write_rows(film.values[:2])
    with pytest.raises(ShapeError, match="do not fit"), open_film_writer(tmp_path / "a.mp4", film.outline) as writer:
        writer.write_rows(film.values.repeat(2, 1, 1, 1))
    assert not list(tmp_path.iterdir())


def test_no_encoder_under_the_gpl_is_called_unless_it_is_named():
    for ending, names in ENDINGS.items():
        assert choose_encoder_of(ending) not in BY_NAME_ALONE
        assert all(name in ENCODERS for name in names)
    assert {name for name, encoder in ENCODERS.items() if encoder.license.startswith("GPL")} == set(BY_NAME_ALONE)
    assert set(available()) <= set(ENCODERS)


def choose_encoder_of(ending):
    return choose_encoder(Path(f"a{ending}"), tiny_film().outline)


def test_the_rate_is_the_grids_where_it_differs_from_the_sources():
    film = with_source(tiny_film(30, rate=30000 / 1001), frame_rate="30000/1001")
    assert rate_of(film.outline) == Fraction(30000, 1001)
    twice = dataclasses.replace(film.grid, shape=(60, *film.grid.shape[1:]))
    assert float(rate_of(dataclasses.replace(film.outline, grid=twice))) == pytest.approx(60000 / 1001, rel=1e-5)
