"""How colors are averaged: as linear light, weighted by their alpha."""

from collections.abc import Callable

import torch
from torch import Tensor

from ungrid.fields.record import Record
from ungrid.signals.base import ALPHA, color_channels
from ungrid.signals.color import linear_to_srgb, srgb_to_linear

Curve = Callable[[Tensor], Tensor]


def averaging_curves(record: Record, *, encoded: bool = False) -> tuple[Curve | None, Curve | None]:
    """Curves between which values may be averaged: to linear light times alpha, and back; (None, None) where values are so.

    A color hidden under alpha 0 has no weight in the mean, and comes back as black where nothing else is.

    Args:
        record: of the picture: transfer, channels, and whether its colors come already multiplied by alpha.
        encoded: leave the sRGB curve out, and average encoded values.
    """
    bends = not encoded and not record.is_linear
    weighs = ALPHA in record.channels
    multiplied = record.source.get("alpha") == "associated"
    if not bends and (not weighs or multiplied):
        return None, None
    color = color_channels(record.channels)
    alpha = record.channels.index(ALPHA) if weighs else None

    def to_light(values: Tensor) -> Tensor:
        colors = values[..., color]
        if alpha is not None and multiplied:
            colors = _divided(colors, values[..., alpha : alpha + 1])
        colors = srgb_to_linear(colors) if bends else colors
        return _with(values, color, colors if alpha is None else colors * values[..., alpha : alpha + 1])

    def from_light(values: Tensor) -> Tensor:
        colors = values[..., color] if alpha is None else _divided(values[..., color], values[..., alpha : alpha + 1])
        colors = linear_to_srgb(colors) if bends else colors
        if alpha is not None and multiplied:
            colors = colors * values[..., alpha : alpha + 1]
        return _with(values, color, colors)

    return to_light, from_light


def _divided(colors: Tensor, alpha: Tensor) -> Tensor:
    return torch.where(alpha > 0, colors / alpha.clamp_min(1e-12), torch.zeros_like(colors))


def _with(values: Tensor, color: list[int], colors: Tensor) -> Tensor:
    changed = values.clone()
    changed[..., color] = colors
    return changed
