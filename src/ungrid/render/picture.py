"""Pictures of a field: which grid a size, scale or region asks for, and the file it is streamed to."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Record
from ungrid.render.evaluate import bands, footprint
from ungrid.render.light import averaging_curves
from ungrid.signals.image_write import holds_whole, open_picture_writer

Region = Mapping[str, tuple[float, float]]
MOST_PIXELS = 2**40


def picture_grid(
    field: Field, *, size: tuple[int | None, int | None] | None = None, scale: float = 1.0, region: Region | None = None
) -> Grid:
    """The grid of a picture of a field.

    Args:
        field: fitted to a picture.
        size: (height, width) in pixels; one of them may be None and follows from the other with square pixels.
        scale: pixels of the result for each pixel of the source, where no size is given.
        region: {axis: (low, high)} in the source's pixels, or None for the whole.

    Raises:
        InputError: a field of no picture, a region outside, a size or scale out of range.
    """
    _record(field)
    box = field.box.crop(region) if region else field.box
    height, width = box.extent
    pitch = field.grid().spacing
    if size is None:
        if not 0 < scale < 1e9:
            raise InputError(f"scale is {scale}; expected a positive number")
        shape = (max(1, round(height / pitch[0] * scale)), max(1, round(width / pitch[1] * scale)))
    else:
        rows, columns = size
        if rows is None and columns is None:
            raise InputError("a size needs a height or a width")
        rows = rows if rows is not None else max(1, round((columns or 1) * height / width))
        columns = columns if columns is not None else max(1, round(rows * width / height))
        shape = (rows, columns)
    if min(shape) < 1 or shape[0] * shape[1] > MOST_PIXELS:
        raise InputError(
            f"a picture of {shape[1]}×{shape[0]} pixels cannot be made; expected sides of at least 1, below 2^40 in all"
        )
    return Grid(box, shape)


def write_field_picture(
    field: Field,
    path: Path,
    grid: Grid,
    *,
    encoded: bool = False,
    max_memory: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[int, int, int]:
    """Draw a field into a picture file, band by band, and return the picture's shape (H, W, c).

    What the source file knew (bit depth, color profile, resolution, EXIF) is written where the format can hold it.

    Args:
        field: fitted to a picture.
        path: of the file; its extension says which format.
        grid: from `picture_grid`.
        encoded: average encoded values where the picture shrinks, instead of linear light.
        max_memory: bytes that this may take.
        progress: called with the fraction done.

    Raises:
        InputError: a format that cannot hold the picture, or too little memory for one row.
        MachineError: not writable, disk full.
    """
    record = _record(field)
    curves = averaging_curves(record, encoded=encoded) if max(footprint(field, grid)) > 1 else (None, None)
    _check_room(path, shape_of(grid, field), max_memory)
    shape = shape_of(grid, field)
    source = _scaled_resolution(record, field, grid)
    with open_picture_writer(
        path, shape=(grid.shape[0], grid.shape[1]), channels=record.channels, source=source, blobs=record.blobs
    ) as writer:
        done = 0
        for band in bands(field, grid, max_memory=max_memory, to_light=curves[0], from_light=curves[1]):
            writer.write_rows(band)
            done += band.shape[0]
            if progress is not None:
                progress(done / grid.shape[0])
    return shape


def shape_of(grid: Grid, field: Field) -> tuple[int, int, int]:
    """(H, W, c) of a field's picture on a grid."""
    return grid.shape[0], grid.shape[1], field.out_dim


def _check_room(path: Path, shape: tuple[int, int, int], max_memory: int | None) -> None:
    """Raise InputError if the format needs the whole picture at once, and that is more than may be allocated."""
    size = 2 * 4 * shape[0] * shape[1] * shape[2]  # the samples, and the encoder's copy
    if max_memory is not None and size > max_memory and holds_whole(path):
        raise InputError(
            f"{Path(path).suffix} needs the whole picture at once, about {size:,} bytes, and max_memory is {max_memory:,}; "
            f"write .tif or .png, which are streamed"
        )


def _record(field: Field) -> Record:
    if field.record is None or field.box.dim != 2:
        raise InputError(f"only a field fitted to a picture can be drawn as one; this field has axes {field.box.axes}")
    return field.record


def _scaled_resolution(record: Record, field: Field, grid: Grid) -> dict[str, object]:
    """The source's description with its resolution scaled, so that the printed size stays what it was."""
    source = dict(record.source)
    dpi = source.get("dpi")
    if dpi:
        native = field.grid().spacing
        source["dpi"] = [dpi[0] * native[1] / grid.spacing[1], dpi[1] * native[0] / grid.spacing[0]]
    return source
