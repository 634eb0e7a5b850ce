"""SIREN on a sound: gt_bach.wav of its authors' repository, time in [-1, 1], omega 3,000 in the first layer.

Five layers in all, as for pictures, 1,000 steps of all samples, Adam at 1e-4. Beside it as many cosine coefficients as it has
parameters. A part of the sound gets an omega smaller by its share, so that the first layer hears the same pitches.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from ungrid.bench.papers.descent import decibels, descend, largest_cosines, our_best
from ungrid.bench.papers.files import BACH
from ungrid.bench.papers.setting import (
    CLASSICAL,
    FULL,
    OURS,
    PAPERS,
    QUICK,
    REDUCED,
    Case,
    Outcome,
    Published,
    Scale,
    Setting,
    Work,
)
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.presets.fit_out import fitted_out
from ungrid.presets.published import siren_audio
from ungrid.signals.audio import read_sound
from ungrid.signals.base import Signal
from ungrid.tasks.represent import represent

METHOD = "SIREN"
FIRST_OMEGA = 3000.0


def cases(work: Work) -> Iterator[Case]:
    """SIREN, our default in its seconds, as many cosine coefficients as it has parameters."""
    whole = sound(work)
    n = whole.grid.size if work.scale.side is None else min(whole.grid.size, work.scale.side)
    first = (whole.grid.size - n) // 2
    part = replace(whole, values=whole.values[first : first + n], grid=whole.grid.part((slice(first, first + n),)))
    omega = FIRST_OMEGA * n / whole.grid.size
    data = f"{BACH.name}, {n:,} of {whole.grid.size:,} samples"
    n_params = _field(part, omega, 0).n_params
    yield Case(data, METHOD, PAPERS, partial(_fitted, part, omega, work))
    yield Case(data, "best, in the seconds of SIREN", OURS, partial(_ours, part, work.seed))
    peak = _loudness(part)
    yield Case(data, "largest cosine coefficients", CLASSICAL, lambda earlier: largest_cosines(part, n_params, peak=peak))


def sound(work: Work) -> Signal:
    """The file's first channel, from -1 to 1, along seconds."""
    return read_sound(work.paths[BACH.name])


def _field(signal: Signal, omega: float, seed: int) -> Field:
    return fitted_out(siren_audio(signal.box, signal.out_dim, first_omega=omega, seed=seed), signal)


def _loudness(signal: Signal) -> float:
    """Root of the mean square: the peak with which PSNR is a signal-to-noise ratio."""
    return float(signal.values.double().square().mean().sqrt())


def _fitted(signal: Signal, omega: float, work: Work, earlier: Mapping[str, float]) -> Outcome:
    field = _field(signal, omega, work.seed)
    recipe = replace(field.recipe or Recipe(), steps=work.scale.steps, batch_size=work.scale.batch)
    spent, steps = descend(field, represent(signal, heldout=0.0), recipe, work.seed)
    reached = decibels(field.sample(signal.grid), signal.values, peak=_loudness(signal))
    return Outcome(reached, spent, field.n_params, steps)


def _ours(signal: Signal, seed: int, earlier: Mapping[str, float]) -> Outcome:
    field, spent, steps = our_best(signal, earlier[METHOD], seed)
    reached = decibels(field.sample(signal.grid), signal.values, peak=_loudness(signal))
    return Outcome(reached, spent, field.n_params, steps)


SETTING = Setting(
    title="SIREN on a sound",
    paper="sitzmann2020siren",
    psnr="signal-to-noise ratio on all samples",
    published={METHOD: Published(None, "the paper's mean square errors were not read")},
    tolerance=0.5,
    scales={
        QUICK: Scale("512 samples, 15 steps", 15, 512),
        REDUCED: Scale("16,384 samples, 200 steps of 4,096", 200, 2**14, 4096),
        FULL: Scale("all samples, 1,000 steps, as in the notebook", 1000, None, None, True),
    },
    cases=cases,
    files=(BACH,),
    remarks=("The learning rate is that of the pictures; the sound's was not read.",),
)
