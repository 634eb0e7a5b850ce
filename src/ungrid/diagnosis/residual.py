"""What a field leaves of its signal: structure in the residual, and the detail that is missing."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.diagnosis.between import middle
from ungrid.diagnosis.finding import Finding
from ungrid.diagnosis.history import cannot_learn
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.metrics.error import mse, psnr
from ungrid.metrics.spectrum import Band, error_by_band
from ungrid.signals.base import Signal

MOST_SAMPLES = 2**20  # that are compared, in the middle
POOR_PSNR = 30.0  # dB; small fields leave out the finest detail of photographs, and reach more
MEAN_IS_AS_GOOD = 0.9  # of the signal's variance
STRUCTURED = 0.5  # correlation of neighboring residuals; of finished fits of 32 dB it was below 0.2
LEFT_OUT = 0.9  # relative error of a band that the field does not show
ADDED = 1.1  # and of one where it shows something else
MOST_OF_IT = 0.2  # share of the error that lies in bands left out below half the Nyquist frequency


def compare(field: Field, signal: Signal) -> tuple[Tensor, Tensor]:
    """Values of field and signal [*shape, c] in the middle of the signal's grid, float64, without alpha.

    Raises:
        InputError: a signal of another box or number of channels.
    """
    if field.box != signal.box or field.out_dim != signal.out_dim:
        raise InputError(
            f"the field has {field.out_dim} channels on the box {field.box.bounds}, the signal {signal.out_dim} on "
            f"{signal.box.bounds}; expected the signal that the field was fitted to"
        )
    block, channels = middle(signal.grid, MOST_SAMPLES), signal.measured_channels
    values = field.sample(signal.grid.part(block)).cpu()
    return values[..., channels].double(), signal.values[block][..., channels].double()


def residual_findings(field: Field, values: Tensor, truth: Tensor) -> list[Finding]:
    """`nothing_learned`, `band_limited` or `underfitted`, the first that applies; nothing from 30 dB on.

    Args:
        field: for its recipe.
        values: [*shape, c] of the field.
        truth: [*shape, c] of the signal.
    """
    error, variance = mse(values, truth), float((truth - truth.flatten(0, -2).mean(dim=0)).square().mean())
    if error <= 10 ** (-POOR_PSNR / 10) or error == 0:
        return []
    reached = psnr(values, truth)
    if error > MEAN_IS_AS_GOOD * variance:
        return [cannot_learn(field, {"psnr": reached, "error_by_variance": error / max(variance, 1e-12)})]
    bands = error_by_band(values, truth, hann=True)[1:]
    missing, highest = _left_out(bands)
    correlation = neighbor_correlation(values - truth)
    evidence: dict[str, float | int] = {"psnr": reached, "residual_correlation": correlation}
    if missing > MOST_OF_IT:
        evidence |= {"share_of_error_left_out": missing, "highest_frequency": highest, "nyquist_frequency": 0.5}
        remedy = (
            f"the field shows nothing beyond {highest:.3g} cycles per sample: raise its highest frequency (first_omega, "
            f"bandwidth, max_octave, the finest resolution, twice at a time), or take --preset balanced"
        )
        return [Finding("band_limited", "warning", evidence, remedy)]
    if correlation > STRUCTURED:
        remedy = (
            "the residual still has structure: give the field more parameters (width, depth, params_per_value), or more steps"
        )
        return [Finding("underfitted", "warning", evidence, remedy)]
    return []


def neighbor_correlation(residual: Float[Tensor, "*shape c"]) -> float:
    """Mean correlation of a residual with itself one sample on, over axes and channels: 0 for noise, near 1 for a blur."""
    centered = residual - residual.flatten(0, -2).mean(dim=0)
    power = centered.square().mean()
    shape = centered.shape[:-1]
    products = [
        (centered.narrow(axis, 1, n - 1) * centered.narrow(axis, 0, n - 1)).mean() for axis, n in enumerate(shape) if n > 1
    ]
    return float(torch.stack(products).mean() / power) if products and power > 0 else 0.0


def _left_out(bands: list[Band]) -> tuple[float, float]:
    """Share of the error in bands up to half the Nyquist frequency that the field leaves out, and where the rest ends."""
    whole = sum(band.error_energy for band in bands)
    shown = [band.high for band in bands if band.relative_error < LEFT_OUT and band.high <= 0.5]
    left_out = [b.error_energy for b in bands if b.high <= 0.25 + 1e-9 and LEFT_OUT <= b.relative_error <= ADDED]
    return (sum(left_out) / whole if whole > 0 else 0.0), max(shown, default=0.0)
