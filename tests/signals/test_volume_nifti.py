import gzip
import struct

import numpy as np
import pytest
import torch

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.volume import read_volume, write_volume
from ungrid.signals.volume_nifti import adopt_nifti, is_nifti, parsed, read_nifti

nibabel = pytest.importorskip("nibabel", reason="needs the extra: medical")
OBLIQUE = np.array([[-2.0, 0.1, 0.3, 60], [0.2, 1.9, -0.4, -30], [0.1, 0.3, 2.2, 5], [0, 0, 0, 1]])
STRAIGHT = np.array([[0, -2.0, 0, 60], [0, 0, 1.5, -30], [3.0, 0, 0, 5], [0, 0, 0, 1]])


def values(shape=(5, 6, 7), dtype=np.int16, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) * 100).astype(dtype)


def saved(path, array, affine=STRAIGHT, **header):
    image = nibabel.Nifti1Image(array, affine)
    for key, value in header.items():
        image.header[key] = value
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("affine", [STRAIGHT, OBLIQUE, np.diag([-1.0, 1, 1, 1])], ids=["straight", "oblique", "left-handed"])
def test_each_value_lies_where_nibabel_puts_it(tmp_path, affine):
    array = values()
    signal = read_nifti(saved(tmp_path / "v.nii", array, affine))
    grid, box = signal.grid, signal.box
    stored = nibabel.load(tmp_path / "v.nii")
    places = box.to_world(grid.points(dtype=torch.float64)).numpy()[..., ::-1]
    index = nibabel.affines.apply_affine(np.linalg.inv(stored.affine), places)
    assert np.abs(index - index.round()).max() < 1e-5
    i, j, k = np.moveaxis(index.round().astype(int), -1, 0)
    assert np.array_equal(signal.values[..., 0].numpy(), array[i, j, k])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64, ">i2", ">f4"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_file_is_written_back_to_the_byte(tmp_path, dtype, ending):
    path, again = tmp_path / f"v{ending}", tmp_path / f"again{ending}"
    saved(path, values(dtype=np.float32).astype(dtype), OBLIQUE, descrip=b"a phantom")
    write_volume(again, read_volume(path))
    pack = gzip.open if ending.endswith("gz") else open
    assert pack(again, "rb").read() == pack(path, "rb").read()


def test_slope_and_intercept_are_applied_and_taken_off_again(tmp_path):
    path = saved(tmp_path / "v.nii", values())
    raw = bytearray(path.read_bytes())
    raw[112:120] = struct.pack("<ff", 0.5, -1000)
    path.write_bytes(raw)
    signal = read_nifti(path)
    assert float(signal.values.max()) == values().max() * 0.5 - 1000
    write_volume(tmp_path / "again.nii", signal)
    assert (tmp_path / "again.nii").read_bytes() == bytes(raw)


def test_time_is_the_first_axis_in_seconds(tmp_path):
    array = values((5, 6, 7, 4))
    image = nibabel.Nifti1Image(array, STRAIGHT)
    image.header.set_xyzt_units("mm", "msec")
    image.header["pixdim"][4] = 500
    nibabel.save(image, tmp_path / "v.nii")
    signal = read_nifti(tmp_path / "v.nii")
    assert signal.box.axes == ("t", "z", "y", "x")
    assert signal.box.bounds[0] == (-0.25, 1.75)
    assert signal.box.units == ("s", "mm", "mm", "mm")
    write_volume(tmp_path / "again.nii", signal)
    assert (tmp_path / "again.nii").read_bytes() == (tmp_path / "v.nii").read_bytes()


def test_vectors_and_colors_become_channels(tmp_path):
    vectors = values((5, 6, 7, 1, 3), np.float32)
    signal = read_nifti(saved(tmp_path / "v.nii", vectors, np.eye(4)))
    assert signal.channels == ("x", "y", "z")
    assert np.array_equal(signal.values.numpy(), vectors[:, :, :, 0].transpose(2, 1, 0, 3))
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    colors = np.zeros((2, 3, 4), kind)
    colors["G"] = 7
    colors["B"][1] = 9
    again = read_nifti(saved(tmp_path / "c.nii", colors, np.eye(4)))
    assert again.channels == ("r", "g", "b")
    assert again.values[0, 0, 1].tolist() == [0, 7, 9]
    for name, one in (("v.nii", signal), ("c.nii", again)):
        write_volume(tmp_path / "again.nii", one)
        assert (tmp_path / "again.nii").read_bytes() == (tmp_path / name).read_bytes()


def test_nan_is_not_known_and_is_written_back(tmp_path):
    array = values(dtype=np.float32)
    array[2:4, 1:3] = np.nan
    signal = read_nifti(saved(tmp_path / "v.nii", array))
    assert int((~signal.known).sum()) == 2 * 2 * 7
    assert float(signal.values[~signal.known].abs().max()) == 0
    write_volume(tmp_path / "again.nii", signal)
    assert np.array_equal(nibabel.load(tmp_path / "again.nii").get_fdata(), array, equal_nan=True)


def test_nifti_2_extensions_and_codes_are_kept(tmp_path):
    image = nibabel.Nifti2Image(values(), OBLIQUE)
    image.set_qform(nibabel.affines.from_matvec(np.diag([2.0, 2, 2])), 1)
    image.set_sform(OBLIQUE, 4)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"from a scanner"))
    nibabel.save(image, tmp_path / "v.nii")
    signal = read_nifti(tmp_path / "v.nii")
    assert (signal.source["qform_code"], signal.source["sform_code"]) == (1, 4)
    write_volume(tmp_path / "again.nii", signal)
    assert (tmp_path / "again.nii").read_bytes() == (tmp_path / "v.nii").read_bytes()


def test_an_image_of_nibabel_is_adopted():
    image = nibabel.Nifti1Image(values(), STRAIGHT)
    signal = adopt_nifti(image)
    assert signal.grid.shape == (5, 7, 6)  # the first stored axis runs along z, the second along x
    assert adopt_nifti(np.zeros((3, 3, 3))) is None


def broken(path, offset, content):
    raw = bytearray(path.read_bytes())
    raw[offset : offset + len(content)] = content
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("offset", "content", "said"),
    [
        (40, struct.pack("<4h", 3, 30000, 30000, 30000), "declares"),
        (40, struct.pack("<4h", 3, 5, 0, 7), "axis of no samples"),
        (40, struct.pack("<4h", 3, -5, 6, 7), "dimensions"),
        (40, struct.pack("<4h", 9, 5, 6, 7), "voxels begin"),  # taken for the other order of bytes
        (40, struct.pack("<8h", 7, 5, 6, 1, 1, 1, 7, 1), "dimensions"),
        (70, struct.pack("<h", 32), "complex"),
        (70, struct.pack("<h", 999), "cannot be read as NIfTI"),
        (108, struct.pack("<f", 1e30), "voxels begin"),
        (108, struct.pack("<f", float("nan")), "voxels begin"),
        (123, b"\x07", "unit code 7"),
        (344, b"ni1\0", ".img"),
        (280, struct.pack("<12f", *[0.0] * 12), "singular"),
        (280, struct.pack("<f", float("nan")), "affine"),
    ],
)
def test_a_broken_header_is_told_in_one_line(tmp_path, offset, content, said):
    path = broken(saved(tmp_path / "v.nii", values()), offset, content)
    with pytest.raises((UnreadableInput, InputError), match=said) as caught:
        read_nifti(path)
    assert "v.nii" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sizes_are_checked_before_unpacking(tmp_path):
    path = saved(tmp_path / "v.nii", np.zeros((8, 8, 8), np.uint8))
    raw = bytearray(path.read_bytes())
    raw[40:48] = struct.pack("<4h", 3, 2000, 2000, 2000)
    packed = tmp_path / "bomb.nii.gz"
    packed.write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(UnreadableInput, match="cut off"):
        read_nifti(packed)


@pytest.mark.parametrize("keep", [10, 200, 400, -50])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_truncated_file_is_told(tmp_path, keep, ending):
    path = saved(tmp_path / f"v{ending}", values())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnreadableInput, match=r"cut off|cannot be read as NIfTI"):
        read_nifti(path)


def test_it_is_recognized_by_content(tmp_path):
    for ending in (".nii", ".nii.gz"):
        path = saved(tmp_path / f"v{ending}", values())
        assert is_nifti(path.rename(tmp_path / "v"), (tmp_path / "v").read_bytes()[:512])
    assert not is_nifti(tmp_path / "x.gz", gzip.compress(bytes(4000)))


def test_without_nibabel_the_install_line_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    with pytest.raises(MissingExtra, match=r"ungrid\[medical\]"):
        parsed(bytes(352))
