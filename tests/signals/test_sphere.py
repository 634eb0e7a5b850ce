"""Fields over the sphere: read, fitted without a seam, and written as they came."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.sphere import from_xarray, read_sphere, write_sphere

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "families"
LAT, LON = np.linspace(90, -90, 19), np.arange(0.0, 360.0, 10.0)


def waves(lat=LAT, lon=LON):
    """Two fields of low degree [lat, lon]."""
    north, east = np.deg2rad(lat)[:, None], np.deg2rad(lon)[None]
    return {
        "q": np.cos(north) ** 2 * np.cos(2 * east) + np.sin(north),
        "w": 1000 + 50 * np.cos(north) * np.sin(east) * np.sin(north),
    }


def saved(path, **changes):
    arrays = {"lat": LAT, "lon": LON, **{name: v.astype(np.float32) for name, v in waves().items()}} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sphere")
    fitted = ug.fit(saved(folder / "w.npz"), steps=300, callbacks=[])
    fitted.save(folder / "w.ung")
    return ug.load(folder / "w.ung")


def test_axes_are_found_turned_and_periodic(tmp_path):
    signal = read_sphere(saved(tmp_path / "w.npz"))
    assert signal.box.axes == ("lat", "lon")
    assert signal.box.periodic == (False, True)
    assert signal.box.bounds == ((-95.0, 95.0), (-5.0, 355.0))
    assert signal.source["descending"] == ["lat"]
    assert_close(signal.values[0, :, 0], torch.full((36,), -1.0), msg="the south pole comes first")


def test_longitudes_a_turn_apart_are_one_place(field):
    ends, shifted = ([[10.0, 0.0], [5.0, -10.0], [-40.0, 123.0]], [[10.0, 360.0], [5.0, 350.0], [-40.0, 123.0 - 720.0]])
    assert_close(field(ends), field(shifted), rtol=1e-6, atol=1e-5)


def test_value_and_gradient_do_not_jump_where_longitudes_begin_again(field):
    for seam in (-5.0, 0.0, 180.0, 355.0):
        west, east = ([[33.0, seam + side]] for side in (-2e-4, 2e-4))
        assert_close(field(west), field(east), rtol=0, atol=0.01)
        west, east = (ug.gradient(field, torch.tensor(place)) for place in (west, east))
        assert_close(west, east, rtol=0.02, atol=0.02)


def test_all_longitudes_meet_at_the_poles(field):
    for pole in (-90.0, 90.0):
        values = field([[pole, lon] for lon in range(0, 360, 20)]).detach()
        assert_close(values, values[:1].expand_as(values), rtol=1e-5, atol=1e-4)


def test_a_fit_is_close_by_area(field):
    assert field.metrics["quality"]["psnr"] > 30
    assert {"psnr_q", "psnr_w"} < set(field.metrics["quality"])


def test_metadata_goes_through_a_field(field, tmp_path):
    ug.render(field, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as out:
        assert set(out.files) == {"lat", "lon", "q", "w"}
        np.testing.assert_array_equal(out["lat"], LAT)
        np.testing.assert_array_equal(out["lon"], LON)
        assert out["q"].dtype == np.float32
        assert np.abs(out["q"] - waves()["q"]).max() < 0.3
        shift = [np.corrcoef(np.roll(out["q"], k, 1).ravel(), waves()["q"].ravel())[0, 1] for k in (-1, 0, 1)]
    assert shift[1] > max(shift[0], shift[2])


PACKED = {
    "v": np.arange(19 * 36, dtype=np.int16).reshape(19, 36),
    "v_scale": np.float64(0.25),
    "v_offset": np.float64(-3.0),
    "v_fill": np.int16(-99),
}
LEVELS = {"level": np.array([200, 500, 850]), "v": np.random.default_rng(0).normal(size=(3, 19, 36)).astype(np.float32)}


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        PACKED,
        PACKED | {"v": np.where(PACKED["v"] % 7 == 0, -99, PACKED["v"]).astype(np.int16)},
        {"q": None, "w": None} | LEVELS,
        {"q": None, "w": None, "level": LEVELS["level"][::-1], "v": LEVELS["v"]},
        {"lat": LAT[::-1]},
        {"lat": np.sort(np.random.default_rng(0).uniform(-89, 89, 19))},
        {"lon": np.linspace(-20, 15, 36)},
        {"q": None, "w": None, "hours": np.arange(4), "v": np.ones((4, 19, 36)) * np.arange(4.0)[:, None, None]},
        {"q": np.where(LON > 300, np.nan, waves()["q"])},
    ],
    ids=["plain", "packed", "missing", "levels", "levels down", "south first", "uneven", "regional", "hours", "one hole"],
)
def test_an_archive_written_again_is_the_one_that_was_read(tmp_path, arrays):
    signal = read_sphere(saved(tmp_path / "in.npz", **arrays))
    write_sphere(tmp_path / "out.npz", signal)
    with np.load(tmp_path / "in.npz") as before, np.load(tmp_path / "out.npz") as after:
        assert set(before.files) == set(after.files)
        for name in before.files:
            assert before[name].dtype == after[name].dtype or before[name].dtype == np.float64
            np.testing.assert_allclose(after[name], before[name], rtol=1e-6, atol=1e-6)


def test_netcdf_keeps_attributes_packing_and_missing_values(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    values = np.round(waves()["q"] * 50)
    values[3, 4] = np.nan
    data = xarray.Dataset(
        {"q": (("time", "latitude", "longitude"), np.stack([values, values + 1]), {"units": "K", "long_name": "warmth"})},
        {
            "time": np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]"),
            "latitude": ("latitude", LAT, {"units": "degrees_north"}),
            "longitude": ("longitude", LON, {"units": "degrees_east"}),
        },
        {"history": "made by a test"},
    )
    packing = {"dtype": "int16", "scale_factor": 0.5, "add_offset": 1.0, "_FillValue": -9}
    data.to_netcdf(tmp_path / "in.nc", engine="h5netcdf", encoding={"q": packing})
    signal = ug.load(tmp_path / "in.nc")
    assert signal.kind == "sphere"
    assert signal.box.axes == ("t", "lat", "lon")
    assert int((~signal.known).sum()) == 2
    write_sphere(tmp_path / "out.nc", signal)
    with xarray.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as again:
        xarray.testing.assert_allclose(again.load(), data)
        assert again["q"].attrs == data["q"].attrs
        assert again.attrs == data.attrs
        assert again["q"].encoding["dtype"] == np.int16
    assert from_xarray(data["q"]).channels == ("q",)


def test_a_map_is_drawn(field, tmp_path):
    from PIL import Image

    ug.render(field, tmp_path / "map.png")
    assert Image.open(tmp_path / "map.png").size[0] == 1052


BAD = [
    ("no values", {"q": None, "w": None}, "no variable on latitude and longitude"),
    ("shape", {"q": np.zeros((36, 19))}, "expected its last axes to be lat and lon"),
    ("degrees", {"lat": np.linspace(-100, 100, 19)}, "expected degrees within -90 and 90"),
    ("order", {"lon": np.random.default_rng(0).permutation(LON)}, "out of order"),
    ("repeated", {"lon": np.linspace(0, 360, 36)}, "a whole turn twice"),
    ("nan places", {"lat": np.full(19, np.nan)}, "out of order, repeated or missing"),
    ("no number", {"q": np.full((19, 36), np.nan)}, "holds no number"),
    ("mixed axes", {"level": np.arange(3), "w": np.zeros((3, 19, 36))}, "different axes"),
    ("empty", {"lat": np.zeros(0), "q": np.zeros((0, 36)), "w": None}, "out of order, repeated or missing"),
]


@pytest.mark.parametrize(("name", "changes", "said"), BAD, ids=[name for name, _, _ in BAD])
def test_what_is_wrong_with_an_archive_is_said_in_one_line(tmp_path, capsys, name, changes, said):
    saved(tmp_path / "in.npz", **changes)
    assert main(["fit", str(tmp_path / "in.npz"), "-o", str(tmp_path / "out.ung")]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.npz"]


def test_damaged_and_mislabeled_files_are_said_to_be(tmp_path, capsys):
    saved(tmp_path / "in.npz")
    content = (tmp_path / "in.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[:300])
    (tmp_path / "cut.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(90))
    (tmp_path / "old.nc").write_bytes(b"CDF\x01" + bytes(90))
    np.savez(tmp_path / "objects.npz", lat=LAT, lon=LON, q=np.array([{}], dtype=object))
    for name in ("cut.npz", "cut.nc", "old.nc", "objects.npz"):
        assert main(["fit", str(tmp_path / name), "--as", "sphere"]) == 2
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_the_reanalysis_comes_back_bit_for_bit(tmp_path):
    write_sphere(tmp_path / "out.npz", read_sphere(SHARED / "eraint_uvz_jan.npz"))
    with np.load(SHARED / "eraint_uvz_jan.npz") as before, np.load(tmp_path / "out.npz") as after:
        for name in before.files:
            assert before[name].dtype == after[name].dtype
            np.testing.assert_array_equal(before[name], after[name])


def test_a_region_across_the_date_line_is_drawn_asked_and_integrated(field, tmp_path, capsys):
    field.save(tmp_path / "w.ung")
    for region in ("longitude=350:370,lat=-20:20", "lon=350:10,lat=-20:20"):
        assert (
            main(["render", str(tmp_path / "w.ung"), "-o", str(tmp_path / "part.npz"), "--region", region, "--scale", "4"]) == 0
        )
        part = read_sphere(tmp_path / "part.npz")
        assert part.grid.shape == (16, 8)
        lon = part.grid.axis_coords(1)
        assert lon[0] == pytest.approx(351.25)
        assert lon[-1] == pytest.approx(368.75)
        inside = field(torch.stack(torch.meshgrid(part.grid.axis_coords(0), lon % 360, indexing="ij"), dim=-1))
        assert_close(part.values, inside.detach(), rtol=1e-4, atol=1e-3)
    across = ug.integrate(field, {"lat": (-20.0, 20.0), "lon": (350.0, 370.0)})
    west, east = (ug.integrate(field, {"lat": (-20.0, 20.0), "lon": ends}) for ends in ((350.0, 355.0), (-5.0, 10.0)))
    assert_close(across, west + east, rtol=1e-3, atol=0.5)
    assert main(["render", str(tmp_path / "w.ung"), "-o", str(tmp_path / "p.npz"), "--region", "lat=20:-20"]) == 2
    assert "does not lie in the box" in capsys.readouterr().err


def test_classic_netcdf_is_read_as_netcdf_4_is_and_written_as_it_came(tmp_path):
    xarray = pytest.importorskip("xarray", reason="needs the extra: arrays")
    pytest.importorskip("scipy", reason="needs the extra: arrays")
    names = {"latitude": LAT, "longitude": LON}
    data = xarray.Dataset({name: (list(names), values) for name, values in waves().items()}, names, {"title": "waves"})
    packing = {"q": {"dtype": "i2", "scale_factor": 1e-4, "add_offset": 0.5, "_FillValue": -32768}}
    data.to_netcdf(tmp_path / "new.nc", engine="h5netcdf", encoding=packing)
    data.to_netcdf(tmp_path / "old.nc", engine="scipy", encoding=packing)
    old, new = (ug.load(tmp_path / name) for name in ("old.nc", "new.nc"))
    assert (old.kind, old.source["format"]) == ("sphere", "classic NetCDF")
    assert_close(old.values, new.values)
    assert old.grid == new.grid
    write_sphere(tmp_path / "again.nc", old)
    assert (tmp_path / "again.nc").read_bytes()[:3] == b"CDF"
    with xarray.open_dataset(tmp_path / "again.nc", engine="scipy") as again:
        assert again.attrs["title"] == "waves"
        assert str(again["q"].encoding["dtype"]) == "int16"
        np.testing.assert_allclose(again["q"], waves()["q"], atol=1e-4)


def test_bad_classic_netcdf_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "five.nc").write_bytes(b"CDF\x05" + bytes(60))
    (tmp_path / "cut.nc").write_bytes(b"CDF\x01\0\0\0\0\0\0")
    for name, said in (("five.nc", "nccopy -k nc4"), ("cut.nc", "cannot be read as NetCDF")):
        assert main(["fit", str(tmp_path / name)]) == 2
        assert said in capsys.readouterr().err
