"""NetCDF's classic format (3): what is in a file by its header, and volumes; fields over the globe go through xarray."""

from pathlib import Path
from typing import Any

import numpy as np

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.base import Signal
from ungrid.signals.volume_axes import ON_A_SPHERE, TO_SECONDS, even_places, from_axes, named_axes, stated_places, unit_of
from ungrid.signals.volume_stored import check_size, to_signal, told_of

CLASSIC = b"CDF"
VERSIONS = (1, 2)  # of 32-bit and 64-bit places in the file; 5 has 64-bit numbers, too, and scipy does not read it


def check_classic(path: Path, start: bytes) -> None:
    """Raise unless a classic file can be read here.

    Raises:
        InputError: version 5.
        MissingExtra: scipy is not installed.
    """
    if start[3:4] and start[3] not in VERSIONS:
        raise InputError(f"{path.name} is NetCDF of version {start[3]}; expected 1, 2 or 4: nccopy -k nc4 {path.name} new.nc")
    try:
        import scipy.io  # noqa: F401
    except ImportError:
        raise MissingExtra("scipy", "arrays", "reading classic NetCDF") from None


def on_a_sphere(path: Path) -> bool:
    """Whether a classic file has dimensions of latitude and longitude, or cannot be looked into: reading says what is wrong."""
    names = _dimensions(path)
    return names is None or bool(names & set(ON_A_SPHERE))


def is_classic_volume(path: Path, start: bytes) -> bool:
    """Whether a file is classic NetCDF of other dimensions."""
    return start.startswith(CLASSIC) and not on_a_sphere(path)


def read_classic(path: Path) -> Signal:
    """A classic NetCDF file as a volume: its largest variable of 3 to 5 axes, packed values unpacked, missing ones not known.

    Raises:
        UnreadableInput: cut off, or without such a variable.
        InputError: axes that are none of space, coordinates that are not even.
        MissingExtra: scipy is not installed.
    """
    with open(path, "rb") as file:
        check_classic(path, file.read(4))
    from scipy.io import netcdf_file

    with told_of(path, "classic NetCDF"), netcdf_file(path, "r", mmap=False) as file:
        found = {name: one for name, one in file.variables.items() if 3 <= one.data.ndim <= 5 and one.data.dtype.kind in "iuf"}
        if not found:
            raise UnreadableInput(f"{path.name} has no variable of numbers with 3 axes or more; expected a volume z, y, x")
        name = max(found, key=lambda key: (found[key].data.size, key))
        check_size((*found[name].data.shape, 1), path.name)
        return to_signal(_stored(name, found[name], file.variables, sorted(set(found) - {name})), path.name)


def _stored(name: str, chosen: Any, variables: Any, others: list[str]) -> Any:
    array = np.array(chosen.data, dtype=chosen.data.dtype.newbyteorder("="))
    about = {key: _plain(value) for key, value in chosen._attributes.items()}
    axes = named_axes(chosen.dimensions, array.shape, name)
    places, unit = stated_places(about)
    for dim, axis in zip(chosen.dimensions, axes, strict=True):
        if dim not in variables or axis == "c":
            continue
        first, step = even_places(variables[dim].data, f"{name}'s axis {axis}")
        own = unit_of(_plain(getattr(variables[dim], "units", "")))
        factor = TO_SECONDS.get(own, 1.0) if axis == "t" else 1.0
        places[axis] = (first * factor, step * factor)
        unit = own if axis != "t" and own else unit
    missing = about.get("_FillValue", about.get("missing_value"))
    if missing is not None and (array == missing).any():
        array = np.where(array == missing, np.nan, array.astype(np.float64 if array.dtype.itemsize > 2 else np.float32))
    slope, intercept = float(about.get("scale_factor", 1.0)), float(about.get("add_offset", 0.0))
    kept = {key: value for key, value in about.items() if isinstance(value, str | float | int)}
    notes = {"dataset": name, "attributes": kept} | ({"other_datasets": others[:32]} if others else {})
    return from_axes(array, axes, places, unit, CLASSIC_FORMAT, slope=slope, intercept=intercept, notes=notes)


CLASSIC_FORMAT = "classic NetCDF"


def _dimensions(path: Path) -> set[str] | None:
    """Names of the dimensions, in small letters; None where they cannot be read."""
    try:
        from scipy.io import netcdf_file

        with netcdf_file(path, "r", mmap=True) as file:
            return {str(name).lower() for name in file.dimensions}
    except Exception:  # scipy raises many kinds on damaged bytes
        return None


def _plain(value: Any) -> Any:
    """An attribute as plain Python."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size != 1 else _plain(value.reshape(-1)[0])
    return value.item() if isinstance(value, np.generic) else value
