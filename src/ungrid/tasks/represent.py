"""Represent a signal: the field's values at the samples' centers are the samples."""

from jaxtyping import Bool
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fit.problem import Problem
from ungrid.fit.tiles import TileSampler
from ungrid.measurements.multiscale import MultiscaleValues
from ungrid.measurements.values import PointValues
from ungrid.signals.base import Signal
from ungrid.tasks.draws import HELDOUT_FRACTION, draws, hold_out
from ungrid.tasks.judge import SignalJudge
from ungrid.tasks.observe import observations
from ungrid.terms.misfit import Loss, Misfit
from ungrid.terms.spline_sums import SampledSums, SplineMisfit
from ungrid.terms.whole_grid import WholeMisfit, WholeSamples


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
            recipe has no batch size. "sums": all samples at every step, by their sums, for a `SplineField`; "solved_sums":
            likewise, and solved exactly, in whatever steps, when held-out samples are given back; "whole": all at every step,
            for a `RefinedSpline`.
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
    if signal.known_samples is not None:
        mask = signal.known_samples if mask is None else mask & signal.known_samples
    known = None if mask is None else mask.reshape(-1).nonzero().squeeze(-1)
    if known is not None and len(known) == 0:
        raise InputError("the mask leaves no sample to fit; expected at least one True")
    kept, withheld = hold_out(signal.grid.size, known, heldout, seed)
    observed = observations(signal)
    sampler = draws(signal, observed, order, estimates, mask=mask, kept=kept, withheld=withheld, max_memory=max_memory)
    judge = SignalJudge(signal, sampler, observed, known=known, withheld=withheld)
    if isinstance(sampler, SampledSums):
        return Problem((SplineMisfit(sampler),), judge, signal)
    if isinstance(sampler, WholeSamples):
        return Problem((WholeMisfit(sampler),), judge, signal)
    if every_level and isinstance(sampler, TileSampler):
        raise InputError(f"a field of several scales is fitted at points, and {order} were asked for; take another order")
    return Problem((Misfit(MultiscaleValues() if every_level else PointValues(), sampler, loss),), judge, signal)
