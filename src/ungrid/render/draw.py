"""Drawings of a field: which grid a size, scale, rate, spacing or region asks for, and the file it is streamed to."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Record
from ungrid.render.evaluate import bands, footprint
from ungrid.render.light import averaging_curves
from ungrid.signals.base import Outline
from ungrid.signals.image_write import holds_whole
from ungrid.signals.modality import Opener

Region = Mapping[str, tuple[float, float]]
MOST_SAMPLES = 2**40
PIXELS, SECONDS = "px", "s"


def drawing_grid(
    field: Field,
    *,
    size: tuple[int | None, int | None] | None = None,
    scale: float = 1.0,
    rate: float | None = None,
    spacing: float | None = None,
    region: Region | None = None,
) -> Grid:
    """The grid of a drawing of a field.

    Args:
        field: fitted to a sampled signal.
        size: (height, width) in pixels of a picture or film; one of them may be None and follows from the other with square
            pixels. Of what has no pixels, (None, n): samples along the longest axis, counted in samples of the source.
        scale: samples of the result for each sample of the source, where no size is given; of a film, of its pixels alone.
        rate: samples or frames a second, along the axis in seconds.
        spacing: distance between samples along all other axes, in their unit, where no size is given.
        region: {axis: (low, high)} in the units of the box, or None for the whole.

    Raises:
        InputError: a field of no sampled signal, a region outside, a size, scale, rate or spacing that does not fit.
    """
    record = recorded(field)
    box = field.box.crop(region) if region else field.box
    if not 0 < scale < 1e9:
        raise InputError(f"scale is {scale}; expected a positive number")
    counts = [extent / pitch for extent, pitch in zip(box.extent, field.grid().spacing, strict=True)]  # in the source's samples
    timed = [unit == SECONDS for unit in box.units]
    still = [not along for along in timed] if not all(timed) else [True] * box.dim
    shape = [max(1, round(n * (scale if scaled else 1.0))) for n, scaled in zip(counts, still, strict=True)]
    if size is not None:
        shape = _sized(shape, box, counts, size)
    bounds = list(box.bounds)
    for along, step, name in ((timed, None if rate is None else 1 / max(rate, 1e-300), "rate"), (still, spacing, "spacing")):
        if step is None:
            continue
        if not any(along) or not 0 < step < math.inf:
            asked = rate if name == "rate" else spacing
            raise InputError(f"a {name} of {asked} does not go with {record.kind} on axes {box.axes} in {box.units}")
        for axis in (axis for axis, chosen in enumerate(along) if chosen):
            low, high = bounds[axis]
            shape[axis] = max(1, round((high - low) / step))
            bounds[axis] = (low, low + shape[axis] * step)  # to the sample: at most half a step beyond the box, or short of it
    if min(shape) < 1 or math.prod(shape) > MOST_SAMPLES:
        wanted = "×".join(str(n) for n in reversed(shape))
        raise InputError(
            f"{record.kind} of {wanted} samples cannot be made; expected at least 1 along each axis, below 2^40 in all"
        )
    return Grid(replace(box, bounds=tuple(bounds)), tuple(shape), _ticks(field, tuple(bounds), tuple(shape)))


def _ticks(field: Field, bounds: tuple[tuple[float, float], ...], shape: tuple[int, ...]) -> tuple[tuple[float, ...] | None, ...]:
    """Of axes whose samples are not evenly spaced, and that are drawn whole and as they are, the samples' places."""
    own = field.grid()
    same = [a == b and n == m for a, b, n, m in zip(bounds, own.box.bounds, shape, own.shape, strict=True)]
    return tuple(ticks if kept else None for ticks, kept in zip(own.ticks, same, strict=False)) if own.ticks else ()


def _sized(shape: list[int], box: Box, counts: list[float], size: tuple[int | None, int | None]) -> list[int]:
    """The shape with the sides that were asked for."""
    height, width = size
    if height is None and width is None:
        raise InputError("a size needs a height or a width")
    if box.units[-2:] != (PIXELS, PIXELS):
        if height is not None:
            raise InputError(f"a size of {width}×{height} needs pixels; on axes {box.axes} give one number, a scale or a spacing")
        factor = (width or 1) / max(counts)
        return [max(1, round(n * factor)) for n in counts]
    high, wide = box.extent[-2:]
    rows = height if height is not None else max(1, round((width or 1) * high / wide))
    columns = width if width is not None else max(1, round(rows * wide / high))
    return [*shape[:-2], rows, columns]


def draw(
    field: Field,
    path: Path,
    grid: Grid,
    opener: Opener,
    *,
    encoded: bool = False,
    max_memory: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[int, ...]:
    """Draw a field into a file, band by band along the first axis, and return the shape of what was drawn [*shape, c].

    What the source file knew (bit depth, color profile, resolution, sample rate, affine …) is written where the format can
    hold it.

    Args:
        field: fitted to a sampled signal.
        path: of the file; its extension says which format.
        grid: from `drawing_grid`.
        opener: begins such a file.
        encoded: average encoded values where a picture shrinks, instead of linear light.
        max_memory: bytes that this may take.
        progress: called with the fraction done.

    Raises:
        InputError: a format that cannot hold it, or too little memory for one row.
        MachineError: not writable, disk full.
    """
    record = recorded(field)
    shape = (*grid.shape, field.out_dim)
    shrinks = max(footprint(field, grid)) > 1 and PIXELS in grid.box.units
    curves = averaging_curves(record, encoded=encoded) if shrinks else (None, None)
    if record.kind == "image":
        _check_room(path, shape, max_memory)
    with opener(path, outline_of(field, grid)) as writer:
        done = 0
        for band in bands(field, grid, max_memory=max_memory, to_light=curves[0], from_light=curves[1]):
            writer.write_rows(band)
            done += band.shape[0]
            if progress is not None:
                progress(done / grid.shape[0])
    return shape


def outline_of(field: Field, grid: Grid) -> Outline:
    """What a file of the field on a grid has to know: the source's description, a picture's resolution scaled."""
    record = recorded(field)
    return Outline(grid, record.kind, record.channels, _scaled_resolution(record, field, grid), record.blobs)


def recorded(field: Field) -> Record:
    """The field's record.

    Raises:
        InputError: it was not fitted to a sampled signal.
    """
    if field.record is None or not field.record.shape:
        raise InputError(f"only a field fitted to a sampled signal can be drawn; this one, on {field.box.axes}, has no grid")
    return field.record


def _check_room(path: Path, shape: tuple[int, ...], max_memory: int | None) -> None:
    """Raise InputError if the format needs the whole picture at once, and that is more than may be allocated."""
    size = 2 * 4 * math.prod(shape)  # the samples, and the encoder's copy
    if max_memory is not None and size > max_memory and holds_whole(path):
        raise InputError(
            f"{Path(path).suffix} needs the whole picture at once, about {size:,} bytes, and max_memory is {max_memory:,}; "
            f"write .tif or .png, which are streamed"
        )


def _scaled_resolution(record: Record, field: Field, grid: Grid) -> dict[str, object]:
    """The source's description with its resolution scaled, so that the printed size stays what it was."""
    source = dict(record.source)
    dpi = source.get("dpi")
    if dpi:
        native = field.grid().spacing
        source["dpi"] = [dpi[0] * native[-1] / grid.spacing[-1], dpi[1] * native[-2] / grid.spacing[-2]]
    return source
