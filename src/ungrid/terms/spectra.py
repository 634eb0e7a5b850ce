"""Sound by what is heard of it: magnitudes of short-time spectra, on stretches of consecutive samples."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.metrics.audio import RESOLUTIONS, stft_distance
from ungrid.shapes import FieldLike
from ungrid.signals.base import Signal

SPAN = 2**13  # samples of a stretch: four of the longest window's


class SpectralMisfit:
    """Multi-resolution STFT distance between a field and a sound, on a stretch of it that is drawn anew at each step.

    Stands beside a `Misfit`, never alone: it does not hear the sign of a sample. Squared error gives up what it cannot reach, and
    a small field is then dull; this term makes it as loud as the sound is at each pitch, at the cost of squared error
    (docs/explain/spectra has measurements).

    Args:
        signal: the sound, of one axis; all of its samples are looked at, also those that a `Misfit` holds out.
        span: samples of a stretch, more than 1,024; all of a shorter sound.
        weight: factor in the total, constant or a function of the fraction done 0…1.
        name: in logs.

    Raises:
        InputError: a signal of several axes, or too short.
    """

    paper = "yamamoto2020parallel"

    def __init__(
        self, signal: Signal, *, span: int = SPAN, weight: float | Callable[[float], float] = 1e-3, name: str = "spectra"
    ):
        least = RESOLUTIONS[-1][0] // 2
        if signal.box.dim != 1:
            raise InputError(f"spectra are taken along one axis; the signal has {signal.box.axes}")
        if min(span, signal.grid.size) <= least:
            raise InputError(f"a stretch of {min(span, signal.grid.size)} samples is too short; expected more than {least}")
        self.grid, self.values, self.name = signal.grid, signal.values, name
        self.span = min(span, signal.grid.size)
        self._weight = weight

    def weight(self, progress: float) -> float:
        """Factor in the total at this fraction of the fit."""
        return self._weight(progress) if callable(self._weight) else self._weight

    def sample(self, rng: torch.Generator, field: Any, batch_size: int | None) -> Grid:
        """A stretch of the sound's grid; the size of batches is that of other terms."""
        start = int(torch.randint(self.grid.size - self.span + 1, (1,), generator=rng))
        return self.grid.part((slice(start, start + self.span),))

    def __call__(self, field: FieldLike, batch: Grid) -> Tensor:
        """The distance, mean over channels and resolutions."""
        device = next(field.parameters()).device  # type: ignore[attr-defined]
        coords = batch.points(dtype=torch.float64, device=device)
        prediction: Tensor = field(coords.to(getattr(field, "coords_dtype", torch.float32)))
        first = round((batch.box.bounds[0][0] - self.grid.box.bounds[0][0]) / self.grid.spacing[0])
        target = self.values[first : first + len(prediction)].to(prediction)
        return stft_distance(prediction.T, target.T)
