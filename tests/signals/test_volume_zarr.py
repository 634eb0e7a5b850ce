import numpy as np
import pytest

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.volume import is_volume, read_volume
from ungrid.signals.volume_zarr import is_zarr, read_zarr

zarr = pytest.importorskip("zarr", reason="needs the extra: arrays")
VALUES = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(5, 6, 7)


def ome(folder, *, axes="zyx", data=VALUES, scale=(2.0, 0.5, 0.25), version="0.5", **level):
    root = zarr.open_group(folder, mode="w", zarr_format=3 if version == "0.5" else 2)
    root.create_array("0", data=data)
    described = [{"name": name, "type": "space", "unit": "micrometer"} for name in axes]
    transformations = [{"type": "scale", "scale": list(scale)}]
    about = [{"axes": described, "datasets": [{"path": "0", "coordinateTransformations": transformations} | level]}]
    root.attrs.update({"ome": {"version": "0.5", "multiscales": about}} if version == "0.5" else {"multiscales": about})
    return folder


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_has_its_scale_and_unit(tmp_path, version):
    path = ome(tmp_path / "v.ome.zarr", version=version)
    assert is_volume(path, b"")
    signal = read_volume(path)
    assert signal.grid.spacing == (2.0, 0.5, 0.25)
    assert signal.box.units == ("µm",) * 3
    assert np.array_equal(signal.values[..., 0].numpy(), VALUES)


def test_ome_zarr_s_channels_are_channels(tmp_path):
    path = ome(tmp_path / "v.zarr", axes="czyx", data=np.stack([VALUES, VALUES + 1]), scale=(1.0, 2.0, 0.5, 0.25))
    signal = read_volume(path)
    assert signal.grid.shape == (5, 6, 7)
    assert np.array_equal(signal.values[..., 1].numpy(), VALUES + 1)


def test_a_bare_array_and_a_group_are_read(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=VALUES, dimension_names=("x", "y", "z"))
    assert read_volume(tmp_path / "a.zarr").grid.shape == (7, 6, 5)
    group = zarr.open_group(tmp_path / "g.zarr", mode="w")
    group.create_array("mask", data=VALUES[:2])
    group.create_array("scan", data=VALUES)
    signal = read_volume(tmp_path / "g.zarr")
    assert signal.source["dataset"] == "scan"
    assert np.array_equal(signal.values[..., 0].numpy(), VALUES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": "7"}, "is not there"),
        ({"coordinateTransformations": [{"type": "scale", "scale": [0.0, 1, 1]}]}, "singular"),
        ({"coordinateTransformations": [{"type": "scale", "scale": [1.0]}]}, "1 numbers for 3 axes"),
        ({"coordinateTransformations": [{"type": "scale", "scale": ["a", 1, 1]}]}, "Zarr"),
    ],
)
def test_broken_metadata_is_told_in_one_line(tmp_path, change, said):
    path = ome(tmp_path / "v.zarr", **change)
    with pytest.raises((InputError, UnreadableInput), match=said) as caught:
        read_zarr(path)
    assert "v.zarr" in str(caught.value)


def test_a_group_without_a_volume_is_told(tmp_path):
    zarr.open_group(tmp_path / "g.zarr", mode="w").create_array("flat", data=VALUES[0])
    with pytest.raises(UnreadableInput, match="no array of numbers"):
        read_zarr(tmp_path / "g.zarr")


def test_hostile_sizes_are_refused_before_reading(tmp_path):
    zarr.create_array(tmp_path / "h.zarr", shape=(2**20, 2**20, 2**20), chunks=(64, 64, 64), dtype="u1")
    with pytest.raises(InputError, match="declares"):
        read_zarr(tmp_path / "h.zarr")


def test_without_zarr_the_install_line_is_told(tmp_path, monkeypatch):
    ome(tmp_path / "v.zarr")
    assert is_zarr(tmp_path / "v.zarr", b"")
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(MissingExtra, match=r"ungrid\[arrays\]"):
        read_zarr(tmp_path / "v.zarr")


def test_a_bare_array_has_the_spacing_that_an_attribute_says(tmp_path):
    array = zarr.create_array(store=str(tmp_path / "a.zarr"), data=VALUES)
    array.attrs["element_size_um"] = (2.0, 0.5, 0.25)
    volume = read_volume(tmp_path / "a.zarr")
    assert volume.grid.spacing == pytest.approx((2.0, 0.5, 0.25))
    assert volume.box.units[0] == "µm"
