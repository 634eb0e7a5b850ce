import numpy as np
import pytest
import torch

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.volume import read_volume, write_volume
from ungrid.signals.volume_itk import is_itk, read_itk

itk = pytest.importorskip("SimpleITK", reason="needs the extra: itk")
TURNED = (0.0, -1.0, 0.0, 0.8, 0.0, 0.6, 0.6, 0.0, -0.8)


def saved(path, array, *, vector=False, direction=TURNED, **fields):
    image = itk.GetImageFromArray(array, isVector=vector)
    image.SetSpacing((0.5, 0.75, 2.0))
    image.SetOrigin((10.0, -20.0, 30.5))
    image.SetDirection(direction)
    for key, text in fields.items():
        image.SetMetaData(key, text)
    itk.WriteImage(image, str(path), useCompression=path.suffix != ".mhd")
    return image, path


def values(shape=(4, 5, 6), dtype=np.int16):
    return (np.random.default_rng(0).normal(size=shape) * 100).astype(dtype)


@pytest.mark.parametrize("ending", [".mha", ".nrrd", ".mhd"])
def test_each_value_lies_where_itk_puts_it(tmp_path, ending):
    image, path = saved(tmp_path / f"v{ending}", values())
    signal = read_volume(path)
    places = signal.box.to_world(signal.grid.points(dtype=torch.float64)).numpy()[..., ::-1]
    for at in [(0, 0, 0), (1, 2, 3), (-1, -1, -1)]:
        index = image.TransformPhysicalPointToIndex(places[at].tolist())
        assert float(signal.values[at][0]) == image[index]


@pytest.mark.parametrize("ending", [".mha", ".nrrd"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_itk_reads_back_what_was_written(tmp_path, ending, dtype, n_channels):
    shape = (4, 5, 6) if n_channels == 1 else (4, 5, 6, 3)
    image, path = saved(tmp_path / f"v{ending}", values(shape, np.float32).astype(dtype), vector=n_channels > 1)
    write_volume(tmp_path / f"again{ending}", read_volume(path))
    again = itk.ReadImage(str(tmp_path / f"again{ending}"))
    assert again.GetPixelID() == image.GetPixelID()
    assert np.array_equal(itk.GetArrayFromImage(again), itk.GetArrayFromImage(image))
    for get in ("GetSpacing", "GetOrigin", "GetDirection", "GetSize"):
        assert np.allclose(getattr(again, get)(), getattr(image, get)(), atol=1e-9)


@pytest.mark.parametrize("ending", [".mha", ".nrrd"])
def test_time_and_texts_are_kept(tmp_path, ending):
    image = itk.JoinSeries([itk.GetImageFromArray(values(dtype=np.float32)) for _ in range(3)], 1.5, 0.25)
    image.SetMetaData("Protocol", "T1 fast")
    itk.WriteImage(image, str(tmp_path / f"v{ending}"))
    signal = read_volume(tmp_path / f"v{ending}")
    assert signal.box.axes == ("t", "z", "y", "x")
    assert signal.grid.axis_coords(0).tolist() == [1.5, 1.75, 2.0]
    assert signal.source["metadata"]["Protocol"] == "T1 fast"
    write_volume(tmp_path / f"again{ending}", signal)
    again = read_volume(tmp_path / f"again{ending}")
    assert again.grid == signal.grid
    assert again.source["metadata"] == signal.source["metadata"]


def test_a_nifti_file_has_the_same_place_in_itk(tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="needs the extra: medical")
    affine = np.array([[-2.0, 0.1, 0.3, 60], [0.2, 1.9, -0.4, -30], [0.1, 0.3, 2.2, 5], [0, 0, 0, 1]])
    affine[:3, :3] = np.linalg.qr(affine[:3, :3])[0] * [2.0, 1.5, 1.0]  # itk wants right angles
    nibabel.save(nibabel.Nifti1Image(values(), affine), tmp_path / "v.nii")
    write_volume(tmp_path / "v.mha", read_volume(tmp_path / "v.nii"))
    image, own = itk.ReadImage(str(tmp_path / "v.mha")), itk.ReadImage(str(tmp_path / "v.nii"))
    point = own.TransformIndexToPhysicalPoint((1, 2, 3))
    assert image[image.TransformPhysicalPointToIndex(point)] == own[1, 2, 3]


def meta(n_dims=3, sizes="4 5 6", data="LOCAL"):
    return (
        f"ObjectType = Image\nNDims = {n_dims}\nDimSize = {sizes}\nElementType = MET_SHORT\nElementDataFile = {data}\n".encode()
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"NRRD0004\ntype: int\ndimension: 3\n", "cannot be read as MHA or NRRD"),
        (meta() + b"\0", "MHA or NRRD"),
        (meta(sizes="90000 90000 90000"), "declares"),
        (meta(2, "4 5") + bytes(40), "2 dimensions"),
        (meta(data="gone.raw"), "MHA or NRRD"),
    ],
)
def test_a_broken_file_is_told_in_one_line(tmp_path, content, said):
    path = tmp_path / ("v.nrrd" if content.startswith(b"NRRD") else "v.mha")
    path.write_bytes(content)
    assert is_itk(path, content[:512])
    with pytest.raises((UnreadableInput, InputError), match=said) as caught:
        read_itk(path)
    assert "\n" not in str(caught.value)


def test_without_simpleitk_the_install_line_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "SimpleITK", None)
    with pytest.raises(MissingExtra, match=r"ungrid\[itk\]"):
        read_itk(tmp_path / "v.mha")
