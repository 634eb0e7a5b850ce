"""Many small pictures on one sheet, each with its number."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.signals.color import linear_to_srgb, srgb_to_linear

GAP, CAPTION = 6, 18  # pixels between pictures, and of the number below each
PAPER, INK = 18, 170  # gray levels of 255: dark paper lets the colors speak
OVERSAMPLE = 2  # points along each axis of a pixel: edges of a pattern are not stairs
BAND_POINTS = 2**20  # points that are averaged at once
MOST_SHEET = 2**28  # pixels


def thumbnail(field: Field, shape: tuple[int, int], *, max_memory: int | None = None) -> Float[Tensor, "h w 3"]:
    """A field of colors drawn small, in [0, 1]: each pixel the mean light of 2 × 2 points.

    Args:
        field: on a box of two axes, with three channels.
        shape: (h, w) in pixels.
        max_memory: bytes that evaluating may take.

    Raises:
        InputError: another kind of field.
    """
    if field.in_dim != 2 or field.out_dim != 3:
        raise InputError(
            f"a picture in color has two axes and three channels; this field has the axes {field.box.axes} and "
            f"{field.out_dim} channels"
        )
    rows = max(1, BAND_POINTS // (OVERSAMPLE**2 * shape[1]))
    whole, parts = Grid(field.box, shape), []
    for start in range(0, shape[0], rows):
        band = whole.part((slice(start, min(start + rows, shape[0])), slice(0, shape[1])))
        light = srgb_to_linear(field.sample(band.refine(float(OVERSAMPLE)), max_memory=max_memory).clamp(0, 1))
        parts.append(light.unflatten(0, (-1, OVERSAMPLE)).unflatten(2, (-1, OVERSAMPLE)).mean(dim=(1, 3)))
    return linear_to_srgb(torch.cat(parts)).cpu().float()


def sheet_layout(n_pictures: int, shape: tuple[int, int], columns: int | None = None) -> tuple[int, int]:
    """(rows, columns) of a sheet of pictures of one size.

    Args:
        n_pictures: at least 1.
        shape: (h, w) of a picture in pixels.
        columns: pictures in a row; None for a sheet about one and a half times as wide as high.

    Raises:
        InputError: no pictures, no columns, a sheet that is too large.
    """
    height, width = shape
    if columns is None:
        columns = max(1, round(math.sqrt(1.5 * n_pictures * (height + CAPTION) / width)))
    if columns < 1 or n_pictures < 1:
        raise InputError(f"{n_pictures} pictures in {columns} columns make no sheet; expected at least 1 of each")
    columns = min(columns, n_pictures)
    rows = -(-n_pictures // columns)
    if rows * (height + CAPTION + GAP) * columns * (width + GAP) > MOST_SHEET:
        raise InputError(
            f"a sheet of {rows} × {columns} pictures of {width}×{height} pixels is too large; make them smaller or fewer"
        )
    return rows, columns


def contact_sheet(
    pictures: Sequence[Float[Tensor, "h w 3"]], captions: Sequence[str], *, columns: int | None = None
) -> Float[Tensor, "H W 3"]:
    """Pictures of one size in rows, each with its caption below, on dark paper.

    Args:
        pictures: in [0, 1].
        captions: one for each.
        columns: pictures in a row, or None, see `sheet_layout`.

    Raises:
        InputError: no pictures, unequal numbers or sizes, a sheet that is too large.
    """
    if not pictures or len(pictures) != len(captions) or len({tuple(picture.shape) for picture in pictures}) != 1:
        raise InputError("a contact sheet needs pictures of one size, and a caption for each")
    height, width, _ = pictures[0].shape
    rows, columns = sheet_layout(len(pictures), (height, width), columns)
    cell = height + CAPTION + GAP, width + GAP
    sheet = torch.full((rows * cell[0] + GAP, columns * cell[1] + GAP, 3), PAPER / 255)
    for index, picture in enumerate(pictures):
        top, left = GAP + index // columns * cell[0], GAP + index % columns * cell[1]
        sheet[top : top + height, left : left + width] = picture
        sheet[top + height : top + height + CAPTION, left : left + width] = _caption(captions[index], width)
    return sheet


def _caption(text: str, width: int) -> Tensor:
    """Light text on the paper's gray, in the middle [CAPTION, width, 3]."""
    import numpy as np
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (width, CAPTION), (PAPER,) * 3)
    ImageDraw.Draw(strip).text((width / 2, CAPTION / 2), text, fill=(INK,) * 3, font_size=12, anchor="mm")
    return torch.from_numpy(np.asarray(strip).copy()).float() / 255
