import numpy as np
import pytest

import ungrid as ug
from ungrid.errors import UnreadableInput
from ungrid.signals.netcdf_classic import is_classic_volume, on_a_sphere, read_classic

pytest.importorskip("scipy", reason="needs the extra: arrays")
VALUES = np.arange(4 * 5 * 6, dtype="i2").reshape(4, 5, 6)


def saved(path, dimensions=("z", "y", "x"), **attributes):
    from scipy.io import netcdf_file

    with netcdf_file(path, "w") as file:
        for name, n in zip(dimensions, VALUES.shape, strict=True):
            file.createDimension(name, n)
            places = file.createVariable(name, "f8", (name,))
            places[:], places.units = 10 + 2.0 * np.arange(n), "mm"
        one = file.createVariable("density", "i2", dimensions)
        one[:] = VALUES
        for name, value in attributes.items():
            setattr(one, name, value)
    return path


def test_a_volume_has_its_places_unit_and_unpacked_values(tmp_path):
    path = saved(tmp_path / "v.nc", scale_factor=0.5, add_offset=-3.0, _FillValue=np.int16(7))
    volume = ug.load(path)
    assert (volume.kind, volume.source["format"], volume.source["dataset"]) == ("volume", "classic NetCDF", "density")
    assert volume.box.units == ("mm", "mm", "mm")
    assert volume.box.bounds[0] == (9.0, 17.0)
    expected = 0.5 * VALUES - 3
    known = volume.known.numpy() if volume.known.ndim == 3 else volume.known[..., 0].numpy()
    assert not known[VALUES == 7].any()
    np.testing.assert_allclose(volume.values[..., 0].numpy()[known], expected[known])


def test_a_file_of_latitude_and_longitude_is_no_volume(tmp_path):
    globe = saved(tmp_path / "g.nc", ("time", "lat", "lon"))
    assert on_a_sphere(globe)
    assert not is_classic_volume(globe, globe.read_bytes()[:512])
    assert is_classic_volume(saved(tmp_path / "v.nc"), b"CDF\x01")


def test_a_file_that_is_cut_off_is_said_to_be(tmp_path):
    data = saved(tmp_path / "v.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableInput, match=r"cut\.nc"):
        read_classic(tmp_path / "cut.nc")
