"""What a signal's samples say to a fit: where they lie, their values, and what each value counts."""

from dataclasses import replace

import torch
from torch import Tensor

from ungrid.fit.samplers import GridObservations, PointObservations
from ungrid.metrics.signal import importance
from ungrid.signals.base import OWN_PEAKS, Signal


def observations(signal: Signal) -> GridObservations | PointObservations:
    """The samples of a signal at the points of its grid, or at their own places."""
    weight = weights(signal)
    if signal.places is None:
        return GridObservations(signal.grid, signal.values, weight)
    values = signal.values.reshape(signal.grid.size, signal.out_dim)
    places = signal.places.reshape(signal.grid.size, signal.box.dim).to(values.dtype)
    return PointObservations(places, values, None if weight is None else weight.reshape(signal.grid.size, -1))


def weights(signal: Signal) -> Tensor | None:
    """What an error in each value counts [*shape, c or 1]; None where all count alike.

    Channels that are different quantities count in units of their own peak to peak; cells of a sphere by the root of their
    area, as errors are squared; single values that are not known count nothing. (Samples that are not known are not drawn.)
    """
    by_sample = signal.known is not None and signal.known.shape == signal.grid.shape
    counts = importance(replace(signal, known=None) if by_sample else signal)
    if signal.kind not in OWN_PEAKS:
        return None if counts is None else counts.sqrt()
    scale = torch.tensor([1 / peak for peak in signal.peaks], dtype=signal.values.dtype)
    one = signal.values.new_ones(()).expand(*signal.grid.shape, 1)
    return (one if counts is None else counts.sqrt()) * scale
