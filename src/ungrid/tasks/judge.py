"""How good a field is at a signal's samples: while it is fitted, at those held out, and on the whole."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ungrid.fields.base import Field
from ungrid.fit.samplers import IndexSampler, Observations
from ungrid.fit.tiles import TileSampler
from ungrid.metrics.film import frame_metrics
from ungrid.metrics.signal import MEASURES, decibels, sampled_metrics
from ungrid.signals.base import Signal, peak_of
from ungrid.terms.spline_sums import SampledSums
from ungrid.terms.whole_grid import WholeSamples

MONITOR_SAMPLES = 8_192
# kind → measures of a signal that is drawn a frame at a time, since a second film would not fit beside the first
BY_FRAME: dict[str, Callable[[Callable[[int], Tensor], Signal], dict[str, float | None]]] = {"video": frame_metrics}


def quality(field: Field, signal: Signal) -> dict[str, Any]:
    """Measures of a signal's kind of a field on the whole of it; the PSNR of an exact match is None."""
    if signal.kind in BY_FRAME:
        sizes = signal.grid.shape[1:]

        def draw(index: int) -> Tensor:
            where = (slice(index, index + 1), *(slice(0, n) for n in sizes))
            return field.sample(signal.grid.part(where))[0].cpu()

        measures = BY_FRAME[signal.kind](draw, signal)
    else:
        measures = MEASURES.get(signal.kind, sampled_metrics)(field.sample(signal.grid).cpu(), signal)
    measures["psnr"] = None if measures["psnr"] == math.inf else measures["psnr"]
    return measures


class SignalJudge:
    """Measures a field against a signal's samples.

    Args:
        signal: the truth.
        sampler: of the fit, which holds something back.
        observed: the signal's samples, and what each counts.
        known: indices of the samples that are known, or None for all: only then can whole pictures be compared.
        withheld: those of them that the fit does not see at first.
    """

    def __init__(
        self,
        signal: Signal,
        sampler: IndexSampler | TileSampler | SampledSums | WholeSamples,
        observed: Observations,
        *,
        known: Tensor | None = None,
        withheld: Tensor | None = None,
    ):
        self.signal, self.sampler, self.known, self.withheld = signal, sampler, known, withheld
        rng = torch.Generator().manual_seed(1)
        index = torch.randint(signal.grid.size, (MONITOR_SAMPLES,), generator=rng)
        self._watched = index if known is None else known[index % len(known)]
        self._observed = observed
        self._peaks = torch.tensor(signal.peaks, dtype=torch.float64)
        self._peak = signal.peak if known is None else peak_of(signal.kind, signal.values.flatten(0, -2)[known])

    def monitor(self, field: Field) -> float:
        """PSNR [dB] at 8,192 fixed samples."""
        psnr = self._at(field, self._watched)["psnr"]
        return math.inf if psnr is None else psnr

    def quality(self, field: Field) -> dict[str, Any]:
        """Measures of the kind of signal on the whole of it, or PSNR where a part is known.

        The PSNR of an exact match is None.
        """
        if self.known is not None or self.signal.places is not None:
            return self._at(field, torch.arange(self.signal.grid.size) if self.known is None else self.known)
        return quality(field, self.signal)

    def heldout(self, field: Field) -> dict[str, Any] | None:
        """PSNR at the samples that the fit has not seen."""
        if self.withheld is None:
            return None
        return self._at(field, self.withheld) | {"n_samples": len(self.withheld)}

    def give_back(self) -> None:
        """Let the fit see all known samples."""
        self.sampler.give_back()

    @torch.no_grad()
    def _at(self, field: Field, index: Tensor) -> dict[str, Any]:
        errors, n, channels = 0.0, 0.0, self.signal.measured_channels
        device = next(field.parameters()).device
        for part in index.split(field.chunk_points()):
            batch = self._observed.gather(part)
            assert isinstance(batch.query, Tensor)
            values = self.signal.shown(field(batch.query.to(device, field.coords_dtype)).cpu())
            difference = (values - batch.target)[:, channels].double()
            counts = torch.ones_like(difference)
            if batch.weight is not None:  # in units of each channel's peak
                difference, counts = batch.weight * difference, (batch.weight * self._peaks).square().expand_as(difference)
            errors, n = errors + float(difference.square().sum()), n + float(counts.sum())
        if n == 0:
            return {"psnr": None}
        return {"psnr": decibels(errors / n, self._peak if batch.weight is None else 1.0)}
