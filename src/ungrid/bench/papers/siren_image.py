"""SIREN on the camera picture, as in its authors' notebook: PSNR after 500 steps.

Four sine layers of 256, omega 30, Adam at 1e-4, all 65,536 pixels every step, values in [-1, 1]. The notebook's own picture was
withdrawn for its license; the reference value is from the authors' code on scikit-image's camera of today.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from ungrid.bench.papers.descent import decibels, descend, largest_cosines, our_best
from ungrid.bench.papers.files import CAMERA, camera
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
from ungrid.presets.published import siren
from ungrid.signals.base import Signal
from ungrid.tasks.represent import represent

METHOD = "SIREN"


def cases(work: Work) -> Iterator[Case]:
    """SIREN, our default in its seconds, as many cosine coefficients as it has parameters."""
    signal = camera(work.paths.get(CAMERA.name), work.scale.side or 256)
    data = f"camera {signal.grid.shape[0]}²"
    yield Case(data, METHOD, PAPERS, partial(_fitted, signal, work))
    yield Case(data, "best, in the seconds of SIREN", OURS, partial(_ours, signal, work.seed))
    n_params = siren(signal.box, 1).n_params
    yield Case(data, "largest cosine coefficients", CLASSICAL, lambda earlier: largest_cosines(signal, n_params))


def _fitted(signal: Signal, work: Work, earlier: Mapping[str, float]) -> Outcome:
    field = siren(signal.box, 1, seed=work.seed)
    assert field.recipe is not None
    recipe = replace(field.recipe, steps=work.scale.steps, batch_size=work.scale.batch)
    spent, steps = descend(field, represent(signal, heldout=0.0), recipe, work.seed)
    return Outcome(decibels(field.sample(signal.grid), signal.values), spent, field.n_params, steps)


def _ours(signal: Signal, seed: int, earlier: Mapping[str, float]) -> Outcome:
    field, spent, steps = our_best(signal, earlier[METHOD], seed)
    return Outcome(decibels(field.sample(signal.grid), signal.values), spent, field.n_params, steps)


SETTING = Setting(
    title="SIREN on a picture, 500 steps",
    paper="sitzmann2020siren",
    psnr="-10 log10 of the mean square error on all pixels, unclipped",
    published={METHOD: Published(36.4, "the authors' code on this picture, one seed, run by us; their curve is unread", True)},
    tolerance=0.5,
    scales={
        QUICK: Scale("32² pixels, 20 steps", 20, 32),
        REDUCED: Scale("64² pixels, 200 steps", 200, 64),
        FULL: Scale("256² pixels, 500 steps, as in the notebook", 500, 256, None, True),
    },
    cases=cases,
    files=(CAMERA,),
    stand_in="skimage",
)
