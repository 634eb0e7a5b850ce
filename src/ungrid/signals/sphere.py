"""Global and regional fields over latitude and longitude, with levels and times: .npz and NetCDF files, and xarray, and back."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.array_file import ZIP_MAGIC, read_arrays
from ungrid.signals.base import Signal
from ungrid.signals.modality import Modality
from ungrid.signals.netcdf_classic import CLASSIC, check_classic, on_a_sphere
from ungrid.signals.sphere_write import CLASSIC_NETCDF, ENDINGS, PACKED, SECONDS, open_sphere_writer, write_sphere

__all__ = ["SPHERE", "from_xarray", "read_sphere", "write_sphere"]

AXES = ("level", "t", "lat", "lon")
UNITS = {"level": "hPa", "t": "s", "lat": "degree", "lon": "degree"}
NAMES = {
    "level": {
        "level",
        "lev",
        "plev",
        "pressure",
        "pressure_level",
        "isobaricinhpa",
        "air_pressure",
        "hpa",
        "pa",
        "mbar",
        "millibars",
    },
    "t": {"t", "time", "valid_time", "hours"},
    "lat": {"lat", "latitude", "degrees_north", "degree_north"},
    "lon": {"lon", "longitude", "degrees_east", "degree_east"},
}
MOST_VALUES = 2**28
EVEN = 1e-3  # of a step, within which places are evenly spaced: single precision rounds 0.1° by less
HDF5 = b"\x89HDF"


class Fields:
    """Variables on common axes as they came: coordinates by axis, values [*axes] by name, NaN where nothing is known."""

    def __init__(self, coordinates: dict[str, NDArray[Any]], values: dict[str, NDArray[Any]], source: dict[str, Any]):
        self.coordinates, self.values, self.source = coordinates, values, source


def read_sphere(path: Path) -> Signal:
    """A file as a signal on those of ("level", "t", "lat", "lon") that it has, the last two always; packed values are unpacked.

    Raises:
        UnreadableInput: no such file, or damaged.
        InputError: no variable on latitude and longitude, angles out of range or in no order, too many values.
        MissingExtra: NetCDF without xarray and h5netcdf, or scipy where it is classic.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected .npz or NetCDF")
    with open(path, "rb") as file:
        start = file.read(8)
        digest = hashlib.file_digest(file, "sha256").hexdigest() if file.seek(0) == 0 else ""
    fields = _from_npz(path) if start.startswith(ZIP_MAGIC) else _from_netcdf(path, start)
    signal = to_signal(fields)
    return replace(signal, source={**signal.source, "file": path.name, "bytes": path.stat().st_size, "sha256": digest})


def from_xarray(data: Any) -> Signal:
    """A DataArray or Dataset of xarray on latitude and longitude as a signal; attributes are kept.

    Raises:
        InputError: as `read_sphere`.
    """
    return to_signal(
        _of_dataset(data.to_dataset(name=data.name or "value") if not hasattr(data, "data_vars") else data, "xarray")
    )


def to_signal(fields: Fields) -> Signal:
    """Variables as the channels of one signal, each axis rising; `source` says which ran the other way."""
    axes = [axis for axis in AXES if axis in fields.coordinates]
    bounds, ticks, descending, periodic, order = [], {}, [], [], []
    for axis in axes:
        places = np.asarray(fields.coordinates[axis], dtype=np.float64)
        down = len(places) > 1 and places[1] < places[0]
        order.append(slice(None, None, -1) if down else slice(None))
        descending += [axis] if down else []
        low_high, even, wraps = _extent(axis, places[::-1] if down else places)
        bounds.append(low_high)
        periodic.append(wraps)
        if not even:
            ticks[axis] = (places[::-1] if down else places).tolist()
    stacked = np.stack([values[tuple(order)] for values in fields.values.values()], axis=-1).astype(np.float32)
    known = np.isfinite(stacked)
    if not known.any(axis=tuple(range(len(axes)))).all():
        raise InputError("a variable holds no number at all; leave it out")
    mean = np.nanmean(np.where(known, stacked, np.nan), axis=tuple(range(len(axes))))
    mask = None if known.all() else torch.from_numpy(known.any(-1) if (known.all(-1) == known.any(-1)).all() else known)
    grid = Grid(
        Box(tuple(axes), tuple(bounds), tuple(UNITS[axis] for axis in axes), tuple(periodic)),
        stacked.shape[:-1],
        tuple(tuple(ticks[axis]) if axis in ticks else None for axis in axes),
    )
    source = fields.source | {"descending": descending, "ticks": ticks}
    return Signal(torch.from_numpy(np.where(known, stacked, mean)), grid, "sphere", tuple(fields.values), source, known=mask)


def _extent(axis: str, places: NDArray[np.float64]) -> tuple[tuple[float, float], bool, bool]:
    """(bounds of an axis whose samples lie there, whether they are evenly spaced, whether it goes around)."""
    if not np.isfinite(places).all() or not len(places) or (np.diff(places) <= 0).any():
        raise InputError(f"the {axis} coordinates are out of order, repeated or missing; expected them rising or falling")
    limits = {"lat": (-90.0, 90.0), "lon": (-360.0, 540.0)}.get(axis, (-np.inf, np.inf))
    if places[0] < limits[0] - 1e-3 or places[-1] > limits[1] + 1e-3:
        raise InputError(
            f"{axis} runs from {places[0]:g} to {places[-1]:g}; expected degrees within {limits[0]:g} and {limits[1]:g}"
        )
    if axis == "lon" and places[-1] - places[0] > 360 - 1e-3:
        raise InputError(
            f"lon runs from {places[0]:g} to {places[-1]:g}, a whole turn twice; drop the column that repeats the first"
        )
    if len(places) == 1:
        return (float(places[0]) - 0.5, float(places[0]) + 0.5), True, False
    step = float(places[-1] - places[0]) / (len(places) - 1)
    even = bool(np.abs(np.diff(places) - step).max() < EVEN * step)
    first, last = (step, step) if even else (float(places[1] - places[0]), float(places[-1] - places[-2]))
    if axis == "lon" and even and abs(step * len(places) - 360) < EVEN * step * len(places):
        middle = float(places[0] + places[-1]) / 2
        return (middle - 180.0, middle + 180.0), True, True
    return (float(places[0]) - first / 2, float(places[-1]) + last / 2), even, False


def _axis_of(name: str, attributes: dict[str, Any] | None = None) -> str | None:
    said = [name, *(str((attributes or {}).get(key, "")) for key in ("standard_name", "units"))]
    return next((axis for word in said for axis, known in NAMES.items() if word.lower() in known), None)


def _from_npz(path: Path) -> Fields:
    arrays = read_arrays(path)
    found = {axis: name for name, array in arrays.items() if array.ndim == 1 and (axis := _axis_of(name)) is not None}
    if not {"lat", "lon"} <= set(found):
        raise InputError(f"{path.name} holds {', '.join(arrays)}; expected arrays lat and lon of one axis beside the values")
    sizes = {axis: len(arrays[name]) for axis, name in found.items()}
    values, packing, dims = {}, {}, {}
    for name, array in arrays.items():
        if name in found.values() or array.ndim < 2 or array.dtype.kind not in "iuf":
            continue
        dims[name] = _dims_by_size(name, array.shape, sizes)
        packed = {
            said: arrays[name + key].item()
            for key, said in PACKED.items()
            if name + key in arrays and arrays[name + key].ndim == 0
        }
        missing = np.isnan(array) if array.dtype.kind == "f" else array == packed.get("_FillValue", 2**62)
        values[name] = np.where(missing, np.nan, array * packed.get("scale_factor", 1.0) + packed.get("add_offset", 0.0))
        packing[name] = {"dtype": str(array.dtype), **packed}
    coordinates = {axis: arrays[name] * SECONDS.get(name.lower(), 1.0) for axis, name in found.items()}
    source = {
        "format": "npz",
        "names": found,
        "packing": packing,
        "dtypes": {name: str(arrays[name].dtype) for name in found.values()},
    }
    return _checked(coordinates, values, dims, source, path.name)


def _dims_by_size(name: str, shape: tuple[int, ...], sizes: dict[str, int]) -> tuple[str, ...]:
    """Which axes an array has: latitude and longitude last, before them levels and times by their numbers."""
    rest = [axis for axis in ("level", "t") if axis in sizes]
    for lead in ([], rest[:1], rest[1:], rest, rest[::-1]):
        if shape == tuple(sizes[axis] for axis in (*lead, "lat", "lon")):
            return (*lead, "lat", "lon")
    raise InputError(f"{name!r} has shape {shape}; expected its last axes to be lat and lon, {sizes['lat']} and {sizes['lon']}")


def _checked(
    coordinates: dict[str, Any], values: dict[str, Any], dims: dict[str, tuple[str, ...]], source: dict[str, Any], name: str
) -> Fields:
    """Variables on one set of axes, in our order."""
    if not values:
        raise InputError(f"{name} has no variable on latitude and longitude; expected at least one")
    if len({frozenset(one) for one in dims.values()}) > 1:
        said = ", ".join(f"{variable} ({', '.join(one)})" for variable, one in dims.items())
        raise InputError(f"{name} has variables on different axes: {said}; keep those of one kind in a file")
    if sum(array.size for array in values.values()) > MOST_VALUES:
        raise InputError(f"{name} holds more than {MOST_VALUES:,} values; select a part of it")
    axes = [axis for axis in AXES if axis in next(iter(dims.values()))]
    turned = {key: array.transpose([dims[key].index(axis) for axis in axes]) for key, array in values.items()}
    return Fields(
        {axis: coordinates[axis] for axis in axes}, turned, source | {"dims": {key: list(one) for key, one in dims.items()}}
    )


def _from_netcdf(path: Path, start: bytes) -> Fields:
    try:
        import h5netcdf  # noqa: F401
        import xarray
    except ImportError as error:
        raise MissingExtra(error.name or "xarray", "arrays", "reading NetCDF") from None
    engine, said = "h5netcdf", "NetCDF"
    if start.startswith(CLASSIC):
        check_classic(path, start)
        engine, said = "scipy", CLASSIC_NETCDF
    try:
        with xarray.open_dataset(path, engine=engine) as data:
            if sum(one.size for one in data.data_vars.values()) > MOST_VALUES:
                raise InputError(f"{path.name} holds more than {MOST_VALUES:,} values; select a part of it")
            return _of_dataset(data.load(), said)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, IndexError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        said = " ".join(str(error).split())[:120]
        raise UnreadableInput(
            f"{path.name} cannot be read as NetCDF ({said}); it is cut off, damaged or something else"
        ) from None


def _of_dataset(data: Any, file_format: str) -> Fields:
    found = {
        axis: str(dim) for dim in data.dims if dim in data.coords and (axis := _axis_of(str(dim), data[dim].attrs)) is not None
    }
    if not {"lat", "lon"} <= set(found):
        raise InputError(f"the dataset has the dimensions {', '.join(map(str, data.dims))}; expected latitude and longitude")
    axis_by_dim = {dim: axis for axis, dim in found.items()}
    names = [name for name, one in data.data_vars.items() if set(map(str, one.dims)) <= set(axis_by_dim) and one.ndim > 1]
    dims = {str(name): tuple(axis_by_dim[str(dim)] for dim in data[name].dims) for name in names}
    values = {str(name): data[name].to_numpy().astype(np.float64) for name in names}
    coordinates = {axis: data[dim].to_numpy() for axis, dim in found.items()}
    source: dict[str, Any] = {"format": file_format, "names": found}
    if "t" in coordinates and coordinates["t"].dtype.kind == "M":
        moments = coordinates["t"].astype("datetime64[ns]")
        source["start"] = str(moments[0])
        coordinates["t"] = (moments - moments[0]).astype(np.int64) / 1e9
    if "level" in coordinates and str(data[found["level"]].attrs.get("units", "")) == "Pa":
        coordinates["level"], source["level_unit"] = coordinates["level"] / 100.0, "Pa"
    source["attributes"] = {key: _plain(data[key].attrs) for key in (*names, *found.values())} | {"": _plain(data.attrs)}
    source["packing"] = {str(name): _plain(data[name].encoding) for name in names}
    return _checked(coordinates, values, dims, source, "the dataset")


def _plain(attributes: Any) -> dict[str, Any]:
    """What JSON holds of attributes, and of an encoding its type, scale, offset and missing value."""
    kept = ("dtype", "scale_factor", "add_offset", "_FillValue")
    items = {
        str(k): str(v) if isinstance(v, np.dtype) else v.item() if hasattr(v, "item") and np.ndim(v) == 0 else v
        for k, v in attributes.items()
    }
    is_encoding = "source" in items or "zlib" in items
    return {k: v for k, v in items.items() if isinstance(v, str | int | float | bool) and (k in kept or not is_encoding)}


def _recognizes(path: Path, start: bytes) -> bool:
    if start.startswith(CLASSIC):
        return on_a_sphere(path)
    if start.startswith(HDF5):
        return path.suffix.lower() in (".nc", ".nc4", ".cdf", ".netcdf")
    if not start.startswith(ZIP_MAGIC) or path.suffix.lower() != ".npz":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            axes = {_axis_of(name.removesuffix(".npy")) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError):
        return False
    return {"lat", "lon"} <= axes


def _adopt(thing: Any) -> Signal | None:
    if type(thing).__module__.split(".")[0] != "xarray" or not hasattr(thing, "dims"):
        return None
    found = {_axis_of(str(dim), thing[dim].attrs) for dim in thing.dims if dim in thing.coords}
    return from_xarray(thing) if {"lat", "lon"} <= found else None


SPHERE = Modality(
    "sphere", "a field over the globe (.npz, NetCDF)", _recognizes, read_sphere, ENDINGS, open_sphere_writer, _adopt
)
