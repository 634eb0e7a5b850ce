"""One fit on equal terms: so many parameters, so many seconds of the processor, the same samples left out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool
from torch import Tensor

from ungrid.bench.measure import Row, Stopwatch, threads
from ungrid.bench.sizes import Builder, Sized, solve
from ungrid.domain.box import Box
from ungrid.errors import Diverged
from ungrid.fields.base import Field
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Anneal, Refocus
from ungrid.fit.loop import Budget, run
from ungrid.fit.problem import Problem
from ungrid.fit.state import FitState
from ungrid.metrics.error import psnr
from ungrid.presets.auto import EFFORTS, MOST_LATTICE
from ungrid.presets.published import dense_grid
from ungrid.presets.table import PUBLISHED
from ungrid.signals.base import Signal
from ungrid.tasks.represent import represent

MOST_BATCH = 8_192
LEAST_SHARE = 0.1  # of the seconds, that is left for the descent where estimating took the rest
BALANCED = "balanced"


@dataclass(frozen=True)
class Terms:
    """What all have alike.

    Args:
        n_params: of each field, within 5 % where its sizes allow.
        seconds: of the processor, from the signal in memory to the end of the descent.
        heldout: fraction of the samples that no fit sees, drawn at random by the seed.
    """

    n_params: int = 200_000
    seconds: float = 20.0
    heldout: float = 0.1


def balanced(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    params_per_value: float = 0.7,
    width: int = 32,
    seed: int = 0,
) -> Field:
    """The default's field: a dense grid with cubic interpolation, its samples drawn more often where it is wrong."""
    sizes = {"shape": shape, "params_per_value": params_per_value, "width": width}
    field = dense_grid(box, out_dim, interpolation="cubic", seed=seed, **sizes)  # type: ignore[arg-type]
    assert field.recipe is not None
    field.recipe = replace(field.recipe, order="focused")
    return field


MODELS: Mapping[str, Builder] = {BALANCED: balanced, **PUBLISHED}


def left_out(signal: Signal, fraction: float, seed: int) -> Bool[Tensor, "*shape"]:
    """Which samples are known [*shape]: each with the probability 1 - fraction."""
    return torch.rand(signal.grid.shape, generator=torch.Generator().manual_seed(seed)) >= fraction


def fit_equal(name: str, signal: Signal, terms: Terms, *, rate_factor: float = 1.0, seed: int = 0) -> Row:
    """Fit one model on the terms and measure it on the samples it saw, and on those it did not.

    A step sees at most 8,192 samples, whatever the published recipe takes; its schedule runs over the seconds.

    Args:
        name: of `MODELS`.
        signal: with values from 0 to 1.
        terms: what is alike for all.
        rate_factor: of the published learning rate.
        seed: of weights, batches and the samples left out.

    Returns:
        name, seed, n_params, batch_size, learning_rate, rate_factor, steps, cpu_seconds, wall_seconds, train_psnr, heldout_psnr
        and note; PSNR are None where the fit diverged.
    """
    known = left_out(signal, terms.heldout, seed)
    sized = solve(name, MODELS[name], signal.grid, signal.out_dim, terms.n_params)
    with threads(1):
        watch = Stopwatch()
        field = MODELS[name](signal.box, signal.out_dim, seed=seed, **sized.arguments)
        recipe = _recipe(field, rate_factor)
        state = FitState(field, _problem(name, field, signal, known, recipe.order), recipe, seed)
        left = max(LEAST_SHARE * terms.seconds, terms.seconds - watch.spent().cpu)
        note = _descend(state, left)
        spent = watch.spent()
        measured = _measured(field.eval(), signal, known) if note is None else {"train_psnr": None, "heldout_psnr": None}
    return {
        "name": name,
        "seed": seed,
        "n_params": sized.n_params,
        "batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "rate_factor": rate_factor,
        "steps": state.step,
        "cpu_seconds": spent.cpu,
        "wall_seconds": spent.wall,
        **measured,
        "note": note or _size_note(sized, terms),
    }


def _recipe(field: Field, rate_factor: float) -> Recipe:
    recipe = field.recipe or Recipe()
    batch = min(MOST_BATCH, recipe.batch_size or MOST_BATCH)
    return replace(recipe, batch_size=batch, learning_rate=recipe.learning_rate * rate_factor)


def _problem(name: str, field: Field, signal: Signal, known: Tensor, order: str) -> Problem:
    """The samples; for the default also its estimates of what lies between them, as its efforts have it."""
    estimates = "none"
    if name == BALANCED and signal.grid.with_midpoints().size <= MOST_LATTICE:
        estimates = "between" if signal.grid.size <= EFFORTS[BALANCED].most_solved else "cubic"
    every_level = isinstance(field, MultiscaleField)
    return represent(signal, mask=known, order=order, heldout=0.0, estimates=estimates, every_level=every_level)


def _descend(state: FitState, seconds: float) -> str | None:
    """Descend for so many seconds of the processor; why it failed, or None."""
    try:
        run(state, Budget(max_seconds=seconds, clock=time.process_time), [Refocus(), Anneal()])
    except Diverged:
        return "diverged"
    for part in state.field.modules():
        harden = getattr(part, "harden", None)
        if callable(harden):  # indices of a codebook, as a file will have them
            harden()
    return None


def _measured(field: Field, signal: Signal, known: Tensor) -> Row:
    drawn = field.sample(signal.grid)
    shown = signal.shown(drawn)
    seen, unseen = psnr(shown[known], signal.values[known]), psnr(shown[~known], signal.values[~known])
    return {"train_psnr": seen, "heldout_psnr": unseen}


def _size_note(sized: Sized, terms: Terms) -> str:
    off = sized.n_params / terms.n_params - 1
    return "" if abs(off) <= 0.05 else f"{off:+.0%} parameters, the nearest it can have"
