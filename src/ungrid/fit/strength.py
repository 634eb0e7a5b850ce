"""How strong a prior should be, found without the truth: by the noise, or by measurements that are kept out."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ungrid.fit.convex import admm, by_spectrum, power_spectrum
from ungrid.fit.convex_solver import Convex
from ungrid.fit.primal_dual import primal_dual
from ungrid.terms.linear import LinearMisfit

LADDER = tuple(10 ** (0.5 - k / 2) for k in range(10))  # of the unit, from strong to weak
VIEW_LADDER = tuple(10 ** (-k / 2) for k in range(8))  # the same, for views that are kept out
KEPT_OUT = 0.1  # of the measurements
WORSE = 2  # rungs in a row, after which weaker ones are not tried
ITERATIONS = 60  # of a rung, from the last one's result
MET = 0.97  # of the noise: what the residual of a good result is, since a little of the noise is fitted, too
HALVINGS = 3  # of the last interval, where the noise is known
EVERY_VIEW, FIRST_VIEW = 5, 2  # of the views, which are kept out
EARNED = 0.95  # of the error at views not seen: what a weaker prior must reach to be worth it


class Strength(NamedTuple):
    """What was found.

    Args:
        factor: of the strengths that the penalties came with.
        values: the samples at the last rung that was tried, to start from.
        tried: factor and score of each rung: rms residual, or rms error of what was kept out.
    """

    factor: float
    values: Tensor
    tried: list[tuple[float, float]]


def by_noise(problem: Convex, deviation: float, *, start: Tensor) -> Strength:
    """The discrepancy principle: the largest strength at which what was measured is met as nearly as its noise allows
    (morozov1984methods).

    Args:
        problem: with one misfit, its penalties in their proportions.
        deviation: standard deviation of a measured number, after its weight: 1 where weights are 1 / variance.
        start: samples to begin at.
    """
    (misfit,) = problem.misfits
    enough = MET * deviation
    right_side, spectrum, unit = _prepared(problem, start)

    def residual(values: Tensor) -> float:
        return math.sqrt(2 * float(misfit.of(misfit.measurement.A(values))))

    values, tried = start, []
    for rung in LADDER:
        values = _solved(problem, rung * unit, right_side, spectrum, values)
        tried.append((rung * unit, residual(values)))
        if tried[-1][1] <= enough:
            break
    if len(tried) > 1 and tried[-1][1] <= enough:
        weak, strong = tried[-1][0], tried[-2][0]
        for _ in range(HALVINGS):
            middle = math.sqrt(weak * strong)
            values = _solved(problem, middle, right_side, spectrum, values)
            tried.append((middle, residual(values)))
            weak, strong = (middle, strong) if tried[-1][1] <= enough else (weak, middle)
        return Strength(weak, values, tried)
    return Strength(tried[-1][0], values, tried)


def by_heldout(problem: Convex, *, start: Tensor, seed: int = 0, kept_out: Tensor | None = None) -> Strength:
    """The strength whose result predicts best what it has not seen.

    Args:
        problem: with one misfit, its penalties in their proportions.
        start: samples to begin at.
        seed: of what is kept out.
        kept_out: which measured numbers that is, of their shape; None for a tenth at random. Where neighbors share what disturbs
            them, such as the rays of one view, whole views should be.
    """
    (misfit,) = problem.misfits
    if kept_out is None:
        rng = torch.Generator().manual_seed(seed)
        kept_out = (torch.rand(misfit.measured.shape, generator=rng) < KEPT_OUT).to(misfit.measured.device)
    seen = LinearMisfit(misfit.measurement, misfit.measured, weight=misfit.weights * (~kept_out))
    left = Convex((seen,), problem.penalties)
    right_side, spectrum, unit = _prepared(left, start)
    weights = misfit.weights * kept_out
    values, tried, worse = start, [], 0
    for rung in LADDER:
        values = _solved(left, rung * unit, right_side, spectrum, values)
        missed = (weights * (misfit.measurement.A(values) - misfit.measured).abs().square()).sum()
        tried.append((rung * unit, math.sqrt(float(missed) / max(1, int(kept_out.sum())))))
        worse = worse + 1 if tried[-1][1] > min(score for _, score in tried) else 0
        if worse >= WORSE:
            break
    return Strength(min(tried, key=lambda each: each[1])[0], values, tried)


def by_views(problem: Convex, *, start: Tensor, earned: float = EARNED) -> Strength:
    """The weakest strength that has earned it: each step down the ladder lessens the error at every fifth view, which is kept
    out, by a twentieth at least, or by what is asked for.

    Rays kept out singly do not do: their neighbors in the same view share the error of the grid. The least error itself is at
    too weak a prior, since the error at views not seen is flat there.

    Args:
        problem: with one misfit, of measurements whose first axis is the views, its penalties in their proportions.
        start: samples to begin at.
        earned: share of the error that may be left after a step.
    """
    (misfit,) = problem.misfits
    kept_out = torch.zeros([len(misfit.measured)] + [1] * (misfit.measured.ndim - 1)).to(misfit.measured)
    kept_out[FIRST_VIEW::EVERY_VIEW] = 1
    seen = LinearMisfit(misfit.measurement, misfit.measured, weight=misfit.weights * (1 - kept_out))
    left, weights = Convex((seen,), problem.penalties), misfit.weights * kept_out
    right_side, spectrum, unit = _prepared(left, start)
    values, before, tried = start, start, []
    for rung in VIEW_LADDER:
        before, values = values, _solved(left, rung * unit, right_side, spectrum, values)
        missed = (weights * (misfit.measurement.A(values) - misfit.measured).abs().square()).sum()
        tried.append((rung * unit, math.sqrt(float(missed) / float(weights.expand_as(misfit.measured).sum()))))
        if len(tried) > 1 and tried[-1][1] > earned * tried[-2][1]:
            return Strength(tried[-2][0], before, tried)
    return Strength(tried[-1][0], values, tried)


def _prepared(problem: Convex, start: Tensor) -> tuple[Tensor, Tensor, float]:
    """Right side, spectrum, and the factor of the strengths at which a penalty weighs as much as the misfit of all there is."""
    right_side = problem.right_side()
    spectrum = power_spectrum(problem.normal, right_side, is_complex=problem.is_complex)
    spread = float(by_spectrum(right_side, spectrum, problem.is_complex).std()) or 1.0
    largest = max((factor for _, factor in problem.weighted()), default=0.0) or 1.0
    return right_side, spectrum, float(spectrum.mean()) * spread / largest


def _solved(problem: Convex, factor: float, right_side: Tensor, spectrum: Tensor, start: Tensor) -> Tensor:
    """The samples with the penalties' strengths times a factor, nearly."""
    penalties = [(penalty, factor * own) for penalty, own in problem.weighted()]
    begin = start if bool(start.any()) else None
    if problem.metric is not None:
        (misfit,) = problem.misfits
        sensor, weights = misfit.measurement, misfit.weights
        how: dict[str, Any] = {"metric": problem.metric, "weights": weights, "max_iterations": ITERATIONS, "tolerance": 2e-4}
        return primal_dual(sensor.A, sensor.A_adjoint, misfit.measured, penalties, begin, **how).values
    how = {"spectrum": spectrum, "max_iterations": ITERATIONS, "tolerance": 1e-3, "is_complex": problem.is_complex}
    return admm(problem.normal, right_side, penalties, begin, **how).values
