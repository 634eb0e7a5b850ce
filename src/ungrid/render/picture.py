"""Pictures of a field: which grid a size, scale or region asks for, and the file it is streamed to."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Record
from ungrid.render.evaluate import bands, footprint
from ungrid.signals.color import linear_to_srgb, srgb_to_linear
from ungrid.signals.image_write import open_picture_writer

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
    curves = tone_curves(record) if not encoded and max(footprint(field, grid)) > 1 else (None, None)
    shape = (grid.shape[0], grid.shape[1], field.out_dim)
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


def tone_curves(record: Record) -> tuple[Callable[[Tensor], Tensor] | None, Callable[[Tensor], Tensor] | None]:
    """Curves to linear light and back for a picture's values; (None, None) where they are linear already."""
    if record.is_linear:
        return None, None
    alpha = [i for i, name in enumerate(record.channels) if name == "a"]
    return _except(srgb_to_linear, alpha), _except(linear_to_srgb, alpha)


def _except(curve: Callable[[Tensor], Tensor], untouched: list[int]) -> Callable[[Tensor], Tensor]:
    """The curve on all channels but some: alpha is a coverage, which is linear as it stands."""
    if not untouched:
        return curve

    def apply(values: Tensor) -> Tensor:
        curved = curve(values)
        curved[..., untouched] = values[..., untouched]
        return curved

    return apply


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
