"""Compressed sensing of k-space by wavelets: the picture with few wavelets that fits the samples."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.measurements.fourier import FourierSamples

WAVELET_STRENGTH = 1e-3  # of the picture's range
ITERATIONS = 150
LEVELS = 4


@torch.no_grad()
def zero_filled(sensor: FourierSamples, measured: Tensor) -> Float[Tensor, "*shape c"]:
    """The adjoint of what was measured: what was not sampled counts as 0.

    Along a trajectory samples count by their density, and the brightness is that which fits them best (gridding).
    """
    if sensor.metric is None:
        return sensor.A_adjoint(measured)
    picture = sensor.A_adjoint(sensor.metric * measured)
    seen = sensor.A(picture)
    fits = (sensor.metric * seen.conj() * measured).real.sum() / (sensor.metric * seen.abs().square()).sum().clamp_min(1e-30)
    return picture * fits


@torch.no_grad()
def wavelet_sensing(
    sensor: FourierSamples, measured: Tensor, strength: float, *, iterations: int = ITERATIONS, seed: int = 0
) -> Float[Tensor, "*shape c"]:
    """min ½ ‖A x − y‖² + strength · ‖W x‖₁ by accelerated proximal steps (lustig2007sparse), W the Haar wavelets.

    Each step shrinks the wavelets of the picture rolled by a few samples, drawn anew (coifman1995translation): over many steps
    all of them count, and no blocks are seen. Real and imaginary part are shrunk together.

    Args:
        sensor: that measured.
        measured: what it saw.
        strength: in units of the picture.
        iterations: of them.
        seed: of the rolls.
    """
    rng = torch.Generator().manual_seed(seed)
    wanted = sensor.A_adjoint(measured)
    largest = _largest(sensor, wanted)
    x, ahead, pace = wanted / largest, wanted / largest, 1.0
    for _ in range(iterations):
        step = ahead - (sensor.A_adjoint(sensor.A(ahead)) - wanted) / largest
        before, x = x, _shrunk(step, strength / largest, rng)
        faster = (1 + math.sqrt(1 + 4 * pace**2)) / 2
        ahead, pace = x + ((pace - 1) / faster) * (x - before), faster
    return x


def _largest(sensor: FourierSamples, like: Tensor) -> float:
    """Largest eigenvalue of AᵀA, by powers; 1 at most for a mask and coils whose squares sum to 1."""
    x = like
    for _ in range(8):
        x = sensor.A_adjoint(sensor.A(x / x.norm()))
    return 1.05 * float(x.norm())


def _shrunk(values: Tensor, amount: float, rng: torch.Generator) -> Tensor:
    """The values with shorter wavelets, of the picture rolled at random."""
    axes = tuple(range(values.ndim - 1))
    rolls = tuple(int(torch.randint(0, min(2**LEVELS, values.shape[axis]), (), generator=rng)) for axis in axes)
    thinned = _thinned(values.roll(rolls, axes), amount, LEVELS)
    return thinned.roll(tuple(-roll for roll in rolls), axes)


def _thinned(values: Float[Tensor, "*shape c"], amount: float, levels: int) -> Float[Tensor, "*shape c"]:
    """Haar's orthonormal transform, its details shortened, and back; a last sample without a partner goes on as it is."""
    axes = range(values.ndim - 1)
    if levels == 0 or min(values.shape[:-1]) < 2:
        return values
    details = values
    for axis in axes:
        details = _split(details, axis)
    where = tuple(slice(0, n - n // 2) for n in values.shape[:-1])
    coarse = _thinned(details[where], amount, levels - 1)
    length = details.square().sum(dim=-1, keepdim=True).sqrt()
    details = details * (1 - amount / length.clamp_min(torch.finfo(length.dtype).tiny)).clamp_min_(0.0)
    details[where] = coarse
    for axis in axes:
        details = _joined(details, axis)
    return details


def _split(values: Tensor, axis: int) -> Tensor:
    """Sums of pairs along an axis, a last sample alone, then differences."""
    n = values.shape[axis] // 2
    pairs = values.narrow(axis, 0, 2 * n).unflatten(axis, (n, 2))
    first, second = pairs.select(axis + 1, 0), pairs.select(axis + 1, 1)
    alone = values.narrow(axis, 2 * n, values.shape[axis] - 2 * n)
    return torch.cat([(first + second) * math.sqrt(0.5), alone, (first - second) * math.sqrt(0.5)], dim=axis)


def _joined(parts: Tensor, axis: int) -> Tensor:
    """The inverse of `_split`."""
    size = parts.shape[axis]
    n = size // 2
    sums, alone = parts.narrow(axis, 0, n), parts.narrow(axis, n, size - 2 * n)
    differences = parts.narrow(axis, size - n, n)
    pairs = torch.stack([sums + differences, sums - differences], dim=axis + 1) * math.sqrt(0.5)
    return torch.cat([pairs.flatten(axis, axis + 1), alone], dim=axis)
