"""Samples that a fitted field does not explain: far beyond what its residual scatters by."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.signals.base import Signal

BEYOND = 6.0  # robust standard deviations: of a million samples of Gaussian noise none
TO_DEVIATION = 1.4826  # of the median absolute deviation of a Gaussian
ROUNDING = 1e-6  # of a channel's peak to peak: residuals below it are that of single precision


@dataclass(frozen=True)
class Anomaly:
    """A sample that does not fit.

    Args:
        coords: where it lies, in the units of the box.
        channel: its name.
        value: what was measured.
        expected: what the field says there.
        deviations: value less expected, in robust standard deviations of the channel's residual.
    """

    coords: tuple[float, ...]
    channel: str
    value: float
    expected: float
    deviations: float


@torch.no_grad()
def find_anomalies(field: Field, signal: Signal, *, beyond: float = BEYOND, most: int = 1000) -> list[Anomaly]:
    """Samples off the field by more than so many robust standard deviations of their channel's residual, the worst first.

    The deviation is 1.4826 times the median of |residual − its median|, so that the anomalies themselves do not widen it. It is
    that of a fit that smooths; a fit that goes through its samples has no residual, and shows none.

    Args:
        field: fitted to the signal.
        signal: what was measured.
        beyond: deviations, above 0.
        most: of the list.

    Raises:
        InputError: a signal of another box or number of channels, `beyond` out of range.
    """
    if not signal.box.is_close(field.box) or field.out_dim != signal.out_dim:
        raise InputError(
            f"the field has {field.out_dim} channels on the box {field.box.bounds}, the signal {signal.out_dim} on "
            f"{signal.box.bounds}; expected the signal that the field was fitted to"
        )
    if not beyond > 0:
        raise InputError(f"beyond is {beyond}; expected a number of deviations above 0")
    where, expected = _seen(field, signal)
    values = signal.values.flatten(0, -2).double()
    known = torch.ones_like(values, dtype=torch.bool)
    if signal.known is not None:
        known = (
            (signal.known if signal.known.shape == signal.values.shape else signal.known[..., None])
            .expand(signal.values.shape)
            .flatten(0, -2)
        )
    found = []
    for channel, name in enumerate(signal.channels):
        residual = (values - expected)[:, channel]
        seen = residual[known[:, channel]]
        spread = TO_DEVIATION * float((seen - seen.median()).abs().median()) + ROUNDING * signal.peaks[channel]
        deviations = residual / spread
        for row in ((deviations.abs() > beyond) & known[:, channel]).nonzero().squeeze(-1).tolist():
            place = tuple(where[row].tolist())
            value, guess = float(values[row, channel]), float(expected[row, channel])
            found.append(Anomaly(place, name, value, guess, float(deviations[row])))
    return sorted(found, key=lambda anomaly: -abs(anomaly.deviations))[:most]


def _seen(field: Field, signal: Signal) -> tuple[Tensor, Tensor]:
    """Places [n, d] of the samples, and the field there [n, c]."""
    if signal.places is None:
        places = signal.grid.points(dtype=torch.float64).flatten(0, -2)
        return places, field.sample(signal.grid).cpu().double().flatten(0, -2)
    places = signal.places.flatten(0, -2)
    own = next(field.parameters())
    parts = [field(part.to(own)).cpu().double() for part in places.split(field.chunk_points())]
    return places, torch.cat(parts)
