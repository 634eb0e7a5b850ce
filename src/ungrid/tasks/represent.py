"""Represent a signal: the field's values at the samples' centers are the samples."""

import math
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fit.orders import ORDERS, Order
from ungrid.fit.problem import Problem
from ungrid.fit.samplers import GridObservations, IndexSampler, Observations
from ungrid.fit.spline import SplineObservations, from_neighbors
from ungrid.fit.tiles import TileSampler
from ungrid.measurements.multiscale import MultiscaleValues
from ungrid.measurements.values import PointValues
from ungrid.metrics.signal import MEASURES, decibels, sampled_metrics
from ungrid.signals.base import Signal, peak_of
from ungrid.spec import lookup
from ungrid.tasks.complete import complete, midpoints, refined
from ungrid.tasks.observe import observations
from ungrid.terms.misfit import Loss, Misfit
from ungrid.terms.spline_sums import SampledSums, SplineMisfit

HELDOUT_FRACTION = 0.01
HELDOUT_MOST = 20_000
MONITOR_SAMPLES = 8_192
TILES = "tiles"
LATTICES = "lattices"
SUMS = "sums"
SPLINE = "spline"
ESTIMATES = ("none", "samples", "cubic", "between", SPLINE)


def represent(
    signal: Signal,
    *,
    mask: Bool[Tensor, "*shape"] | None = None,
    loss: Loss | None = None,
    order: str = "shuffled",
    heldout: float = HELDOUT_FRACTION,
    estimates: str = "none",
    every_level: bool = False,
    max_memory: int | None = None,
    seed: int = 0,
) -> Problem:
    """The problem of fitting a field to a signal's samples.

    Args:
        signal: what to represent.
        mask: [*shape] which samples are known; None for all.
        loss: (prediction, target) → scalar; None for the one that the field's recipe names.
        order: how batches are drawn: "shuffled" (each sample once a pass), "uniform", "stratified"; "tiles": random blocks
            of the grid; "lattices": every k-th sample along each axis, from a random one. Both take all of the grid where the
            recipe has no batch size. "sums": all samples at every step, by their sums, for a `SplineField`.
        heldout: fraction of the known samples, at most 20,000 of them, that the fit does not see until three quarters
            of it are done: the field is measured there first. 0 for none.
        estimates: what else the field is fitted to, estimated from the known samples by `complete` and `refined`: "none";
            "samples" for those that are not known; "between" for the points halfway between samples, too, and "cubic" for
            these by cubic convolution alone; "spline" for one point in each sample's cell, by the cubic spline through all
            samples. A field with nearly as many parameters as samples is free between them, and this tells it what is likely
            there.
        every_level: whether every output of a field of several scales is fitted (`MultiscaleField`), or the one looked at.
        max_memory: bytes that estimating may take; None for 1 GiB.
        seed: of the choice of held-out samples.

    Raises:
        InputError: a mask of another shape or with nothing known, a fraction outside [0, 0.5], tiles or lattices with estimates
            or with every level, and either of a signal whose samples lie off its grid or count differently.
        UnknownName: no such kind of estimates, no such order.
    """
    if not 0 <= heldout <= 0.5:
        raise InputError(f"heldout is {heldout}; expected a fraction from 0 to 0.5")
    if mask is not None and tuple(mask.shape) != signal.grid.shape:
        raise InputError(f"the mask has shape {tuple(mask.shape)}, the signal {signal.grid.shape}; they must be equal")
    if not signal.measured_channels:
        raise InputError(f"the signal has no channel but alpha: {signal.channels}")
    lookup(estimates, dict.fromkeys(ESTIMATES), "kind of estimates")
    if signal.known_samples is not None:
        mask = signal.known_samples if mask is None else mask & signal.known_samples
    known = None if mask is None else mask.reshape(-1).nonzero().squeeze(-1)
    if known is not None and len(known) == 0:
        raise InputError("the mask leaves no sample to fit; expected at least one True")
    kept, withheld = hold_out(signal.grid.size, known, heldout, seed)
    observed = observations(signal)
    is_plain = isinstance(observed, GridObservations) and observed.weight is None
    if not is_plain and (order in (TILES, LATTICES) or estimates != "none"):
        how = order if order in (TILES, LATTICES) else "estimates between the samples"
        raise InputError(
            f"{how} take values on a grid that all count alike, not a signal of kind {signal.kind}; take another preset"
        )
    if order in (TILES, LATTICES):
        if every_level:
            raise InputError(f"a field of several scales is fitted at points, and {order} were asked for; take another order")
        if estimates != "none":
            raise InputError(f'{order} hold samples alone, and estimates {estimates!r} were asked for; say estimates="none"')
        tiles = TileSampler(signal.grid, signal.values, known=kept, withheld=withheld, is_spread=order == LATTICES)
        judge = SignalJudge(signal, tiles, observed, known=known, withheld=withheld)
        return Problem((Misfit(PointValues(), tiles, loss),), judge, signal)
    if order == SUMS:
        sums = SampledSums(signal.grid, signal.values, known=kept, withheld=withheld)
        return Problem((SplineMisfit(sums),), SignalJudge(signal, sums, observed, known=known, withheld=withheld), signal)
    draw: Order = lookup(order, dict.fromkeys([*ORDERS, TILES, LATTICES, SUMS]) | ORDERS, "order")()
    if estimates == SPLINE:
        sampler = _splined(signal, mask, withheld, draw)
    elif estimates in ("cubic", "between") or (estimates == "samples" and mask is not None):
        sampler = _estimated(signal, kept, withheld, estimates, draw, max_memory)
    else:
        sampler = IndexSampler(observed, draw, known=kept, withheld=withheld)
    judge = SignalJudge(signal, sampler, observed, known=known, withheld=withheld)
    term = Misfit(MultiscaleValues() if every_level else PointValues(), sampler, loss)
    return Problem((term,), judge, signal)


def hold_out(size: int, known: Tensor | None, fraction: float, seed: int) -> tuple[Tensor | None, Tensor | None]:
    """Indices that the fit may see from the start, and those it may see later."""
    n_known = size if known is None else len(known)
    n = min(int(n_known * fraction), HELDOUT_MOST)
    if n == 0:
        return known, None
    rng = torch.Generator().manual_seed(seed + 0x5EED)
    withheld = torch.randint(n_known, (2 * n,), generator=rng).unique()  # sorted; twice as many, as some are drawn twice
    withheld = withheld[torch.randperm(len(withheld), generator=rng)[:n]].sort().values
    is_kept = torch.ones(n_known, dtype=torch.bool)
    is_kept[withheld] = False
    kept = is_kept.nonzero().squeeze(-1)
    if known is not None:
        return known[kept], known[withheld]
    return (kept.int() if size < 2**31 else kept), withheld  # half the memory where it matters: large pictures


def _splined(signal: Signal, mask: Tensor | None, withheld: Tensor | None, order: Order) -> IndexSampler:
    """A sampler of samples and of the spline between them; withheld samples are estimated from their neighbors at first."""
    if mask is not None:
        raise InputError('a spline runs through all samples, and a mask leaves some out; say estimates="samples"')
    if withheld is None:
        return IndexSampler(SplineObservations(signal.grid, signal.values), order)
    values = signal.values.clone()
    flat = values.reshape(signal.grid.size, -1)
    flat[withheld] = from_neighbors(signal.values, withheld)
    truth = signal.values.reshape(signal.grid.size, -1)[withheld]
    return IndexSampler(SplineObservations(signal.grid, values), order, withheld=withheld, truth=truth)


def _estimated(
    signal: Signal, kept: Tensor | None, withheld: Tensor | None, estimates: str, order: Order, max_memory: int | None
) -> IndexSampler:
    """A sampler of known and estimated values alike; estimates at the withheld samples give way to the truth later."""
    limit = {} if max_memory is None else {"max_memory": max_memory}
    known = torch.ones(signal.grid.size, dtype=torch.bool)
    if kept is not None:
        known = torch.zeros_like(known).index_fill_(0, kept.long(), True)
    grid, step = signal.grid, 1
    few = estimates == "cubic" and float(known.float().mean()) > 0.9  # samples that are missing: soon done
    values = complete(signal.values, known.reshape(grid.shape), rounds=1 if few else 4, **limit)
    if estimates != "samples":
        grid, step = grid.with_midpoints(), 2
        values = midpoints(values) if estimates == "cubic" else refined(values, **limit)
    if withheld is None:
        return IndexSampler(GridObservations(grid, values), order)
    place = torch.zeros_like(withheld)  # of the withheld samples among the estimates
    for n, position in zip(grid.shape, torch.unravel_index(withheld, signal.grid.shape), strict=True):
        place = place * n + position * (step if n > 1 else 1)
    truth = signal.values.reshape(signal.grid.size, -1)[withheld]
    return IndexSampler(GridObservations(grid, values), order, withheld=place, truth=truth)


def quality(field: Field, signal: Signal) -> dict[str, Any]:
    """Measures of a signal's kind of a field on the whole of it; the PSNR of an exact match is None."""
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
        sampler: IndexSampler | TileSampler | SampledSums,
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
