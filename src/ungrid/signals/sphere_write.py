"""Fields over the sphere to .npz and NetCDF: with the axes, names, order, types and packing that the source had."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ungrid.errors import InputError, MissingExtra, ShapeError
from ungrid.files import write_beside
from ungrid.signals.base import Outline, Signal

SECONDS = {"hours": 3600.0}  # in one unit of a coordinate of that name
PACKED = {"_scale": "scale_factor", "_offset": "add_offset", "_fill": "_FillValue"}  # in .npz → in NetCDF
ENDINGS = (".npz", ".nc")
CLASSIC_NETCDF = "classic NetCDF"  # format of a source that is written as such again


class SphereWriter:
    """Holds the bands of a field over the sphere until all are there: their order in the file may be the other way around."""

    def __init__(self, path: Path, outline: Outline):
        self._path, self._outline = path, outline
        self._bands: list[NDArray[np.float32]] = []

    def write_rows(self, values: Tensor) -> None:
        """The next r of the first axis [r, *shape, c].

        Raises:
            ShapeError: bands of another shape.
        """
        if tuple(values.shape[1:]) != (*self._outline.grid.shape[1:], len(self._outline.channels)):
            raise ShapeError(f"a band of shape {tuple(values.shape)} does not fit into {self._outline.grid.shape}")
        self._bands.append(values.detach().cpu().float().numpy())

    def write(self) -> None:
        """Write the file.

        Raises:
            InputError: bands are missing.
        """
        grid, source = self._outline.grid, self._outline.source
        values = np.concatenate(self._bands) if self._bands else np.zeros((0, 0), dtype=np.float32)
        if len(values) != grid.shape[0]:
            raise InputError(f"the field has {grid.shape[0]} entries along its first axis, {len(values)} were written")
        descending = source.get("descending", ())
        order = tuple(slice(None, None, -1) if axis in descending else slice(None) for axis in grid.box.axes)
        places = {}
        for axis, name in enumerate(grid.box.axes):
            places[name] = grid.axis_coords(axis, dtype=torch.float64).numpy()[order[axis]]
        write = _write_npz if self._path.suffix.lower() == ".npz" else _write_netcdf
        write(self._path, places, {name: values[(*order, k)] for k, name in enumerate(self._outline.channels)}, source)


def _write_npz(path: Path, places: dict[str, Any], values: dict[str, Any], source: dict[str, Any]) -> None:
    arrays: dict[str, Any] = {}
    for axis, coordinates in places.items():
        name = source.get("names", {}).get(axis, axis)
        dtype = source.get("dtypes", {}).get(name, "float64")
        coordinates = coordinates / SECONDS.get(name.lower(), 1.0)
        whole = np.dtype(dtype).kind == "f" or np.array_equal(coordinates, np.rint(coordinates))
        arrays[name] = np.round(coordinates, 9).astype(dtype if whole else "float64")
    for name, array in values.items():
        packing, dims = source.get("packing", {}).get(name, {}), source.get("dims", {}).get(name, list(places))
        turned = array.transpose([list(places).index(axis) for axis in dims]).astype(np.float64)
        scale, offset, dtype = (
            packing.get("scale_factor", 1.0),
            packing.get("add_offset", 0.0),
            np.dtype(packing.get("dtype", "float32")),
        )
        packed = (turned - offset) / scale
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            packed = np.where(np.isnan(packed), packing.get("_FillValue", 0), np.clip(np.rint(packed), limits.min, limits.max))
        arrays[name] = packed.astype(dtype)
        for key, said in PACKED.items():
            if said in packing:
                arrays[name + key] = np.asarray(packing[said], dtype=dtype if said == "_FillValue" else "float64")
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)


def _write_netcdf(path: Path, places: dict[str, Any], values: dict[str, Any], source: dict[str, Any]) -> None:
    import xarray

    names, attributes = source.get("names", {}), source.get("attributes", {})
    dim = {axis: names.get(axis, axis) for axis in places}
    coordinates = {}
    for axis, along in places.items():
        if axis == "t" and "start" in source:
            along = np.datetime64(source["start"], "ns") + np.rint(along * 1e9).astype("timedelta64[ns]")
        elif axis == "level" and source.get("level_unit") == "Pa":
            along = along * 100.0
        given = {"lat": {"units": "degrees_north"}, "lon": {"units": "degrees_east"}, "level": {"units": "hPa"}}.get(axis, {})
        coordinates[dim[axis]] = (dim[axis], along, attributes.get(dim[axis], given))
    packing = {}
    for name in values:
        kept = source.get("packing", {}).get(name, {})
        packing[name] = {key: kept[key] for key in ("dtype", "scale_factor", "add_offset", "_FillValue") if key in kept}
    variables = {}
    for name, array in values.items():
        dims = source.get("dims", {}).get(name, list(places))
        turned = array.transpose([list(places).index(axis) for axis in dims])
        variables[name] = ([dim[axis] for axis in dims], turned, attributes.get(name, {}))
    with warnings.catch_warnings():  # of integers without a missing value, which have none to write
        warnings.simplefilter("ignore", xarray.SerializationWarning)
        data = xarray.Dataset(variables, coordinates, attributes.get("", {}))
        engine = "scipy" if source.get("format") == CLASSIC_NETCDF else "h5netcdf"
        data.to_netcdf(path, engine=engine, encoding=packing)  # type: ignore[call-overload]


@contextlib.contextmanager
def open_sphere_writer(path: Path, outline: Outline) -> Iterator[SphereWriter]:
    """Begin an .npz or NetCDF file with the axes, names, order and packing that the source had; held whole until it is complete.

    Raises:
        InputError: another ending.
        MissingExtra: NetCDF without xarray and h5netcdf.
        MachineError: not writable, disk full.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"cannot write a field over the sphere to {path.name}; expected a name ending in {' or '.join(ENDINGS)}")
    if path.suffix.lower() == ".nc":
        try:
            import h5netcdf  # noqa: F401
            import xarray  # noqa: F401
        except ImportError as error:
            raise MissingExtra(error.name or "xarray", "arrays", "writing NetCDF") from None
    with write_beside(path) as temporary:
        writer = SphereWriter(temporary, outline)
        yield writer
        writer.write()


def write_sphere(path: Path, signal: Signal) -> None:
    """Write a signal over the sphere, NaN or the missing value where it knows nothing.

    Raises:
        InputError, MissingExtra, MachineError: as `open_sphere_writer`.
    """
    values = signal.values
    if signal.known is not None:
        known = signal.known if signal.known.shape == values.shape else signal.known[..., None]
        values = torch.where(known, values, float("nan"))
    with open_sphere_writer(path, signal.outline) as writer:
        writer.write_rows(values)
