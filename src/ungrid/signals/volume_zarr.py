"""Zarr arrays and OME-Zarr pyramids, of which the finest level is read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ungrid.errors import MissingExtra, UnreadableInput
from ungrid.signals.base import Signal
from ungrid.signals.volume_axes import TO_SECONDS, from_axes, named_axes, stated_places, unit_of
from ungrid.signals.volume_stored import check_size, to_signal, told_of

MARKS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(path: Path, start: bytes) -> bool:
    """Whether a folder is a Zarr array or group."""
    return path.is_dir() and any((path / mark).is_file() for mark in MARKS)


def read_zarr(path: Path) -> Signal:
    """A Zarr folder as a volume: the finest level of OME-Zarr by its metadata, else the array, or the largest of a group.

    Raises:
        UnreadableInput: no Zarr, damaged, or without an array of 3 axes or more.
        InputError: axes that are none of space.
        MissingExtra: zarr is not installed.
    """
    try:
        import zarr
    except ImportError:
        raise MissingExtra("zarr", "arrays", "reading Zarr") from None
    with told_of(path, "Zarr"):
        root = zarr.open(path, mode="r")
        about: dict[str, Any] = dict(root.attrs)
        pyramid = about.get("ome", about)
        levels = pyramid.get("multiscales") if isinstance(pyramid, Mapping) else None
        if isinstance(root, zarr.Array):
            array, axes, name = root, _dimensions(root), ""
            places, unit = stated_places(about)
        elif levels:
            array, axes, places, unit, name = _finest(root, levels[0], path.name)
        else:
            array = _largest(root, path.name)
            axes, name = _dimensions(array), array.path
            places, unit = stated_places(about | dict(array.attrs))
        check_size((*array.shape, 1), path.name)
        named = named_axes(axes, array.shape, path.name)
        samples = np.asarray(array[...])
        notes = {"dataset": name} if name else {}
        return to_signal(from_axes(samples, named, places, unit, "Zarr", notes=notes), path.name)


def _dimensions(array: Any) -> list[str | None]:
    names = getattr(array.metadata, "dimension_names", None)
    return list(names) if names else [None] * array.ndim


def _largest(root: Any, name: str) -> Any:
    found = [array for _, array in root.arrays() if array.ndim >= 3 and array.dtype.kind in "biuf"]
    if not found:
        raise UnreadableInput(f"{name} has no array of numbers with 3 axes or more; expected a volume z, y, x")
    return max(found, key=lambda array: (array.size, array.path))


def _finest(root: Any, about: Mapping[str, Any], name: str) -> Any:
    """The first level of a pyramid, its axes, where they lie, their unit, and its path."""
    level = about["datasets"][0]
    if level["path"] not in root:
        raise UnreadableInput(f"{name} lists a level {level['path']!r} that is not there; copy it again")
    array = root[level["path"]]
    described = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in about.get("axes", [])]
    names = [str(axis.get("name", "")) for axis in described] or _dimensions(array)
    steps, shifts = np.ones(array.ndim), np.zeros(array.ndim)
    for change in (*level.get("coordinateTransformations", ()), *about.get("coordinateTransformations", ())):
        given = change.get(str(change.get("type")))
        if isinstance(given, list) and len(given) != array.ndim:
            raise UnreadableInput(f"{name} gives a {change['type']} of {len(given)} numbers for {array.ndim} axes")
        if change.get("type") == "scale":
            factor = np.asarray(change["scale"], dtype=np.float64)
            steps, shifts = steps * factor, shifts * factor
        elif change.get("type") == "translation":
            shifts = shifts + np.asarray(change["translation"], dtype=np.float64)
    units = [unit_of(axis.get("unit")) for axis in described] or [""] * array.ndim
    places, unit = {}, ""
    for axis, step, shift, own in zip(names, steps, shifts, units, strict=True):
        to_unit = TO_SECONDS.get(own, 1.0) if axis == "t" else 1.0
        places[str(axis)] = (float(shift) * to_unit, float(step) * to_unit)  # a sample's center lies at its translation
        unit = own if axis in ("z", "y", "x") and own else unit
    return array, names, places, unit, str(level["path"])
