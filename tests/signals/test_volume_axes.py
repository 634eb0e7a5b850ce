import numpy as np
import pytest
import tifffile

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.volume import is_volume, read_volume
from ungrid.signals.volume_axes import even_places, from_axes, named_axes, read_stack, unit_of
from ungrid.signals.volume_stored import to_signal

STACK = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7)


def test_a_stack_is_a_volume_only_where_that_is_said(tmp_path):
    path = tmp_path / "v.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack")
    assert not is_volume(path, path.read_bytes()[:512])
    signal = read_volume(path)
    assert np.array_equal(signal.values[..., 0].numpy(), STACK)
    assert signal.source["bit_depth"] == 16


def test_imagej_s_spacing_is_kept(tmp_path):
    about = {"spacing": 3.0, "unit": "um", "axes": "ZYX"}
    tifffile.imwrite(tmp_path / "v.tif", STACK, imagej=True, resolution=(4.0, 2.0), metadata=about)
    signal = read_stack(tmp_path / "v.tif")
    assert signal.grid.spacing == pytest.approx((3.0, 0.5, 0.25))
    assert signal.box.units[0] == "µm"


def test_imagej_s_channels_and_times_are_told_apart(tmp_path):
    both = np.arange(2 * 5 * 3 * 6 * 7, dtype=np.uint16).reshape(2, 5, 3, 6, 7)
    tifffile.imwrite(tmp_path / "v.tif", both, imagej=True, metadata={"axes": "TZCYX"})
    signal = read_stack(tmp_path / "v.tif")
    assert signal.box.axes == ("t", "z", "y", "x")
    assert np.array_equal(signal.values.numpy(), both.transpose(0, 1, 3, 4, 2))


@pytest.mark.parametrize("content", ["cut", "one page"])
def test_what_is_no_stack_is_told(tmp_path, content):
    path = tmp_path / "v.tif"
    tifffile.imwrite(path, STACK if content == "cut" else STACK[0], photometric="minisblack")
    if content == "cut":
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises((UnreadableInput, InputError), match=r"v\.tif"):
        read_stack(path)


@pytest.mark.parametrize(
    ("names", "shape", "axes"),
    [
        ([None] * 3, (5, 6, 7), "zyx"),
        ([None] * 4, (5, 6, 7, 3), "zyxc"),
        ([None] * 4, (3, 5, 6, 7), "czyx"),
        ([None] * 4, (9, 5, 6, 7), "tzyx"),
        (["x", "y", "z"], (5, 6, 7), "xyz"),
        (["time", "Z", "Y", "X"], (9, 5, 6, 7), "tzyx"),
        (["Q", "Y", "X"], (5, 6, 7), "zyx"),
    ],
)
def test_axes_are_told_by_name_or_size(names, shape, axes):
    assert "".join(named_axes(names, shape, "it")) == axes


@pytest.mark.parametrize(("names", "shape"), [(["z", "y", "lambda"], (5, 6, 7)), ([None] * 2, (5, 6)), ([None] * 6, (1,) * 6)])
def test_axes_that_leave_it_open_are_refused(names, shape):
    with pytest.raises(InputError, match="it has"):
        named_axes(names, shape, "it")


def test_an_axis_that_falls_is_turned_round():
    signal = to_signal(from_axes(STACK, "zyx", {"z": (10.0, -2.0), "y": (0.5, 1.0)}, "mm", "array"), "it")
    assert np.array_equal(signal.values[..., 0].numpy(), STACK[::-1])
    assert signal.box.bounds[0] == (1.0, 11.0)


def test_axes_in_another_order_lie_at_the_same_places():
    one = to_signal(from_axes(STACK, "zyx", {}, "mm", "array"), "it")
    other = to_signal(from_axes(STACK.transpose(2, 0, 1), "xzy", {}, "mm", "array"), "it")
    assert one.grid == other.grid
    assert np.array_equal(one.values.numpy(), other.values.numpy())


def test_uneven_coordinates_are_refused():
    assert even_places(np.array([3.0, 2.5, 2.0]), "it") == (3.0, -0.5)
    with pytest.raises(InputError, match="not evenly spaced"):
        even_places(np.array([1.0, 2.0, 4.0]), "it")


def test_units_have_one_sign_each():
    assert [unit_of(text) for text in ("millimeter", "micron", "seconds", "furlongs", None)] == ["mm", "µm", "s", "", ""]
