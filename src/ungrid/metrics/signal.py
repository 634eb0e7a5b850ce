"""Quality of a whole signal, by its kind: what reports say."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
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


def channel_metrics(result: Float[Tensor, "*shape c"], reference: Signal) -> dict[str, float | None]:
    """`psnr` of channels that are different quantities: the mean square of errors, each in units of its channel's peak to peak.

    Of several channels also `psnr_NAME` of each; of one `rmse` and `max_abs_error`. Only known values are compared.

    Shape: [*shape, c], as the reference's values, at its grid's points or its places.
    """
    counts, names = importance(reference), reference.channels
    error = (result.double() - reference.values.double()) / torch.tensor(reference.peaks, dtype=torch.float64)
    share = torch.ones_like(error) if counts is None else counts.double().expand_as(error)
    squares, total = (share * error.square()).flatten(0, -2), share.flatten(0, -2)
    measures = {"psnr": decibels(float(squares.sum() / total.sum()), 1.0)}
    if len(names) > 1:
        each = zip(names, squares.sum(dim=0), total.sum(dim=0), strict=True)
        return measures | {f"psnr_{name}": decibels(float(square / n), 1.0) for name, square, n in each}
    peak = reference.peaks[0]
    worst = float((error.abs() * (share > 0)).max()) * peak
    return measures | {"rmse": float((squares.sum() / total.sum()).sqrt()) * peak, "max_abs_error": worst}


def importance(signal: Signal) -> Float[Tensor, "*shape w"] | None:
    """How much each sample [*shape, 1] or value [*shape, c] of a signal counts where its quality is measured; None for all alike.

    Values that are not known count nothing; cells of a sphere count by their area.
    """
    known, areas = signal.known, cell_areas(signal.grid) if signal.kind == "sphere" else None
    if known is None:
        return areas
    counts = (known if known.shape == signal.values.shape else known[..., None]).to(signal.values.dtype)
    return counts if areas is None else counts * areas


def cell_areas(grid: Grid) -> Float[Tensor, "*shape 1"]:
    """Area of each cell of latitude and longitude, over their mean: sin of its upper edge less that of its lower."""
    along = grid.box.axis("lat")
    places = grid.axis_coords(along, dtype=torch.float64)
    low, high = grid.box.bounds[along]
    edges = torch.cat([places.new_tensor([low]), (places[:-1] + places[1:]) / 2, places.new_tensor([high])])
    areas = torch.deg2rad(edges.clamp(-90, 90)).sin().diff()
    shape = [1] * (len(grid.shape) + 1)
    shape[along] = -1
    return (areas / areas.mean()).float().reshape(shape).expand(*grid.shape, 1)


# kind → measures of values on a signal's grid; `sampled_metrics` for the others
MEASURES: dict[str, Callable[[Tensor, Signal], dict[str, float | None]]] = {
    "image": drawn_metrics,
    "audio": heard_metrics,
    "video": film_metrics,
    "series": channel_metrics,
    "sphere": channel_metrics,
}
