"""Penalized splines: the cubic spline that is close to samples and bends little, how little found by cross-validation."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.encodings.interpolation import cubic_weights
from ungrid.kernels.banded import solve_banded

FOLDS = 5
MOST_SEEN = 2**14  # samples in the middle of a longer series, from which its penalty is found
PENALTIES = tuple(10.0 ** (half / 2) for half in range(-12, 15))  # for samples as far apart as nodes


class Splined(NamedTuple):
    """What cross-validation found for one channel.

    Args:
        penalty: λ.
        error: mean square error at samples left out.
        interpolated: likewise of the natural cubic spline through the samples.
    """

    penalty: float
    error: float
    interpolated: float


def spline(
    at: Float[Tensor, " n"], values: Float[Tensor, " n"], n_cells: int, penalty: float, weight: Tensor | None = None
) -> Float[Tensor, "*batch nodes"]:
    """Coefficients [n_cells + 3] of the uniform cubic B-spline s that minimizes Σ w (s(at) − value)² + λ Σ (second difference)².

    Exact, by banded equations (eilers1996flexible). Between far samples it goes straight, for one that is missing as for many.

    Args:
        at: where the samples lie, in cells, 0 to n_cells; float64.
        values: of the samples; float64.
        n_cells: of the spline.
        penalty: λ, above 0.
        weight: [*, n] what each sample counts, for as many splines as there are rows; None for 1.
    """
    cell = at.floor().long().clamp(0, n_cells - 1)
    taps = cubic_weights(at - cell)
    counts = torch.ones_like(at) if weight is None else weight
    bands = at.new_zeros((*counts.shape[:-1], 4, n_cells + 3))
    right = at.new_zeros((*counts.shape[:-1], n_cells + 3))
    for first in range(4):
        right.index_add_(-1, cell + first, counts * (taps[:, first] * values))
        for second in range(first, 4):
            bands[..., second - first, :].index_add_(-1, cell + first, counts * (taps[:, first] * taps[:, second]))
    return solve_banded(bands + penalty * _bending(n_cells + 3).to(bands), right)


def splined(at: Float[Tensor, " n"], coefficients: Float[Tensor, "*batch nodes"]) -> Float[Tensor, "*batch n"]:
    """Values of splines where samples lie, in cells."""
    cell = at.floor().long().clamp(0, coefficients.shape[-1] - 4)
    taps = cubic_weights(at - cell)
    return sum((taps[:, k] * coefficients[..., cell + k] for k in range(4)), torch.zeros_like(at))


def cross_validated(at: Float[Tensor, " n"], values: Float[Tensor, " n"], n_cells: int, rng: torch.Generator) -> Splined:
    """The penalty whose splines say best what samples are that they have not seen, a fifth of them in turn (stone1974cross).

    Args:
        at, values, n_cells: as in `spline`.
        rng: of the fifths.
    """
    if len(at) > MOST_SEEN:
        first = (len(at) - MOST_SEEN) // 2
        at, values = at[first : first + MOST_SEEN], values[first : first + MOST_SEEN]
        low = math.floor(float(at[0]))
        at, n_cells = at - low, max(1, min(n_cells, math.ceil(float(at[-1])) - low))
    n_folds = min(FOLDS, len(at))
    fold = torch.randperm(len(at), generator=rng) % n_folds
    fold[0] = fold[-1] = -1  # ends are always seen: what lies beyond is no interpolation
    left_out: Bool[Tensor, "folds n"] = fold == torch.arange(n_folds)[:, None]
    seen = (~left_out).to(at)
    errors = []
    for penalty in PENALTIES:
        guesses = splined(at, spline(at, values, n_cells, penalty, seen))
        errors.append(float(((guesses - values).square() * left_out).sum() / max(1, int(left_out.sum()))))
    best = min(range(len(errors)), key=lambda k: errors[k] if math.isfinite(errors[k]) else math.inf)
    through = [natural(at[~out], values[~out], at[out]) - values[out] for out in left_out if out.any()]
    interpolated = float(torch.cat(through).square().mean()) if through else errors[best]
    return Splined(PENALTIES[best], errors[best], interpolated)


def natural(at: Float[Tensor, " n"], values: Float[Tensor, " n"], wanted: Float[Tensor, " m"]) -> Float[Tensor, " m"]:
    """The natural cubic spline through values at rising places, where it is wanted: what there is to compare with."""
    steps, slopes = at.diff(), values.diff() / at.diff()
    bends = torch.zeros_like(values)  # second derivatives, 0 at the ends
    if len(at) > 2:
        bands = torch.stack([(steps[:-1] + steps[1:]) / 3, steps[1:] / 6])
        bends[1:-1] = solve_banded(bands, slopes.diff())
    piece = (torch.searchsorted(at, wanted) - 1).clamp(0, len(at) - 2)
    step, after = steps[piece], wanted - at[piece]
    left = slopes[piece] - step * (2 * bends[piece] + bends[piece + 1]) / 6
    return values[piece] + after * (left + after * (bends[piece] / 2 + after * (bends[piece + 1] - bends[piece]) / (6 * step)))


def _bending(n: int) -> Tensor:
    """Bands [4, n] of D₂ᵀD₂, for second differences D₂ of n ≥ 4 coefficients."""
    difference = torch.zeros(4, n, dtype=torch.float64)
    stencil = (1.0, -2.0, 1.0)
    for first in range(3):
        for second in range(first, 3):
            difference[second - first, first : n - 2 + first] += stencil[first] * stencil[second]
    return difference
