"""Calibration: making a field's intervals true on samples that it has not seen.

A quarter of the samples says how the terms of the spread are weighed, by the likelihood of a Laplace distribution, whose tails
are heavier than a Gaussian's. The rest gives the factors by split conformal prediction (Angelopoulos and Bates 2023): the
⌈(m + 1)·coverage⌉-th smallest of m scores |error| / spread. On further samples of the same kind an interval then covers at
least that fraction on average, whatever the errors' distribution.
"""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.uncertain import LEVELS, UncertainField
from ungrid.signals.base import Signal

FRACTION = 0.02  # of the samples are kept for calibration
LEAST_KEPT, MOST_KEPT = 1000, 20_000  # of 750 scores, the coverage of a 90 % interval strays by 1 %
MOST_FRACTION = 0.2  # of a small signal
LEAST_SAMPLES = 40  # the 95 % factor needs 19 scores
WEIGHING = 0.25  # of the samples, for three weights
ROUNDS, SETTLED = 300, 1e-5  # of the weighing: at most so many rounds, until no share moves by more
LEAST_SPREAD = 1e-6  # of the errors' own size: two equal samples must not give a score of infinity


def keep_for_calibration(n_known: int, seed: int) -> Int[Tensor, " n"]:
    """Indices, rising, of the samples among n_known that a fit must not see: 2 %, at least 1,000, at most 20,000 or a fifth.

    Raises:
        InputError: fewer than 200 samples in all.
    """
    n = min(max(int(FRACTION * n_known), LEAST_KEPT), MOST_KEPT, int(MOST_FRACTION * n_known))
    if n < LEAST_SAMPLES:
        raise InputError(f"calibration needs {LEAST_SAMPLES} samples beside those that are fitted, of 200 or more; got {n_known}")
    rng = torch.Generator().manual_seed(seed + 0xCA11B)
    return torch.randperm(n_known, generator=rng)[:n].sort().values


@torch.no_grad()
def calibrate(
    field: UncertainField, coords: Float[Tensor, "n d"], values: Float[Tensor, "n c"], *, seed: int = 0
) -> dict[str, Any]:
    """Set a field's calibration from samples that it was not fitted to; returns what was found, as plain values.

    Args:
        field: with its posterior or members.
        coords: [n, d] in the units of the box.
        values: [n, c], the truth there.
        seed: of which quarter says how the terms are weighed.

    Raises:
        InputError: fewer than 40 samples.
    """
    if len(coords) < LEAST_SAMPLES:
        raise InputError(f"calibration needs at least {LEAST_SAMPLES} samples that were not fitted; got {len(coords)}")
    rng = torch.Generator().manual_seed(seed)
    first, second = torch.randperm(len(coords), generator=rng).tensor_split([int(WEIGHING * len(coords))])
    parts = [(field.terms(part), field(part)) for part in coords.split(field.chunk_points())]
    terms = torch.cat([part[0] for part in parts]).double()
    errors = (torch.cat([part[1] for part in parts]) - values).abs().double()
    weights = weigh(terms[first], errors[first])
    calibration = field.calibration
    calibration.weights.copy_(weights)
    scores = (errors[second] / calibration.spread(terms[second]).clamp_min(LEAST_SPREAD * _size(errors))).flatten()
    factors = [conformal(scores, level) for level in LEVELS]
    calibration.factors.copy_(torch.tensor(factors))
    calibration.scale.copy_(scores.square().mean().sqrt())
    shares = (weights * terms[second].mean(dim=(0, 1))).tolist()
    whole = sum(shares) or 1.0
    return {
        "n_calibration": len(coords),
        "factors": {f"{level:g}": round(factor, 4) for level, factor in zip(LEVELS, factors, strict=True)},
        "scale": round(float(calibration.scale), 4),
        "shares": {name: round(share / whole, 4) for name, share in zip(("noise", "model", "detail"), shares, strict=True)},
    }


def conformal(scores: Float[Tensor, " m"], coverage: float) -> float:
    """The ⌈(m + 1)·coverage⌉-th smallest of m scores, or the largest if there is none."""
    rank = min(math.ceil((len(scores) + 1) * coverage), len(scores))
    return float(scores.kthvalue(rank).values)


def weigh(terms: Float[Tensor, "n c terms"], errors: Float[Tensor, "n c"]) -> Float[Tensor, " terms"]:
    """Weights w ≥ 0 of the largest likelihood of |errors| under a Laplace distribution of deviation √Σₖ wₖ tₖ; float64.

    The negative log-likelihood ½ log S + √2 e / √S, S = Σₖ wₖ tₖ, is bounded from above by a line and by Jensen's inequality,
    and the bound lowered in closed form: wₖ ← wₖ (Σ tₖ √2 e S^(-3/2) / Σ tₖ S⁻¹)^(2/3). It never rises.
    """
    size = _size(errors)
    means = terms.mean(dim=(0, 1))
    used = means > 0
    scaled = terms[..., used] / means[used]  # of mean 1: their weights can be compared
    errors = errors / size
    shares = torch.full_like(means[used], 1 / max(int(used.sum()), 1))
    for _ in range(ROUNDS):
        variance = (scaled * shares).sum(dim=-1, keepdim=True).clamp_min(LEAST_SPREAD**2)
        too_wide = (scaled / variance).sum(dim=(0, 1))
        too_narrow = (scaled * (math.sqrt(2) * errors[..., None] * variance**-1.5)).sum(dim=(0, 1))
        change = (too_narrow / too_wide) ** (2 / 3)
        shares = shares * change
        if bool(((change - 1).abs() * shares <= SETTLED * shares.sum()).all()):
            break
    weights = torch.zeros_like(means)
    weights[used] = shares / means[used] * size**2
    return weights


def samples_at(signal: Signal, index: Int[Tensor, " n"], field: UncertainField) -> tuple[Tensor, Tensor]:
    """Coords [n, d] and values [n, c] of a signal's samples, by their index in row-major order, for a field."""
    own = next(field.parameters())
    grid: Grid = signal.grid
    at = torch.unravel_index(index, grid.shape)
    axes = [grid.axis_coords(axis, dtype=own.dtype)[along] for axis, along in enumerate(at)]
    values = signal.values.reshape(grid.size, -1)[index]
    return torch.stack(axes, dim=-1).to(own.device), values.to(own.dtype).to(own.device)


def _size(errors: Tensor) -> float:
    """Root mean square, above 0."""
    return max(float(errors.square().mean().sqrt()), 1e-12)
