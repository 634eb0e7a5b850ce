"""Arrays whose axes have names: TIFF stacks, HDF5 and NetCDF datasets, Zarr and OME-Zarr."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.base import Signal
from ungrid.signals.volume_frame import Frame
from ungrid.signals.volume_stored import Stored, Ticks, check_size, to_signal, told_of

UNITS = {
    **dict.fromkeys(("millimeter", "millimeters", "millimetre"), "mm"),
    **dict.fromkeys(("micrometer", "micrometre", "micron", "um", "\\u00b5m"), "µm"),
    **dict.fromkeys(("second", "seconds", "sec"), "s"),
    **dict.fromkeys(("meter", "meters", "metre"), "m"),
    "nanometer": "nm",
    "centimeter": "cm",
}
TO_SECONDS = {"s": 1.0, "ms": 1e-3, "millisecond": 1e-3, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "": 1.0}
EVEN = 1e-3  # of a step: what coordinates may differ from even ones
SPACINGS = ("spacing", "element_size_um", "resolution", "voxel_size")  # attributes of distances along z, y, x
ON_A_SPHERE = ("lat", "latitude", "lon", "longitude")


def named_axes(names: Sequence[str | None], shape: Sequence[int], what: str) -> list[str]:
    """Each axis as one of t, c, z, y, x: by its name where there are names, else z, y, x, and what follows as channels.

    Raises: InputError: names or a number of axes that leave it open.
    """
    if len(shape) not in (3, 4, 5):
        raise InputError(f"{what} has shape {tuple(shape)}; expected 3 axes z, y, x, or up to 5 with t and c")
    short = [(name or "").strip().lower() for name in names]
    short = [{"time": "t", "channel": "c", "s": "c", "i": "z", "q": "z", "depth": "z", "height": "y"}.get(n, n) for n in short]
    short = [name[:1] if name in ("x_axis", "y_axis", "z_axis") else name for name in short]
    if set("zyx") <= set(short) and set(short) <= set("tczyx") and len(set(short)) == len(short):
        return short
    if any(short) and set(short) & set("zyx"):
        raise InputError(f"{what} has the axes {', '.join(map(repr, names))}; expected z, y and x, and t or c beside them")
    if len(shape) == 3:
        return ["z", "y", "x"]
    if len(shape) == 4:
        return ["z", "y", "x", "c"] if shape[3] <= 4 else ["c", "z", "y", "x"] if shape[0] <= 4 else ["t", "z", "y", "x"]
    return ["t", "c", "z", "y", "x"]


def from_axes(
    array: NDArray[Any],
    axes: Sequence[str],
    places: Mapping[str, tuple[float, float]],
    unit: str,
    format: str,
    **more: Any,
) -> Stored:
    """A stored volume of an array with named axes.

    Args:
        array: one axis for each name.
        axes: t, c, z, y, x in any order; z, y and x are there.
        places: (first sample, step) of axes; a missing one has its first sample half a step from 0, a step of 1.
        unit: of space.
        format: as a person calls it.
        more: further arguments of `Stored`.
    """
    space = [axis for axis in axes if axis in "zyx"]
    order = [*("t" if "t" in axes else ""), *space, *("c" if "c" in axes else "")]
    samples = array.transpose([list(axes).index(axis) for axis in order])
    samples = samples if "t" in axes else samples[None]
    samples = samples if "c" in axes else samples[..., None]
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for at, axis in enumerate(space):
        start, step = places.get(axis, (0.5, 1.0))
        matrix["xyz".index(axis), at], matrix["xyz".index(axis), 3] = step, start
    sizes = samples.shape[1:4]
    frame = Frame(tuple(tuple(float(entry) for entry in row) for row in matrix), sizes, unit)
    c = samples.shape[-1]
    ticks = Ticks(*places.get("t", (0.5, 1.0))) if "t" in axes else None
    names = more.pop("channels", ("value",) if c == 1 else tuple(f"v{at}" for at in range(c)))
    return Stored(samples, frame, format, names, ticks, **more)


def even_places(coords: NDArray[Any], what: str) -> tuple[float, float]:
    """(first, step) of coordinates that are even.

    Raises: InputError: coordinates that are not.
    """
    coords = np.asarray(coords, dtype=np.float64).reshape(-1)
    if len(coords) < 2:
        return (float(coords[0]) if len(coords) else 0.0), 1.0
    steps = np.diff(coords)
    step = float(coords[-1] - coords[0]) / (len(coords) - 1)
    if not np.isfinite(coords).all() or step == 0 or np.abs(steps - step).max() > EVEN * abs(step):
        raise InputError(f"{what} is not evenly spaced: steps from {steps.min():.4g} to {steps.max():.4g}; resample it first")
    return float(coords[0]), step


def stated_places(about: Mapping[str, Any]) -> tuple[dict[str, tuple[float, float]], str]:
    """(first, step) of z, y and x by an attribute of three distances, and the unit; nothing where there is none."""
    name = next((key for key in SPACINGS if key in about), "")
    spacing, unit = about.get(name), unit_of(about.get("unit", ""))
    if not isinstance(spacing, list) or len(spacing) != 3:
        return {}, unit
    places = {axis: (step / 2, step) for axis, step in zip("zyx", map(float, spacing), strict=True)}
    return places, "µm" if name == "element_size_um" else unit


def unit_of(text: Any) -> str:
    """A unit's sign, "" for one that is not known."""
    word = str(text or "").strip()
    word = UNITS.get(word.lower(), word)
    return word if len(word) <= 4 and word.isprintable() else ""


def is_tiff(start: bytes) -> bool:
    """Whether a file is a TIFF: of a stack only when it is said that it is a volume."""
    return start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_stack(path: Path) -> Signal:
    """A TIFF stack as a volume: pages are z; ImageJ's spacing is kept, in its unit.

    Raises:
        UnreadableInput: no TIFF, cut off, or no stack.
    """
    import tifffile

    with told_of(path, "a TIFF stack"), tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        check_size((*series.shape, 1), path.name)
        keep = [at for at, n in enumerate(series.shape) if n > 1 or series.axes[at] in "ZIQYX"]
        shape, names = [series.shape[at] for at in keep], [series.axes[at] for at in keep]
        if len(shape) < 3:
            raise UnreadableInput(f"it has {len(tiff.pages)} pages of axes {series.axes}; expected a stack of slices Z, Y, X")
        axes = named_axes(names, shape, path.name)
        places, unit = _stack_places(tiff)
        return to_signal(from_axes(np.asarray(series.asarray()).reshape(shape), axes, places, unit, "TIFF"), path.name)


def _stack_places(tiff: Any) -> tuple[dict[str, tuple[float, float]], str]:
    """Steps along z, y, x, and their unit, as ImageJ writes them; 1 for other files."""
    about = tiff.imagej_metadata
    if not about:
        return {}, ""
    tags, places = tiff.pages[0].tags, {}
    for axis, tag in (("y", "YResolution"), ("x", "XResolution")):
        above, below = tags[tag].value if tag in tags else (1, 1)
        if above and below:
            places[axis] = (below / above / 2, below / above)
    step = abs(float(about.get("spacing", 1.0))) or 1.0
    return places | {"z": (step / 2, step)}, unit_of(about.get("unit"))
