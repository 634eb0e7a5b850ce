"""The frequency of a published setting, chosen for a signal: a guess from its spectrum, then short fits and held-out samples."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.errors import InputError, nearest
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Callback
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.metrics.spectrum import radial_power_spectrum
from ungrid.presets.fit_out import fitted_out, index_box
from ungrid.presets.table import PUBLISHED
from ungrid.signals.base import Signal
from ungrid.tasks.complete import complete
from ungrid.tasks.represent import represent

SHARE = 2  # a trial takes half of the recipe's steps: on sound, a quarter of them favors frequencies half as high as the best
BATCH = 4096  # samples a step of a trial, at most
FINALISTS = 2  # the best of the trials, which are then fitted for the recipe's whole steps: half as many rank close ones by luck
HELDOUT = 0.2  # of the known samples, by which trials are judged
TRIALS = 6  # factors of two from the guess, toward what is better; the last two √2 below and above the best


@dataclass(frozen=True)
class Knob:
    """The argument of a preset that says how fine the detail is that it begins with.

    Args:
        parameter: the argument's name.
        factor: number of axes → what the signal's frequency in cycles per unit is multiplied by for the first guess.
    """

    parameter: str
    factor: Callable[[int], float]


# SIREN's and the bandwidth's: by sweeps on 6 pictures, 4 sounds and 3 slices, none of which `benchmarks/bandwidth.py` reports on.
# First weights are U(±1/d) in SIREN and FINER and U(±1/√d) in WIRE: for equal frequencies ω grows with d and with √d.
KNOBS = {
    "siren": Knob("first_omega", lambda dim: 1.2 * dim),
    "sine": Knob("first_omega", lambda dim: 1.2 * dim),
    "finer": Knob("first_omega", lambda dim: 1.2 * dim),
    "wire": Knob("omega", lambda dim: 1.2 * math.sqrt(dim)),
    "fourier_mlp": Knob("bandwidth", lambda dim: 0.3),
}


@dataclass(frozen=True)
class Tuning:
    """What was chosen.

    Args:
        parameter: of the preset.
        value: chosen.
        guess: from the spectrum alone.
        trials: value → PSNR [dB] at held-out samples after the short fit.
        finals: likewise of the best of them after the whole fit.
    """

    parameter: str
    value: float
    guess: float
    trials: dict[float, float]
    finals: dict[float, float]

    def describe(self) -> str:
        """One line for a person."""
        said = f"{self.parameter} {self.value:g}: the spectrum suggests {self.guess:g}"
        for when, found in (("half a fit", self.trials), ("a whole one", self.finals)):
            if found:
                tried = ", ".join(f"{value:g} {psnr:.1f} dB" for value, psnr in sorted(found.items()))
                said += f"; at held-out samples after {when} {tried}"
        return said


def tune(
    signal: Signal,
    preset: str,
    *,
    options: Mapping[str, Any] | None = None,
    recipe: Recipe | None = None,
    mask: Bool[Tensor, "*shape"] | None = None,
    seed: int = 0,
    trials: int = TRIALS,
    callbacks: Sequence[Callback] = (),
) -> Tuning:
    """Choose a preset's frequency for a signal.

    Args:
        signal: what will be fitted; on any number of axes.
        preset: a name in `KNOBS`.
        options: further arguments of the preset.
        recipe: of the fit that is to come; None for the preset's own.
        mask: [*shape] which samples are known; None for all.
        seed: of weights, batches and held-out samples.
        trials: short fits, at most; 0 for the guess alone.
        callbacks: watch each of them.

    Raises:
        InputError: a preset that has no frequency to choose.
    """
    if preset not in KNOBS:
        raise InputError(f"preset {preset!r} has no frequency to tune; {', '.join(KNOBS)} have one{nearest(preset, KNOBS)}")
    knob = KNOBS[preset]
    signal = signal if mask is None else replace(signal, known=mask)
    known = signal if mask is None or bool(mask.all()) else signal.with_values(complete(signal.values, mask))
    guess = rounded(knob.factor(signal.box.dim) * middle_frequency(known.values[..., signal.measured_channels]))

    def measured(value: float, share: float = 1 / SHARE) -> float:
        settings = dict(options or {}) | {knob.parameter: value}
        field = fitted_out(PUBLISHED[preset](index_box(signal.grid), signal.out_dim, seed=seed, **settings), signal)
        field.recipe = recipe or field.recipe
        return trial(field, signal, share=share, mask=mask, seed=seed, callbacks=callbacks)

    tried = climbed(guess, measured, trials)
    finals = {value: measured(value, 1.0) for value in sorted(tried, key=lambda value: tried[value])[-FINALISTS:]}
    value = max(finals, key=lambda value: finals[value]) if finals else guess
    return Tuning(knob.parameter, value, guess, tried, finals)


def middle_frequency(values: Float[Tensor, "*shape c"]) -> float:
    """√(f½ · f_N), in cycles per unit of the normalized coordinate: how fine a signal is, and how finely it is sampled.

    Half of the energy beside the mean lies below f½; f_N is the Nyquist frequency of the longest axis. A field with less than
    f_N cannot fit the finest detail, one with no more than f½ fits the rest and is less free between the samples; the
    best for held-out samples lies between.

    Args:
        values: on a grid of any number of axes.

    Shape: values [*shape, c] → a number above 0.
    """
    *shape, _ = values.shape
    spread = values.double() - values.double().mean(dim=tuple(range(len(shape))))  # the window would smear the mean
    spectrum = radial_power_spectrum(spread, spacing=[2 / n for n in shape], hann=min(shape) > 2)
    energy = spectrum.energy.cumsum(0)
    lowest = 0.5  # one cycle over the box
    half = float(spectrum.frequency[int((energy < 0.5 * energy[-1]).sum().clamp_max(len(energy) - 1))])
    return math.sqrt(max(half, lowest) * max(max(shape) / 4, lowest))


def climbed(guess: float, measured: Callable[[float], float], trials: int) -> dict[float, float]:
    """Values and how good they are: by factors of two from the guess toward what is better, then √2 above and below the best.

    Args:
        guess: above 0.
        measured: value → how good it is.
        trials: values that may be measured; below 3 none is.
    """
    if trials < 3:
        return {}
    good = {value: measured(value) for value in (guess, rounded(guess / 2), rounded(2 * guess))}
    best = max(good, key=lambda value: good[value])
    while len(good) < trials - 2 and best in (min(good), max(good)):
        farther = rounded(2 * best if best == max(good) else best / 2)
        good[farther] = measured(farther)
        best = max(good, key=lambda value: good[value])
    for value in (rounded(best * 2**0.5), rounded(best / 2**0.5))[: trials - len(good)]:
        good[value] = measured(value)
    return good


def trial(
    field: Field,
    signal: Signal,
    *,
    share: float,
    mask: Bool[Tensor, "*shape"] | None = None,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
) -> float:
    """PSNR [dB] of a field at held-out samples after a share of its recipe's steps."""
    recipe = field.recipe or Recipe()
    recipe = field.recipe = replace(recipe, batch_size=min(recipe.batch_size or BATCH, BATCH))
    problem = represent(signal, mask=mask, heldout=HELDOUT, seed=seed)
    steps = max(1, math.ceil(recipe.steps * share))
    run(FitState(field, problem, recipe, seed), Budget(steps), callbacks)
    assert problem.judge is not None
    with torch.no_grad():
        heldout = problem.judge.heldout(field)
    if heldout is None:
        raise InputError(f"tuning holds out a fifth of the samples, and the signal has {signal.grid.size}; expected at least 5")
    return math.inf if heldout["psnr"] is None else float(heldout["psnr"])


def rounded(value: float) -> float:
    """To three digits: what a person would write down."""
    return float(f"{value:.3g}")
