"""Synthetic pictures, grids and networks at equal parameters, after the benchmark of arXiv 2506.11139.

Pictures, learning rates, frequencies, steps and numbers of parameters are those of the authors' code; its values were not read.
All samples at every step, rates constant, PSNR of clipped values.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.bench.equal import BALANCED, balanced
from ungrid.bench.measure import Stopwatch
from ungrid.bench.papers.descent import decibels, descend
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
from ungrid.bench.sizes import solve
from ungrid.domain.box import Box
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.record import Recipe
from ungrid.networks.mlp import Mlp
from ungrid.presets.activations import wire
from ungrid.presets.compact import gaussian_image
from ungrid.presets.filters import bacon
from ungrid.presets.published import hash_grid, siren
from ungrid.signals.base import Signal
from ungrid.signals.image import picture_signal
from ungrid.tasks.represent import represent

SIDE = 1000
TRIANGLES = 40
EDGE = 20 / SIDE  # of the side, between the star and the border
LEVELS = 9
LOWEST, HIGHEST, BASE = 0.0015, 0.7, 300.0  # of the noise's band limits, in cycles a pixel times √2, and their spacing
SHOWN_LEVELS = (1, 5)
REFERENCE = "SIREN"
N_PARAMS = {QUICK: (10_000,), REDUCED: (10_000,), FULL: (10_000, 100_000, 1_000_000)}


@dataclass(frozen=True)
class Method:
    """A method of the benchmark: the preset by whose size it grows, what is set, and its learning rate."""

    name: str
    builder: Callable[..., Field]
    rate: float
    given: Mapping[str, Any]


def fourier(box: Box, out_dim: int, *, width: int = 64, seed: int = 0) -> Field:
    """1,000 random frequencies of standard deviation 20 and three ReLU layers."""
    encoding = FourierFeatures(box.dim, 1000, bandwidth=20.0, seed=seed)
    return EncodedField(box, encoding, Mlp(encoding.out_dim, out_dim, width, depth=3, seed=seed))


def plain_grid(box: Box, out_dim: int, *, cells: int = 32, seed: int = 0) -> Field:
    """One grid of values, interpolated by a cubic spline, and a linear map of its one feature a channel."""
    encoding = DenseGrid(box.dim, ((cells,) * box.dim,), out_dim, interpolation="cubic", seed=seed)
    return EncodedField(box, encoding, Mlp(encoding.out_dim, out_dim, depth=0, seed=seed))


METHODS = {
    "Fourier features": Method("fourier", fourier, 1e-3, {}),
    REFERENCE: Method("siren", siren, 1e-4, {"first_omega": 90.0, "hidden_omega": 90.0}),
    "WIRE": Method("wire", wire, 5e-4, {"omega": 15.0, "scale": 10.0}),
    "grid": Method("plain_grid", plain_grid, 0.1, {}),
    "hash grid": Method("hash_grid", hash_grid, 1e-2, {}),
    "Gaussians": Method("gaussian_image", gaussian_image, 0.05, {}),
    "BACON": Method("bacon", bacon, 0.05, {}),
}


def cases(work: Work) -> Iterator[Case]:
    """Each method, our default's field in SIREN's seconds, and a smaller picture enlarged, at each number of parameters."""
    for n_params in N_PARAMS[_name_of(work.scale)]:
        for title, picture in pictures(work.scale.side or SIDE, work.seed).items():
            data = f"{title}, {n_params:,} parameters"
            for name in METHODS:
                yield Case(data, name, PAPERS, partial(_fitted, picture, name, n_params, work))
            yield Case(data, "balanced, in the seconds of SIREN", OURS, partial(_ours, picture, n_params, work.seed))
            yield Case(data, "smaller picture, bicubic", CLASSICAL, partial(_enlarged, picture, n_params))


def pictures(side: int, seed: int) -> dict[str, Signal]:
    """A star of 40 triangles, and noise of the first and fifth of nine band limits, on an odd number of pixels."""
    blank = {"sample_format": "uint", "transfer": "srgb"}
    noise = {f"noise {level} of {LEVELS}": band_limited(side // 2 * 2 + 1, level, seed) for level in SHOWN_LEVELS}
    return {title: picture_signal(values, blank, {}) for title, values in {"star": star(side), **noise}.items()}


def star(side: int) -> Float[Tensor, "side side 1"]:
    """40 white wedges and 40 black ones around the middle, 1 and 0, black beyond their radius."""
    place = torch.arange(side, dtype=torch.float64) - side // 2
    y, x = torch.meshgrid(place, place, indexing="ij")
    inside = (x.square() + y.square()).sqrt() <= side // 2 - EDGE * side
    wedge = (torch.atan2(y, x) / (math.pi / TRIANGLES)).floor()
    return ((wedge % 2 == 0) & inside).float()[..., None]


def band_limited(side: int, level: int, seed: int) -> Float[Tensor, "side side 1"]:
    """Uniform noise without the frequencies above a level's limit; limits grow by equal factors, and are those of 1,000 pixels: a
    smaller picture has as many cycles across."""
    share = (BASE ** ((level - 1) / (LEVELS - 1)) - 1) / (BASE - 1)
    limit = (LOWEST + share * (HIGHEST - LOWEST)) / math.sqrt(2) * SIDE / (side - side % 2)
    noise = torch.rand(side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    frequency = torch.fft.fftfreq(side, dtype=torch.float64)
    inside = (frequency[:, None].square() + frequency.square()).sqrt() <= limit
    found: Tensor = torch.fft.ifft2(torch.fft.fft2(noise) * inside)
    return found.real.float()[..., None]


def _fitted(picture: Signal, name: str, n_params: int, work: Work, earlier: Mapping[str, float]) -> Outcome:
    method = METHODS[name]
    if method.builder is plain_grid:
        arguments: dict[str, Any] = {"cells": max(1, round(math.sqrt(n_params / picture.out_dim)) - 3)}
    else:
        arguments = solve(method.name, method.builder, picture.grid, picture.out_dim, n_params).arguments
    field = method.builder(picture.box, picture.out_dim, seed=work.seed, **arguments, **method.given)
    recipe = replace(
        field.recipe or Recipe(),
        learning_rate=method.rate,
        schedule="constant",
        steps=work.scale.steps,
        batch_size=work.scale.batch,
    )
    problem = represent(picture, order=recipe.order, heldout=0.0, every_level=isinstance(field, MultiscaleField))
    spent, steps = descend(field, problem, recipe, work.seed)
    return Outcome(decibels(field.sample(picture.grid).clamp(0, 1), picture.values), spent, field.n_params, steps)


def _ours(picture: Signal, n_params: int, seed: int, earlier: Mapping[str, float]) -> Outcome:
    sized = solve(BALANCED, balanced, picture.grid, picture.out_dim, n_params)
    field = balanced(picture.box, picture.out_dim, seed=seed, **sized.arguments)
    assert field.recipe is not None
    problem = represent(picture, order=field.recipe.order, heldout=0.0)
    spent, steps = descend(field, problem, field.recipe, seed, seconds=earlier[REFERENCE])
    return Outcome(decibels(field.sample(picture.grid).clamp(0, 1), picture.values), spent, field.n_params, steps)


def _enlarged(picture: Signal, n_params: int, earlier: Mapping[str, float]) -> Outcome:
    watch = Stopwatch()
    side = min(picture.grid.shape[0], round(math.sqrt(n_params / picture.out_dim)))
    channels = picture.values.movedim(-1, 0)[None]
    small = functional.interpolate(channels, size=(side, side), mode="bicubic", antialias=True, align_corners=False)
    large = functional.interpolate(small, size=picture.grid.shape, mode="bicubic", align_corners=False)[0].movedim(0, -1)
    return Outcome(decibels(large.clamp(0, 1), picture.values), watch.spent(), small.numel())


def _name_of(scale: Scale) -> str:
    return next(name for name, known in SETTING.scales.items() if known == scale)


SETTING = Setting(
    title="Synthetic pictures at equal parameters: grids and networks",
    paper="kim2025grids",
    psnr="-10 log10 of the mean square error on all pixels, clipped, after the last step",
    published={name: Published(None, "values of arXiv 2506.11139 were not read") for name in METHODS},
    tolerance=0.5,
    scales={
        QUICK: Scale("24² pixels, 5 steps, 10,000 parameters", 5, 24),
        REDUCED: Scale("250² pixels, 200 steps of 8,192 pixels, 10,000 parameters", 200, 250, 8192),
        FULL: Scale("1,000² pixels, 1,000 steps of all pixels, 10,000 to 1,000,000 parameters", 1000, 1000, None, True),
    },
    cases=cases,
    remarks=(
        "The benchmark keeps the best of every hundredth step; here the last one counts.",
        "Its SIREN ends in a sine, ours in a linear map; its grid is interpolated by cubic convolution, ours by a spline.",
        "Depths of WIRE, the hash grid and BACON are our presets'.",
        "Its spheres, fractal triangles and signals of three axes are left out.",
    ),
)
