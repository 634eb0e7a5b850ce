import numpy as np
import pytest

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.netcdf_classic import read_classic
from ungrid.signals.volume import is_volume, read_volume
from ungrid.signals.volume_hdf5 import is_hdf5, read_hdf5

h5py = pytest.importorskip("h5py", reason="needs the extra: arrays")
VALUES = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)


def test_the_largest_dataset_is_read_and_named(tmp_path):
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["scan/raw"] = VALUES
        file["scan/small"] = VALUES[:3]
        file["about"] = np.arange(9)
        file["scan/raw"].attrs["element_size_um"] = [3.0, 1.0, 0.5]
    signal = read_volume(tmp_path / "v.h5")
    assert np.array_equal(signal.values[..., 0].numpy(), VALUES)
    assert signal.grid.spacing == (3.0, 1.0, 0.5)
    assert signal.box.units == ("µm",) * 3
    assert signal.source["dataset"] == "/scan/raw"
    assert signal.source["other_datasets"] == ["/scan/small"]


def netcdf(path, names, coords, **attributes):
    xarray = pytest.importorskip("xarray", reason="needs the extra: arrays")
    pytest.importorskip("h5netcdf", reason="needs the extra: arrays")
    array = xarray.DataArray(VALUES.astype(np.float32), dims=names, coords=coords, name="density", attrs=attributes)
    array.to_netcdf(path, engine="h5netcdf")
    return path


def test_netcdf_has_its_coordinates_and_unit(tmp_path):
    coords = {"z": 10 + 2.0 * np.arange(5), "y": np.arange(6.0)[::-1].copy(), "x": 0.5 * np.arange(7)}
    path = netcdf(tmp_path / "v.nc", ("z", "y", "x"), coords, units="g/cm3")
    assert is_volume(path, path.read_bytes()[:512])
    signal = read_volume(path)
    assert signal.box.bounds == ((9.0, 19.0), (-0.5, 5.5), (-0.25, 3.25))
    assert np.array_equal(signal.values[..., 0].numpy(), VALUES[:, ::-1])
    assert signal.source["attributes"]["units"] == "g/cm3"


def test_what_lies_over_latitude_and_longitude_is_left_to_others(tmp_path):
    path = netcdf(tmp_path / "v.nc", ("level", "lat", "lon"), {"lat": np.arange(6.0), "lon": np.arange(7.0)})
    assert not is_hdf5(path, path.read_bytes()[:512])


def test_scale_offset_and_fill_value_are_applied(tmp_path):
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["v"] = VALUES
        file["v"].attrs.update({"scale_factor": 0.5, "add_offset": 100.0, "_FillValue": np.int16(7)})
    signal = read_volume(tmp_path / "v.h5")
    assert int((~signal.known).sum()) == 1
    assert float(signal.values[0, 0, 3]) == 101.5


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda file: None, "no dataset of numbers"),
        (lambda file: file.create_dataset("flat", data=np.zeros((3, 3))), "no dataset of numbers"),
        (lambda file: file.create_dataset("words", data=np.full((2, 2, 2), b"a")), "no dataset of numbers"),
        (lambda file: file.create_dataset("empty", shape=(3, 0, 3)), "axis of no samples"),
        (lambda file: file.create_dataset("huge", shape=(2**20, 2**20, 2**10), chunks=(1, 1, 1024)), "declares"),
    ],
)
def test_a_file_without_a_volume_is_told_in_one_line(tmp_path, make, said):
    with h5py.File(tmp_path / "v.h5", "w") as file:
        make(file)
    with pytest.raises((InputError, UnreadableInput), match=said) as caught:
        read_hdf5(tmp_path / "v.h5")
    assert "v.h5" in str(caught.value)


def test_a_truncated_file_is_told(tmp_path):
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["v"] = VALUES
    raw = (tmp_path / "v.h5").read_bytes()
    (tmp_path / "v.h5").write_bytes(raw[:1000])
    with pytest.raises(UnreadableInput, match=r"v\.h5 cannot be read as HDF5"):
        read_volume(tmp_path / "v.h5")


def test_uneven_coordinates_are_refused(tmp_path):
    path = netcdf(tmp_path / "v.nc", ("z", "y", "x"), {"z": np.array([0.0, 1, 2, 4, 8])})
    with pytest.raises(InputError, match="not evenly spaced"):
        read_volume(path)


def test_a_classic_netcdf_file_without_a_volume_is_told_in_one_line(tmp_path):
    (tmp_path / "v.nc").write_bytes(b"CDF\x01" + bytes(100))
    with pytest.raises(UnreadableInput, match=r"v\.nc has no variable of numbers"):
        read_volume(tmp_path / "v.nc")
    (tmp_path / "five.nc").write_bytes(b"CDF\x05" + bytes(100))
    with pytest.raises(InputError, match="nccopy"):
        read_classic(tmp_path / "five.nc")
