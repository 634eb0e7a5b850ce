import numpy as np
import pytest
import torch
from PIL import Image

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.record import Record
from ungrid.render.comparisons import COMPARISONS
from ungrid.render.slices import axis_plane, slice_through
from ungrid.render.volume_picture import compare_volumes, draw_planes, strength, window, with_bar, write_slice
from ungrid.signals.volume import from_array
from ungrid.testing.analytic_fields import LineField


def volume():
    box = Box(("z", "y", "x"), ((0.0, 8.0), (0.0, 60.0), (0.0, 100.0)), ("mm",) * 3)
    field = LineField(((0.0, 0.0, 1.0),), (0.0,), box)
    field.record = Record("volume", (8, 60, 100), ("value",), {})
    return field


def test_the_picture_has_three_planes_in_true_proportion(tmp_path):
    field = volume()
    draw_planes(field, tmp_path / "v.png", field.grid())
    picture = np.asarray(Image.open(tmp_path / "v.png"))
    pitch = 100 / 256  # at least 256 pixels along the longest axis
    assert picture.shape[1] == pytest.approx((100 + 100 + 60) / pitch + 16, abs=3)
    row = picture[60, : int(100 / pitch), 0].astype(int)
    assert row[0] == 0
    assert row[-1] == 255
    assert (np.diff(row) >= 0).all()


def test_a_slice_is_written_as_values_or_as_gray(tmp_path):
    field = volume()
    seen = slice_through(field, axis_plane(field, "z", 4.0), size=(70.0, 100.0), spacing=1.0)
    for name in ("s.npy", "s.tif", "s.png"):
        write_slice(seen, tmp_path / name)
    values = np.load(tmp_path / "s.npy")
    assert np.isnan(values[0]).all()
    assert np.allclose(values[35, :, 0], np.arange(100) + 0.5)
    import tifffile

    assert np.allclose(tifffile.imread(tmp_path / "s.tif")[35], np.arange(100) + 0.5)
    assert Image.open(tmp_path / "s.png").size == (100, 70)


def test_a_slice_to_another_kind_of_file_is_refused(tmp_path):
    field = volume()
    with pytest.raises(InputError, match=r"cannot write a slice to s\.wav"):
        write_slice(slice_through(field, axis_plane(field, "z", 4.0)), tmp_path / "s.wav")


def test_the_bar_has_a_round_length_in_the_box_s_unit():
    picture = torch.zeros(60, 100, 3)
    drawn = with_bar(picture, 1.5, "mm")
    white = (drawn[-10:-9] == 1).all(dim=-1).sum() + 2  # with its outline
    assert int(white) == round(20 / 1.5)  # at most 30 % of 150 mm
    assert with_bar(torch.zeros(20, 20, 3), 1.0, "mm").sum() == 0


def test_the_window_leaves_out_the_extremes():
    low, high = window([torch.arange(1000.0)])
    assert (low, high) == (5.0, 994.0)
    assert window([torch.zeros(9)]) == (0.0, 1.0)
    assert window([torch.tensor([0.0] * 999 + [3.0])]) == (0.0, 3.0)


def test_of_several_channels_the_root_of_squares_is_seen():
    assert strength(torch.tensor([[[3.0, 4.0]]])).tolist() == [[5.0]]


def test_two_volumes_are_shown_with_their_difference(tmp_path):
    first = from_array(np.random.default_rng(0).random((9, 60, 80), np.float32), spacing=(2.0, 1.0, 1.0))
    second = first.with_values(first.values + 0.1)
    COMPARISONS["volume"](second, first, tmp_path / "c.png")
    picture = np.asarray(Image.open(tmp_path / "c.png"))
    assert picture[22 + 30, 2 * 88 + 60].tolist() == [255, 255, 255]  # ten times a tenth more is white
    with pytest.raises(InputError, match="same size"):
        compare_volumes(first, from_array(np.zeros((9, 60, 70), np.float32)), tmp_path / "d.png")


def test_a_picture_of_too_many_pixels_is_refused(tmp_path):
    field = volume()
    with pytest.raises(InputError, match="larger one"):
        draw_planes(field, tmp_path / "v.png", Grid(field.box, (8_000, 60_000, 100_000)))
