"""SIREN from gradients alone: the picture is found up to a constant, as in the Poisson experiment of its authors.

Three hidden layers of 256 after the first, Adam at 1e-4; the target is the picture's Sobel gradient. Beside it the classical
solution, the picture whose differences come nearest to the gradients, by a cosine transform.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.bench.measure import Stopwatch
from ungrid.bench.papers.descent import decibels, descend
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
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fit.orders import Shuffled
from ungrid.fit.problem import Problem
from ungrid.fit.samplers import IndexSampler, PointObservations
from ungrid.measurements.derivatives import Gradient
from ungrid.presets.published import sine, siren
from ungrid.signals.base import Signal
from ungrid.terms.misfit import Misfit

METHOD = "SIREN from gradients"


def cases(work: Work) -> Iterator[Case]:
    """SIREN, our sine preset in its seconds, the Poisson equation solved."""
    signal = camera(work.paths.get(CAMERA.name), work.scale.side or 256)
    data = f"camera {signal.grid.shape[0]}²"
    yield Case(data, METHOD, PAPERS, partial(_fitted, signal, work))
    yield Case(data, "sine by Muon, in the seconds of SIREN", OURS, partial(_ours, signal, work.seed))
    yield Case(data, "Poisson equation by cosine transform", CLASSICAL, partial(_solved, signal))


def sobel(picture: Float[Tensor, "h w"]) -> Float[Tensor, "h w 2"]:
    """Gradient (y, x) per pixel by Sobel's filters, the border mirrored."""
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    padded = functional.pad(picture[None, None], (1, 1, 1, 1), mode="replicate")
    return functional.conv2d(padded, torch.stack([across.T, across])[:, None])[0].movedim(0, -1)


def integrated(gradients: Float[Tensor, "h w 2"]) -> Float[Tensor, "h w"]:
    """The picture of mean 0 whose differences of neighbors come nearest to the mean of the gradients at both."""
    from scipy.fft import dctn, idctn

    down, across = gradients[..., 0].double().numpy(), gradients[..., 1].double().numpy()
    down, across = (down[1:] + down[:-1]) / 2, (across[:, 1:] + across[:, :-1]) / 2
    divergence = np.zeros(gradients.shape[:2])
    divergence[:-1] += down
    divergence[1:] -= down
    divergence[:, :-1] += across
    divergence[:, 1:] -= across
    rows, columns = (2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in divergence.shape)
    eigenvalues = -(rows[:, None] + columns)
    eigenvalues[0, 0] = 1.0  # of the constant, which gradients do not tell
    found = dctn(divergence, norm="ortho") / eigenvalues
    found[0, 0] = 0.0
    return torch.from_numpy(idctn(found, norm="ortho"))


def _problem(signal: Signal) -> Problem:
    query = signal.grid.points().reshape(-1, 2)
    target = sobel(signal.values[..., 0]).reshape(-1, 1, 2)
    # gradients per unit of the normalized coordinate, so that the loss is of the size of a picture's
    weight = (signal.grid.shape[0] / 2) ** 2
    return Problem((Misfit(Gradient(), IndexSampler(PointObservations(query, target), Shuffled()), weight=weight),))


def _fitted(signal: Signal, work: Work, earlier: Mapping[str, float]) -> Outcome:
    field = siren(signal.box, 1, seed=work.seed)
    assert field.recipe is not None
    recipe = replace(field.recipe, steps=work.scale.steps, batch_size=work.scale.batch)
    return _reached(signal, field, recipe, work.seed)


def _ours(signal: Signal, seed: int, earlier: Mapping[str, float]) -> Outcome:
    field = sine(signal.box, 1, seed=seed)
    assert field.recipe is not None
    return _reached(signal, field, field.recipe, seed, seconds=earlier[METHOD])


def _reached(signal: Signal, field: Field, recipe: Recipe, seed: int, seconds: float | None = None) -> Outcome:
    spent, steps = descend(field, _problem(signal), recipe, seed, seconds=seconds)
    return Outcome(_shifted(field.sample(signal.grid), signal.values), spent, field.n_params, steps)


def _solved(signal: Signal, earlier: Mapping[str, float]) -> Outcome:
    watch = Stopwatch()
    found = integrated(sobel(signal.values[..., 0]))[..., None]
    return Outcome(_shifted(found, signal.values), watch.spent(), found.numel())


def _shifted(found: Tensor, truth: Tensor) -> float | None:
    """PSNR once the mean is right."""
    return decibels(found - found.mean() + truth.mean(), truth)


SETTING = Setting(
    title="SIREN from gradients: the Poisson experiment",
    paper="sitzmann2020siren",
    psnr="-10 log10 of the mean square error on all pixels, once the mean, which gradients do not tell, is right; unclipped",
    published={METHOD: Published(None, "the paper's table was not read; its pictures are others")},
    tolerance=0.5,
    scales={
        QUICK: Scale("32² pixels, 15 steps", 15, 32),
        REDUCED: Scale("64² pixels, 200 steps of 2,048 pixels", 200, 64, 2048),
        FULL: Scale("256² pixels, 10,000 steps of all pixels, as in the authors' repository", 10_000, 256, None, True),
    },
    cases=cases,
    files=(CAMERA,),
    stand_in="skimage",
    packages=("scipy",),
    remarks=("The authors multiply the gradients by 10; here they are those of the picture, and the loss has a factor instead.",),
)
