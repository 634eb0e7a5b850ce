"""Quality of a whole signal, by its kind: what reports say."""

import math
from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from ungrid.metrics.audio import sound_metrics
from ungrid.metrics.error import max_abs_error, mse, psnr
from ungrid.metrics.film import film_metrics
from ungrid.metrics.image import picture_metrics
from ungrid.signals.base import Signal, color_channels


def decibels(mean_square: float, peak: float) -> float | None:
    """PSNR [dB] of a mean squared error; None for no error at all, as JSON has no infinity."""
    return None if mean_square == 0 else 20 * math.log10(peak) - 10 * math.log10(mean_square)


def sampled_metrics(result: Float[Tensor, "*shape c"], reference: Signal) -> dict[str, float | None]:
    """`psnr` (dB, against the reference's `peak`), `rmse` and `max_abs_error` (in units of the values).

    Args:
        result: values on the reference's grid; they are clipped as it would be shown.
        reference: what they should be.

    Shape: [*shape, c], as the reference's values.
    """
    shown = reference.shown(result)
    return {
        "psnr": psnr(shown, reference.values, peak=reference.peak),
        "rmse": math.sqrt(mse(shown, reference.values)),
        "max_abs_error": max_abs_error(shown, reference.values),
    }


def drawn_metrics(result: Float[Tensor, "h w c"], reference: Signal) -> dict[str, float | None]:
    """Those of `picture_metrics`, without alpha; and `psnr_peak_to_peak` where values have no fixed range.

    Shape: [h, w, c], as the reference's values.
    """
    clip = reference.value_range is not None
    measures = picture_metrics(result, reference.values, reference.channels, clip=clip)
    level = measures["psnr"]
    if not clip and level is not None and level < math.inf and color_channels(reference.channels):
        spread = float(reference.values.max() - reference.values.min())
        measures["psnr_peak_to_peak"] = level + 20 * math.log10(spread) if spread > 0 else None
    return measures


def heard_metrics(result: Float[Tensor, "n c"], reference: Signal) -> dict[str, float | None]:
    """Those of `sound_metrics`, of values clipped as they would be heard.

    Shape: [n, c], as the reference's values.
    """
    return sound_metrics(reference.shown(result), reference.values)


# kind → measures of values on a signal's grid; `sampled_metrics` for the others
MEASURES: dict[str, Callable[[Tensor, Signal], dict[str, float | None]]] = {
    "image": drawn_metrics,
    "audio": heard_metrics,
    "video": film_metrics,
}
