import numpy as np
import pytest
import torch

from ungrid.errors import InputError, ShapeError
from ungrid.signals.volume import from_array
from ungrid.signals.volume_frame import straight
from ungrid.signals.volume_voxels import Layout, open_voxels, stored_as

SIGNAL = from_array(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
LAYOUT = Layout(b"head", np.dtype("<f4"), straight((2, 3, 4), (1.0, 1.0, 1.0)), True)


def layout(dtype, slope=1.0, intercept=0.0):
    return Layout(b"", np.dtype(dtype), LAYOUT.frame, True, slope, intercept)


def test_bands_fill_the_file_behind_its_head(tmp_path):
    with open_voxels(tmp_path / "v", SIGNAL.outline, LAYOUT) as writer:
        writer.write_rows(SIGNAL.values[:1])
        writer.write_rows(SIGNAL.values[1:])
    raw = (tmp_path / "v").read_bytes()
    assert raw[:4] == b"head"
    stored = np.frombuffer(raw[4:], "<f4").reshape((2, 3, 4), order="F")
    assert np.array_equal(stored, SIGNAL.values[..., 0].numpy())


def test_equal_volumes_are_equal_packed_files(tmp_path):
    for name in ("a", "b"):
        with open_voxels(tmp_path / name, SIGNAL.outline, LAYOUT, packed=True) as writer:
            writer.write_rows(SIGNAL.values)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_volume_that_is_not_complete_leaves_no_file(tmp_path, packed):
    with (
        pytest.raises(InputError, match="1 were written"),
        open_voxels(tmp_path / "v", SIGNAL.outline, LAYOUT, packed=packed) as writer,
    ):
        writer.write_rows(SIGNAL.values[:1])
    assert list(tmp_path.iterdir()) == []


def test_a_band_of_another_shape_is_refused(tmp_path):
    with pytest.raises(ShapeError, match="does not fit"), open_voxels(tmp_path / "v", SIGNAL.outline, LAYOUT) as writer:
        writer.write_rows(SIGNAL.values[:, :2])


@pytest.mark.parametrize(
    ("dtype", "given", "stored"),
    [
        ("u1", [-3.0, 1.49, 1.51, 300.0], [0, 1, 2, 255]),
        ("i2", [-40000.0, -1.5, 2.5, 40000.0], [-32768, -2, 2, 32767]),
        ("i4", [-3e9, 2**24 + 2.0, 0.0, 3e9], [-(2**31), 2**24 + 2, 0, 2**31 - 1]),
        ("?", [0.0, 0.4, 0.6, 1.0], [False, False, True, True]),
    ],
)
def test_integers_are_rounded_and_cut_off_at_their_ends(dtype, given, stored):
    assert stored_as(torch.tensor(given), layout(dtype)).tolist() == stored


def test_the_highest_integers_do_not_wrap_round():
    assert stored_as(torch.tensor([1e30]), layout("i8"))[0] > 2**62
    assert stored_as(torch.tensor([1e30]), layout("u8"))[0] > 2**63


def test_a_scale_is_taken_off():
    assert stored_as(torch.tensor([-1000.0, 24.0]), layout("i2", 2.0, -1000.0)).tolist() == [0, 512]
