"""Pictures of volumes: three planes with a scale bar, a slice or projection as gray, and two volumes against each other."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.files import write_beside
from ungrid.render.comparison import AMPLIFY, GAP, check_alike, labeled_row
from ungrid.render.slices import SPACE, axis_plane, slice_through
from ungrid.signals.array_file import open_array_writer
from ungrid.signals.base import Signal
from ungrid.signals.image_write import FORMATS, open_picture_writer

CUT = (0.005, 0.995)  # quantiles that are shown black and white
MOST_LOOKED_AT = 2**20  # samples, for the quantiles
LEAST_SIDE = 256  # pixels along the longest axis: a field is asked between its samples where they are fewer
MOST_PIXELS = 2**26  # of a picture of three planes
BAR_SHARE = 0.3  # of a panel's width, at most
BAR_HEIGHT = 4
FLOAT_PICTURES = (".tif", ".tiff", ".exr")


def draw_planes(field: Field, path: Path, grid: Grid, *, max_memory: int | None = None) -> None:
    """One picture of the three planes through a volume's middle, gray between its 0.5 % and 99.5 % quantiles, with a scale bar.

    Args:
        field: fitted to a volume; of several channels their root of squares is shown, of times the first.
        path: of the picture.
        grid: says the part and the spacing: from `drawing_grid`.
        max_memory: bytes that this may take.

    Raises:
        InputError: a field of no volume, more pixels than 2^26.
        MachineError: not writable, disk full.
    """
    names, bounds = grid.box.axes[-3:], grid.box.bounds[-3:]
    if names != SPACE:
        raise InputError(f"there is no picture of a volume on axes {grid.box.axes}; expected z, y, x: write .npy")
    middle = {name: (low + high) / 2 for name, (low, high) in zip(names, bounds, strict=True)}
    extent = {name: high - low for name, (low, high) in zip(names, bounds, strict=True)}
    ahead = {name: grid.axis_coords(at).tolist()[0] for at, name in enumerate(grid.box.axes[:-3])}
    spacing = min(*grid.spacing[-3:], max(extent.values()) / LEAST_SIDE)
    if sum(extent[a] * extent[b] for a, b in ("zy", "zx", "yx")) / spacing**2 > MOST_PIXELS:
        raise InputError(f"a picture of three planes at a spacing of {spacing:g} has more than 2^26 pixels; take a larger one")
    unit, panels = grid.box.units[-1], []
    for axis in SPACE:
        plane = axis_plane(field, axis, middle[axis], **ahead)
        plane = plane._replace(center={**ahead, **middle})
        size = (extent["y" if axis == "z" else "z"], extent["y" if axis == "x" else "x"])
        seen = slice_through(field, plane, size=size, spacing=spacing, max_memory=max_memory)
        panels.append((f"{axis} = {middle[axis]:.4g} {unit}".rstrip(), strength(seen.values)))
    low, high = window([values for _, values in panels])
    pictures = _equally_high([(name, _gray(values, low, high)) for name, values in panels])
    save_picture(labeled_row([(name, with_bar(picture, spacing, unit)) for name, picture in pictures]), path)


def write_slice(seen: Signal, path: Path) -> None:
    """A slice or projection as a file: .npy and float pictures (.tif .exr) as values, other pictures as gray of a window.

    Raises:
        InputError: an ending that is none of these.
        MachineError: not writable, disk full.
    """
    ending = path.suffix.lower()
    if ending == ".npy":
        with open_array_writer(path, seen.outline) as writer:
            writer.write_rows(torch.where(_known(seen)[..., None], seen.values, torch.nan))
        return
    if ending not in FORMATS:
        raise InputError(f"cannot write a slice to {path.name}; expected a name ending in .npy, .png, .jpg, .tif …")
    if ending in FLOAT_PICTURES:
        shape, channels = (seen.grid.shape[0], seen.grid.shape[1]), seen.channels
        with open_picture_writer(path, shape=shape, channels=channels, source=seen.source, blobs={}) as rows:
            rows.write_rows(seen.values)
        return
    values = strength(seen.values)
    low, high = window([values[_known(seen)]])
    gray = _gray(values, low, high) * _known(seen)[..., None]
    save_picture(with_bar(gray, seen.grid.spacing[0], seen.box.units[0]), path)


def compare_volumes(result: Signal, reference: Signal, path: Path) -> None:
    """One picture of the middle slices across z, y and x: the reference, the result, and their difference × 10 around mid-gray.

    Raises:
        InputError: volumes of different sizes or channels.
        MachineError: not writable, disk full.
    """
    check_alike(result, reference)
    rows = []
    spread = window([strength(reference.values)])
    unit, spacing = reference.box.units[-1], reference.grid.spacing[-3:]
    for axis, name in enumerate(SPACE):
        first, second = (_middle(signal, axis) for signal in (reference, result))
        step = min(pitch for at, pitch in enumerate(spacing) if at != axis)
        pitches = [pitch for at, pitch in enumerate(spacing) if at != axis]
        gray = [_gray(strength(values), *spread) for values in (first, second)]
        error = (second - first).sum(dim=-1, keepdim=True) / (spread[1] - spread[0])
        panels = [*gray, (0.5 + AMPLIFY * error).clamp(0, 1).expand(*error.shape[:2], 3)]
        panels = [with_bar(_square(panel, pitches, step), step, unit) for panel in panels]
        captions = (f"original, {name}", "result", f"error x {AMPLIFY:g}")
        rows.append(labeled_row(list(zip(captions, panels, strict=True))))
    width = max(row.shape[1] for row in rows)
    sheet = [torch.nn.functional.pad(row, (0, 0, 0, width - row.shape[1], 0, GAP), value=1.0) for row in rows]
    save_picture(torch.cat(sheet)[:-GAP], path)


def window(parts: Sequence[Tensor]) -> tuple[float, float]:
    """The values that are shown black and white: quantiles of all parts; a little apart where they are equal."""
    flat = torch.cat([part.flatten() for part in parts])
    flat = flat[:: max(1, len(flat) // MOST_LOOKED_AT)].sort().values
    low, high = (float(flat[round(cut * (len(flat) - 1))]) for cut in CUT)
    if high <= low:  # nearly empty: its ends
        low, high = float(flat[0]), float(flat[-1])
    return (low, high) if high > low else (low, low + 1.0)


def strength(values: Tensor) -> Tensor:
    """One number a sample [h, w]: the value, or the root of several values' squares."""
    return values[..., 0] if values.shape[-1] == 1 else values.square().sum(dim=-1).sqrt()


def with_bar(picture: Tensor, spacing: float, unit: str) -> Tensor:
    """The picture [h, w, 3] with a bar at its lower left whose length, 1, 2 or 5 times a power of ten, is written above it."""
    import numpy as np
    from PIL import Image, ImageDraw

    height, width = picture.shape[:2]
    if min(height, width) < 48:
        return picture
    most = BAR_SHARE * width * spacing
    decade = 10.0 ** math.floor(math.log10(most))
    length = max(step * decade for step in (1, 2, 5) if step * decade <= most)
    drawn = Image.fromarray((picture.clamp(0, 1) * 255).round().byte().numpy())
    pen, left, base = ImageDraw.Draw(drawn), 6, height - 8
    pen.rectangle((left, base - BAR_HEIGHT, left + round(length / spacing) - 1, base - 1), fill="white", outline="black")
    label = f"{length:g} {unit}".rstrip()
    pen.text((left, base - BAR_HEIGHT - 16), label, fill="white", font_size=12, stroke_width=1, stroke_fill="black")
    return torch.from_numpy(np.asarray(drawn).copy()).float() / 255


def save_picture(picture: Tensor, path: Path) -> None:
    """Write colors [h, w, 3] from 0 to 1, as 8 bits.

    Raises:
        InputError: an ending that Pillow has no format for.
        MachineError: not writable, disk full.
    """
    from PIL import Image

    sheet = Image.fromarray((picture.clamp(0, 1) * 255).round().byte().numpy())
    with write_beside(path) as temporary:
        try:
            sheet.save(temporary)
        except (ValueError, KeyError) as error:
            raise InputError(f"cannot write the picture as {path.name} ({error}); expected a .png or .jpg name") from None


def _known(seen: Signal) -> Tensor:
    return torch.ones(seen.grid.shape, dtype=torch.bool) if seen.known is None else seen.known


def _gray(values: Tensor, low: float, high: float) -> Tensor:
    """[h, w] → [h, w, 3] from 0 to 1."""
    return ((values - low) / (high - low)).clamp(0, 1)[..., None].expand(*values.shape, 3)


def _equally_high(panels: list[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
    most = max(picture.shape[0] for _, picture in panels)
    padded = []
    for name, picture in panels:
        above = (most - picture.shape[0]) // 2
        padded.append((name, torch.nn.functional.pad(picture, (0, 0, 0, 0, above, most - picture.shape[0] - above))))
    return padded


def _middle(signal: Signal, axis: int) -> Tensor:
    """The middle slice across z, y or x [h, w, c]; of times, of the first."""
    values = signal.values[(0,) * (signal.values.ndim - 4)]
    values = values.select(axis, values.shape[axis] // 2)
    return values.flip(0) if axis else values  # z points up


def _square(picture: Tensor, pitches: list[float], step: float) -> Tensor:
    """With samples repeated, so that pixels are square."""
    for axis, pitch in enumerate(pitches):
        index = (torch.arange(max(1, round(picture.shape[axis] * pitch / step))) * (step / pitch)).long()
        picture = picture.index_select(axis, index.clamp_max(picture.shape[axis] - 1))
    return picture
