"""The Fourier-features magnetic resonance table: a volume from an eighth of its k-space, four encodings and zero-filling.

As in the authors' notebook `3d_MRI.ipynb`: frequencies drawn from a normal distribution about 0, three hidden layers of 256 with
ReLU and a sigmoid, Adam at 2e-3 on ½ squared error of the sampled frequencies, 1,000 steps. Its brains (ATLAS) are not at hand;
Shepp–Logan heads stand in, and the frequencies of the encodings are those of the notebook for such heads.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.bench.measure import Stopwatch, Timing, threads
from ungrid.bench.papers.descent import decibels, descend
from ungrid.bench.papers.fourier_features_ct import MOVED
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
from ungrid.classical.compressed_sensing import zero_filled
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.base import Encoding
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.frequency import Frequency, LogFrequency
from ungrid.encodings.identity import Identity
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.fit.problem import Problem
from ungrid.magnetic_resonance import mri, total_variation
from ungrid.measurements.fourier import FourierSamples
from ungrid.networks.mlp import Mlp
from ungrid.signals.phantoms import DEPTHS, ELLIPSES, draw, head
from ungrid.tasks.magnetic_scan import read_scan, scan_of
from ungrid.terms.linear import LinearMisfit

SIDE, N_PHANTOMS = 96, 6
RATE = 2e-3
N_DRAWN = 200_000  # of 96³ frequencies; many are drawn more than once, and 12.56 % remain
SPREAD = math.sqrt(2 * SIDE) / SIDE  # standard deviation, of the frequencies along an axis
SHOWN = 0.25  # of the head's height on either side of its middle, as the notebook's phantoms
SUPERSAMPLE = 4  # points across a voxel
SOURCE = "stored figure of the authors' 3d_MRI.ipynb, mean over 6 brains"
PUBLISHED = {
    "none": Published(26.14, SOURCE),
    "basic": Published(28.58, SOURCE),
    "positional": Published(32.23, SOURCE),
    "gaussian": Published(34.51, SOURCE),
}


@dataclass(frozen=True)
class Scanned:
    """A phantom [n, n, n, 1] with values from 0 to 1, which frequencies were sampled, and what they are."""

    truth: Tensor
    mask: Tensor
    sensor: FourierSamples
    measured: Tensor


def cases(work: Work) -> Iterator[Case]:
    """Four encodings, `mri`, zero-filling and total variation, on each phantom."""
    for number in range(N_PHANTOMS if work.scale.is_papers else 1):
        scanned = scanned_phantom(work.scale.side or SIDE, work.seed + number)
        data = f"phantom {number + 1}, {float(scanned.mask.float().mean()):.1%} of k-space"
        for method in PUBLISHED:
            yield Case(data, method, PAPERS, partial(_fitted, scanned, method, work))
        yield Case(data, "mri", OURS, partial(_ours, scanned))
        yield Case(data, "zero-filling", CLASSICAL, partial(_zero_filled, scanned))
        yield Case(data, "total variation", CLASSICAL, partial(_least_variation, scanned))


def phantom(side: int, seed: int) -> Float[Tensor, "side side side"]:
    """The middle of a Shepp–Logan head on (z, y, x) whose ellipsoids' sizes, places and angles are moved at random."""
    solids = torch.cat([torch.tensor(ELLIPSES, dtype=torch.float64), torch.tensor(DEPTHS, dtype=torch.float64)], dim=1)
    by = MOVED * torch.randn(solids.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    by[:, 0], by[:, 5] = 0.0, by[:, 5].rad2deg()  # intensities stay: by chance heads would be dark within, as no brain is
    n = side * SUPERSAMPLE
    heights = SHOWN * ((2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1)
    slices = [draw(partial(head, ellipses=_cut(solids + by, z)), side, supersample=SUPERSAMPLE) for z in heights.tolist()]
    means: Tensor = torch.stack([each.values[..., 0] for each in slices]).unflatten(0, (side, SUPERSAMPLE)).mean(dim=1)
    return means


def _cut(solids: Float[Tensor, "n 8"], z: float) -> list[list[float]]:
    """The ellipses in which a plane cuts ellipsoids; those that it misses are left out."""
    *_, depth, middle = solids.unbind(-1)
    share = 1 - ((z - middle) / depth).square()
    cut = solids[:, :6].clone()
    cut[:, 1:3] *= share.clamp_min(0).sqrt()[:, None]
    found: list[list[float]] = cut[share > 0].tolist()
    return found


def sampled(side: int, seed: int) -> Bool[Tensor, "side side side"]:
    """Which frequencies are drawn, frequency 0 at index N // 2; at any size the same share, as widely spread."""
    n_drawn = round(N_DRAWN * (side / SIDE) ** 3)
    rng = torch.Generator().manual_seed(seed)
    at = (side // 2 + SPREAD * side * torch.randn(n_drawn, 3, generator=rng)).floor().long()
    at = at[((at >= 0) & (at < side)).all(dim=1)]
    mask = torch.zeros(side, side, side, dtype=torch.bool)
    mask[tuple(at.T)] = True
    return mask


def scanned_phantom(side: int, seed: int) -> Scanned:
    """A phantom, and its discrete Fourier transform where it is sampled."""
    truth, mask = phantom(side, seed)[..., None], sampled(side, seed)
    grid = Grid(Box(("z", "y", "x"), ((0.0, float(side)),) * 3), (side,) * 3)
    sensor = FourierSamples(grid, mask=mask, real=True)
    return Scanned(truth, mask, sensor, sensor.A(truth))


def encoding_of(method: str, seed: int) -> Encoding:
    """The encoding, with the notebook's frequencies for Shepp–Logan heads."""
    table: dict[str, Encoding] = {
        "none": Identity(3),
        "basic": Frequency(3, 1),
        "positional": LogFrequency(3, 85, 4.0),
        "gaussian": FourierFeatures(3, 256, bandwidth=1.0, seed=seed),
    }
    return table[method]


def _fitted(scanned: Scanned, method: str, work: Work, earlier: Mapping[str, float]) -> Outcome:
    encoding, grid = encoding_of(method, work.seed), scanned.sensor.grid
    network = Mlp(encoding.out_dim, 1, 256, depth=3, output_activation="sigmoid", initialization="glorot", seed=work.seed)
    field = EncodedField(grid.box, encoding, network)
    # as of a transform without a factor, in the mean over all frequencies: smaller slopes of a sigmoid near 0 meet Adam's guard
    problem = Problem((LinearMisfit(scanned.sensor, scanned.measured, weight=float(scanned.measured.numel())),))
    spent, steps = descend(field, problem, Recipe(learning_rate=RATE, steps=work.scale.steps, batch_size=None), work.seed)
    return _judged(field.sample(grid), scanned, spent, field.n_params, steps)


def _kspace(scanned: Scanned) -> Tensor:
    """All of k-space, 0 where it was not sampled."""
    kspace = scanned.measured.new_zeros(scanned.mask.shape)
    kspace[scanned.mask] = scanned.measured
    return kspace


def _ours(scanned: Scanned, earlier: Mapping[str, float]) -> Outcome:
    with threads(1):
        watch = Stopwatch()
        field = mri(_kspace(scanned), mask=scanned.mask, real=True, origin="center", device="cpu", callbacks=())
        spent = watch.spent()
    return _judged(field.samples.detach(), scanned, spent, field.n_params)


def _zero_filled(scanned: Scanned, earlier: Mapping[str, float]) -> Outcome:
    with threads(1):
        watch = Stopwatch()
        found = zero_filled(scanned.sensor, scanned.measured)
        spent = watch.spent()
    return _judged(found, scanned, spent, found.numel())


def _least_variation(scanned: Scanned, earlier: Mapping[str, float]) -> Outcome:
    with threads(1):
        watch = Stopwatch()
        scan = scan_of(read_scan(_kspace(scanned), mask=scanned.mask), real=True, origin="center")
        field = total_variation(scan, device="cpu")
        spent = watch.spent()
    return _judged(field.samples.detach(), scanned, spent, field.n_params)


def _judged(found: Tensor, scanned: Scanned, spent: Timing, n_params: int, steps: int | None = None) -> Outcome:
    return Outcome(decibels(found.clamp(0, 1), scanned.truth), spent, n_params, steps)


SETTING = Setting(
    title="Fourier features in magnetic resonance: a volume from 12.56 % of its frequencies",
    paper="tancik2020fourier",
    psnr="-10 log10 of the mean square error on all voxels, clipped to [0, 1], after the last step",
    published=PUBLISHED,
    tolerance=0.5,
    scales={
        QUICK: Scale("one phantom of 8³, 4 steps", 4, 8),
        REDUCED: Scale("one phantom of 12³, 500 steps, as large a share of its k-space", 500, 12),
        FULL: Scale("6 phantoms of 96³, 1,000 steps, as in the notebook", 1000, SIDE, None, True),
    },
    cases=cases,
    rising=("none", "basic", "positional", "gaussian"),
    remarks=(
        "Heads drawn from formulas stand in for the notebook's brains, so that values are not comparable; the order may be.",
        "Samples are of the discrete Fourier transform of the volume that is judged by, as in the notebook.",
        "The notebook logs last 25 steps before the end; its voxels by Adam, 32.71 dB, are left out.",
    ),
)
