import numpy as np
import pytest
import torch

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.volume import from_array, read_volume, write_volume
from ungrid.signals.volume_array import is_volume_array, npz_shapes, read_array

SCALAR = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
VECTOR = np.random.default_rng(0).normal(size=(5, 6, 7, 3)).astype(np.float32)


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


def recognized(path):
    with open(path, "rb") as file:
        return is_volume_array(path, file.read(512))


def test_an_array_with_a_spacing_is_a_volume(tmp_path):
    path = saved(tmp_path / "v.npz", volume=SCALAR, spacing=np.array([2.0, 0.5, 0.25], np.float32))
    assert recognized(path)
    signal = read_volume(path)
    assert signal.box.axes == ("z", "y", "x")
    assert signal.box.bounds == ((0, 10), (0, 3), (0, 1.75))
    assert signal.box.units == ("mm", "mm", "mm")
    assert np.array_equal(signal.values[..., 0].numpy(), SCALAR)


def test_arrays_of_one_grid_become_channels_and_arrays_again(tmp_path):
    path = saved(tmp_path / "v.npz", speed=SCALAR.astype(np.float32), flow=VECTOR, spacing=np.ones(3))
    signal = read_volume(path)
    assert signal.channels == ("speed", "flow_x", "flow_y", "flow_z")
    write_volume(tmp_path / "again.npz", signal)
    with np.load(tmp_path / "again.npz") as again:
        assert np.array_equal(again["speed"], SCALAR)
        assert np.array_equal(again["flow"], VECTOR)
    assert read_volume(tmp_path / "again.npz").grid == signal.grid


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", ">i4"])
def test_type_and_place_are_kept(tmp_path, dtype):
    affine = np.array([[0, -2.0, 0, 60], [0, 0, 1.5, -30], [3.0, 0, 0, 5], [0, 0, 0, 1]])
    path = saved(tmp_path / "v.npz", volume=(SCALAR % 200).astype(dtype), spacing=np.ones(3), affine=affine)
    signal = read_volume(path)
    write_volume(tmp_path / "again.npz", signal)
    with np.load(tmp_path / "again.npz") as again:
        assert again["volume"].dtype == np.dtype(dtype).newbyteorder("=")
        assert np.array_equal(again["volume"], SCALAR % 200)
        assert np.array_equal(again["affine"], affine)


def test_times_come_first_where_they_are_said(tmp_path):
    signal = read_array(saved(tmp_path / "v.npz", volume=VECTOR, spacing=np.ones(3), ticks=np.array([1.0, 0.5])))
    assert signal.box.axes == ("t", "z", "y", "x")
    assert signal.grid.shape == (5, 6, 7, 3)
    write_volume(tmp_path / "again.npz", signal)
    again = read_volume(tmp_path / "again.npz")
    assert again.grid == signal.grid
    assert torch.equal(again.values, signal.values)


@pytest.mark.parametrize(
    "arrays",
    [
        {"u": SCALAR, "u_scale": np.ones(1), "lat": np.ones(6), "lon": np.ones(7)},
        {"frames": np.zeros((9, 8, 8, 3), np.uint8)},
        {"images": SCALAR, "labels": np.zeros(5)},
        {"image": np.zeros((9, 9))},
        {"picture": np.zeros((9, 9, 3))},
        {"spacing": np.ones(3)},
    ],
)
def test_other_npz_files_are_left_to_others(tmp_path, arrays):
    assert not recognized(saved(tmp_path / "v.npz", **arrays))


def test_one_bare_array_of_three_axes_is_a_volume_of_samples(tmp_path):
    path = saved(tmp_path / "v.npz", arr_0=SCALAR)
    assert recognized(path)
    assert read_volume(path).box.units == ("", "", "")
    np.save(tmp_path / "v.npy", SCALAR)
    assert recognized(tmp_path / "v.npy")
    assert read_volume(tmp_path / "v.npy").box.bounds == ((0, 5), (0, 6), (0, 7))
    assert npz_shapes(path) == {"arr_0": (5, 6, 7)}


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"volume": SCALAR, "spacing": np.array([1.0, 0, 1])}, "three positive numbers"),
        ({"volume": SCALAR, "spacing": np.ones(2)}, "three positive numbers"),
        ({"volume": SCALAR, "spacing": np.array([np.nan, 1, 1])}, "three positive numbers"),
        ({"volume": SCALAR, "spacing": np.ones(3), "affine": np.zeros((4, 4))}, "singular"),
        ({"volume": SCALAR, "spacing": np.ones(3), "affine": np.eye(3)}, "expected .4, 4"),
        ({"volume": SCALAR, "other": SCALAR[:4], "spacing": np.ones(3)}, "several grids"),
        ({"volume": SCALAR[:0], "spacing": np.ones(3)}, "axis of no samples"),
        ({"volume": VECTOR[..., :0], "spacing": np.ones(3)}, "axis of no samples"),
        ({"volume": SCALAR * 1j, "spacing": np.ones(3)}, "no array"),
        ({"volume": np.full((5, 5, 5), np.nan), "spacing": np.ones(3)}, "nothing but NaN"),
        ({"volume": np.array([{}], dtype=object), "spacing": np.ones(3)}, "cannot be read"),
    ],
)
def test_what_is_no_volume_is_told_in_one_line(tmp_path, arrays, said):
    path = saved(tmp_path / "v.npz", **arrays)
    with pytest.raises((InputError, UnreadableInput), match=said) as caught:
        read_array(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(5, 6), (5,), (2, 3, 4, 5, 6)])
def test_an_array_of_another_number_of_axes_is_refused(shape):
    with pytest.raises(InputError, match=r"expected \[z, y, x"):
        from_array(np.zeros(shape))
