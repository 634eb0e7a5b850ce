"""The verb that blends: a part of one picture put into another, without a seam."""

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ungrid.blurring import as_picture
from ungrid.errors import InputError
from ungrid.fields.lattice import LatticeField
from ungrid.fields.record import Record
from ungrid.restoration.seamless import papers, seamless
from ungrid.signals.base import ALPHA, Signal
from ungrid.verbs import as_mask


def blend(source: Any, target: Any, *, at: Mapping[str, Any], mask: Any = None, mixed: bool = False) -> LatticeField:
    """The field of a target with a part of a source in it, whose gradients are the source's and whose border is the target's.

    Size, metadata, color profile and alpha are the target's.

    Args:
        source: a signal of kind image, a path or an array; gray goes into color, too.
        target: likewise.
        at: {"y": …, "x": …} where in the target the source's first pixel goes, in whole pixels.
        mask: of the source's size, [h, w] booleans, or a picture or path that is bright where the source is taken; None for where
            the source's alpha is above one half, or all of it. The source's outermost pixels only lend their slopes.
        mixed: keep the target's gradients where they are larger, such as a texture behind a text.

    Raises:
        InputError: not a picture, channels that do not go together, a place outside, a mask without a pixel.

    Example:
        >>> import numpy, ungrid as ug
        >>> ug.blend(numpy.full((6, 6), 0.9), numpy.full((16, 16), 0.2), at={"y": 4, "x": 5}).grid().shape
        (16, 16)
    """
    start = time.monotonic()
    above, below = as_picture(source), as_picture(target)
    colors = below.measured_channels
    taken = _colors(above, below)
    corner = _corner(at, above, below)
    own = _mask(above, mask)
    here = tuple(slice(first, first + n) for first, n in zip(corner, above.grid.shape, strict=True))
    region = torch.zeros(below.grid.shape, dtype=torch.bool)
    region[here] = own
    values, laid = below.values.clone(), below.values[..., colors].clone()
    laid[here] = taken.to(laid)
    found = seamless(below.values[..., colors], laid, region, below.grid, mixed=mixed)
    values[..., colors] = found.values
    field = LatticeField.of(below.box, values).eval()
    fit = {
        "preset": "blend",
        "reason": "mixed gradients" if mixed else "the source's gradients",
        "at": dict(zip(("y", "x"), corner, strict=True)),
        "pixels": int(region.sum()),
        "steps": found.iterations,
        "residual": found.relative_residual,
        "stopped_by": "converged",
        "seconds": round(time.monotonic() - start, 3),
        "papers": list(papers),
    }
    field.record = Record(below.kind, below.grid.shape, below.channels, below.source, below.blobs, fit=fit)
    return field


def _colors(above: Signal, below: Signal) -> Tensor:
    """The source's values in the target's channels, without alpha."""
    if above.is_linear != below.is_linear:
        raise InputError("one picture is linear in light, the other encoded as sRGB; convert one, so that both are the same")
    values, expected = above.values[..., above.measured_channels], len(below.measured_channels)
    if values.shape[-1] not in (1, expected):
        raise InputError(
            f"the source has channels {' '.join(above.channels)}, the target {' '.join(below.channels)}; expected the same, or a "
            f"gray source"
        )
    return values.expand(*values.shape[:-1], expected)


def _corner(at: Mapping[str, Any], above: Signal, below: Signal) -> tuple[int, int]:
    """Row and column of the source's first pixel in the target."""
    if set(at) != {"y", "x"}:
        raise InputError(f"at names {' '.join(map(str, at)) or 'nothing'}; expected y and x, such as y=40,x=60")
    corner = []
    for axis, n, size in zip(("y", "x"), above.grid.shape, below.grid.shape, strict=True):
        place = float(at[axis])
        if not place.is_integer():
            raise InputError(f"at {axis}={place:g} is no whole pixel; expected a whole number")
        if not 0 <= place <= size - n:
            raise InputError(
                f"at {axis}={place:g} a source of {n} pixels leaves the target's {size}; expected {axis} from 0 to {size - n}"
                if n <= size
                else f"the source has {n} pixels along {axis}, the target {size}; take a part of it"
            )
        corner.append(int(place))
    return corner[0], corner[1]


def _mask(above: Signal, mask: Any) -> Tensor:
    """Which pixels of the source are taken, its outermost ones left out."""
    if mask is not None:
        own = as_mask(mask).clone()
    elif ALPHA in above.channels:
        own = above.values[..., above.channels.index(ALPHA)] > 0.5
    else:
        own = torch.ones(above.grid.shape, dtype=torch.bool)
    if tuple(own.shape) != above.grid.shape:
        raise InputError(f"the mask has shape {tuple(own.shape)}, the source {above.grid.shape}; they must be equal")
    own[[0, -1]], own[:, [0, -1]] = False, False
    if not bool(own.any()):
        raise InputError(
            f"no pixel of the source of {above.grid.shape[0]}×{above.grid.shape[1]} is taken; expected a mask that is bright "
            f"somewhere inside, off the source's border"
        )
    return own
