"""Fits of published settings under the clock, ours in the same seconds, and the classical methods beside them."""

import importlib.util
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ungrid.bench.measure import Stopwatch, Timing, threads
from ungrid.bench.papers.setting import Outcome
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Anneal, Callback, HeldOut, Refocus
from ungrid.fit.loop import Budget, run
from ungrid.fit.problem import Problem
from ungrid.fit.state import FitState
from ungrid.presets.plan import plan_signal
from ungrid.signals.base import Signal

LEAST_SECONDS = 0.05  # of the processor, for ours where the paper's method took less


def descend(
    field: Field,
    problem: Problem,
    recipe: Recipe,
    seed: int,
    *,
    seconds: float | None = None,
    watchers: Sequence[Callback] = (),
) -> tuple[Timing, int]:
    """Fit in place by a recipe, over its steps or over seconds of the processor; seconds spent and steps taken."""
    budget = Budget(recipe.steps) if seconds is None else Budget(max_seconds=max(seconds, LEAST_SECONDS), clock=time.process_time)
    with threads(1):
        watch = Stopwatch()
        state = FitState(field, problem, recipe, seed)
        run(state, budget, [*watchers, Refocus(), Anneal()])
        field.eval()
        return watch.spent(), state.step


def our_best(signal: Signal, seconds: float, seed: int) -> tuple[Field, Timing, int]:
    """The preset `best` on a signal, in at most these seconds of the processor: field, seconds spent, steps taken."""
    with threads(1):
        watch = Stopwatch()
        plan = plan_signal(signal, "best", seed=seed)
        recipe = plan.field.recipe or Recipe()
        left = max(LEAST_SECONDS, 0.1 * seconds, seconds - watch.spent().cpu)
        state = FitState(plan.field, plan.problem, recipe, seed)
        run(state, Budget(recipe.steps, left, clock=time.process_time), [HeldOut(), Refocus(), Anneal()])
        return plan.field.eval(), watch.spent(), state.step


def decibels(result: Tensor, truth: Tensor, *, peak: float = 1.0) -> float | None:
    """-10 log₁₀ of the mean square error over peak², unclipped; None for an exact match."""
    error = float((result - truth).double().square().mean()) / peak**2
    return None if error == 0 else float(-10 * np.log10(error))


def largest_cosines(signal: Signal, n: int, *, peak: float = 1.0) -> Outcome:
    """The signal from as many of its cosine coefficients as there are parameters, the largest ones; their places are free."""
    watch = Stopwatch()
    if n >= signal.values.numel():
        note = f"the {signal.values.numel():,} values themselves are fewer than the parameters: exact"
        return Outcome(None, watch.spent(), signal.values.numel(), note=note)
    if importlib.util.find_spec("scipy") is None:
        return Outcome(None, watch.spent(), note="not measured: SciPy is not installed")
    from scipy.fft import dctn, idctn

    axes = tuple(range(len(signal.grid.shape)))
    found = dctn(signal.values.double().numpy(), axes=axes, norm="ortho")
    least = np.partition(np.abs(found).reshape(-1), found.size - n)[found.size - n]
    kept = torch.from_numpy(idctn(np.where(np.abs(found) >= least, found, 0.0), axes=axes, norm="ortho"))
    return Outcome(decibels(kept, signal.values, peak=peak), watch.spent(), n, note="cosine coefficients, without their places")
