"""HDF5 and NetCDF-4: the largest dataset of three axes or more, with the spacing that its dimensions or attributes give."""

from pathlib import Path
from typing import Any

import numpy as np

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.base import Signal
from ungrid.signals.volume_axes import ON_A_SPHERE, TO_SECONDS, even_places, from_axes, named_axes, stated_places, unit_of
from ungrid.signals.volume_stored import check_size, to_signal, told_of

MAGIC = b"\x89HDF\r\n\x1a\n"
MOST_DATASETS = 10_000


def is_hdf5(path: Path, start: bytes) -> bool:
    """Whether a file is HDF5 with numbers on three axes of space: not those over latitude and longitude."""
    if not start.startswith(MAGIC):
        return False
    try:
        import h5py

        with h5py.File(path, "r") as file:
            found = _datasets(file)
            return not found or any(not _on_a_sphere(one) for one in found)
    except ImportError:
        return True  # reading says what to install
    except Exception:  # h5py raises many kinds; reading says what is wrong
        return True


def read_hdf5(path: Path) -> Signal:
    """An HDF5 or NetCDF-4 file as a volume: its largest dataset of 3 to 5 axes, by name in `source["dataset"]`.

    Axes and steps come from dimension scales (NetCDF's coordinates), else from an attribute "spacing", "element_size_um",
    "resolution" or "voxel_size" along z, y, x. NetCDF's scale_factor, add_offset and _FillValue are applied.

    Raises:
        UnreadableInput: no HDF5, cut off, or without such a dataset.
        InputError: coordinates that are not even, axes that are none of space.
        MissingExtra: h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtra("h5py", "arrays", "reading HDF5 and NetCDF") from None
    with told_of(path, "HDF5"), h5py.File(path, "r") as file:
        found = [one for one in _datasets(file) if not _on_a_sphere(one)]
        if not found:
            raise UnreadableInput(f"{path.name} has no dataset of numbers with 3 axes or more; expected a volume z, y, x")
        chosen = max(found, key=lambda one: (one.size, one.name))
        check_size((*chosen.shape, 1), path.name)
        return to_signal(_stored(chosen, [one.name for one in found]), path.name)


def _datasets(file: Any) -> list[Any]:
    import h5py

    found: list[Any] = []
    seen = 0

    def look(name: str, item: Any) -> None:
        nonlocal seen
        seen += 1
        if seen > MOST_DATASETS:
            raise InputError(f"the file has more than {MOST_DATASETS:,} entries; expected a volume in a file of its own")
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf" and 3 <= item.ndim <= 5 and item.external is None:
            found.append(item)

    file.visititems(look)  # follows no links out of the file
    return found


def _on_a_sphere(dataset: Any) -> bool:
    return any((name or "").lower() in ON_A_SPHERE for name in _names(dataset))


def _names(dataset: Any) -> list[str | None]:
    names: list[str | None] = []
    for dim in dataset.dims:
        scale = dim[0].name.rsplit("/", 1)[-1] if len(dim) else None
        names.append(scale or dim.label or None)
    return names


def _stored(dataset: Any, all_names: list[str]) -> Any:
    names = _names(dataset)
    axes = named_axes(names, dataset.shape, dataset.name)
    about = {key: _attribute(dataset.attrs[key]) for key in dataset.attrs}
    places, unit = _places(dataset, axes, about)
    array = dataset[...]
    slope, intercept = float(about.get("scale_factor", 1.0)), float(about.get("add_offset", 0.0))
    if "_FillValue" in about:
        missing = array == about["_FillValue"]
        if missing.any():
            array = np.where(missing, np.nan, array.astype(np.float64) if array.dtype.itemsize > 2 else array.astype(np.float32))
    others = [name for name in all_names if name != dataset.name]
    kept = {key: value for key, value in about.items() if isinstance(value, str | float | int)}
    notes = {"dataset": dataset.name, "attributes": kept} | ({"other_datasets": others[:32]} if others else {})
    return from_axes(array, axes, places, unit, "HDF5", slope=slope, intercept=intercept, notes=notes)


def _places(dataset: Any, axes: list[str], about: dict[str, Any]) -> tuple[dict[str, tuple[float, float]], str]:
    """(first, step) of the axes that say so, and the unit of space."""
    places, unit = {}, unit_of(about.get("unit", ""))
    for dim, axis in zip(dataset.dims, axes, strict=True):
        if not len(dim) or axis == "c" or dim[0].shape != (dataset.shape[axes.index(axis)],) or dim[0].dtype.kind not in "iuf":
            continue
        if str(_attribute(dim[0].attrs.get("NAME", ""))).startswith("This is a netCDF dimension but not"):
            continue
        first, step = even_places(dim[0][...], f"{dataset.name}'s axis {axis}")
        own = unit_of(_attribute(dim[0].attrs.get("units", "")))
        factor = TO_SECONDS.get(own, 1.0) if axis == "t" else 1.0
        places[axis] = (first * factor, step * factor)
        unit = own if axis != "t" and own else unit
    stated, own = stated_places(about)
    return (places | stated, own or unit) if stated and not set("zyx") & set(places) else (places, unit)


def _attribute(value: Any) -> Any:
    """An attribute as plain Python."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size != 1 else _attribute(value.reshape(-1)[0])
    if isinstance(value, np.generic):
        number = value.item()
        return number if not isinstance(number, float) or np.isfinite(number) else str(number)
    return value
