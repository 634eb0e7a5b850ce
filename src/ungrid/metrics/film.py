"""Quality of a film: errors of all frames, structural similarity of some, a few frames at a time."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.metrics.error import check_pair, max_abs_error, mse
from ungrid.metrics.image import ssim
from ungrid.signals.base import Signal

MOST_COMPARED = 32  # frames whose similarity is measured, at even distances: on 272 × 640 pixels a tenth of a second each
SMALLEST_SSIM = 11  # pixels along the shorter side


def film_metrics(result: Float[Tensor, "t h w c"], reference: Signal) -> dict[str, float | None]:
    """`psnr` (dB, peak 1, all frames together), `psnr_lowest` (of the worst frame), `ssim` (mean over at most 32 frames at even
    distances; None for frames of less than 11 pixels), `rmse` and `max_abs_error`, all without alpha.

    Args:
        result: values on the reference's grid; they are clipped as they would be shown, a few frames at a time.
        reference: what they should be.

    Shape: [t, h, w, c], as the reference's values.

    Raises:
        ShapeError: another shape.
    """
    check_pair(result, reference.values)
    return frame_metrics(lambda index: result[index], reference)


def frame_metrics(draw: Callable[[int], Tensor], reference: Signal) -> dict[str, float | None]:
    """Those of `film_metrics`, of a film of which only a frame is in memory at a time.

    Args:
        draw: index of a frame → its values [h, w, c]; asked for once or twice.
        reference: what they should be.
    """
    colors, n = reference.measured_channels, reference.grid.shape[0]
    errors, largest = [], 0.0
    for index in range(n):
        shown, truth = _frame(draw, reference, index, colors)
        errors.append(mse(shown, truth))
        largest = max(largest, max_abs_error(shown, truth))
    mean, worst = sum(errors) / n, max(errors)
    return {
        "psnr": math.inf if mean == 0 else -10 * math.log10(mean),
        "psnr_lowest": None if worst == 0 else -10 * math.log10(worst),
        "ssim": _similarity(draw, reference, colors),
        "rmse": math.sqrt(mean),
        "max_abs_error": largest,
    }


def even_frames(n_frames: int, most: int) -> list[int]:
    """Indices of at most `most` frames at even distances, the middle one of each stretch."""
    n = min(n_frames, most)
    return [int((index + 0.5) * n_frames / n) for index in range(n)]


def _similarity(draw: Callable[[int], Tensor], reference: Signal, colors: list[int]) -> float | None:
    n_frames, *sides = reference.grid.shape
    if min(sides) < SMALLEST_SSIM:
        return None
    chosen = even_frames(n_frames, MOST_COMPARED)
    return sum(ssim(*_frame(draw, reference, index, colors)) for index in chosen) / len(chosen)


def _frame(draw: Callable[[int], Tensor], reference: Signal, index: int, colors: list[int]) -> tuple[Tensor, Tensor]:
    picked = [reference.shown(draw(index)), reference.values[index]]
    if len(colors) < picked[0].shape[-1]:
        picked = [picture[..., colors] for picture in picked]
    return picked[0].to(torch.float32), picked[1].to(torch.float32)
