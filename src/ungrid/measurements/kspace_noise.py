"""How much noise samples of k-space have, found in the samples themselves."""

import math

import torch
from jaxtyping import Complex
from torch import Tensor

from ungrid.measurements.kspace import KSpace, hermitian_gap

OUTERMOST = 0.9  # of the highest frequency
LEAST_SAMPLES = 32
EMPTIEST = 0.06  # of the columns that a readout's transform has: air beside the body
SPREAD = 1.3  # of columns that are alike
RAYLEIGH = math.sqrt(2 * math.log(2))  # the median of |z| over the deviation of its parts


def noise_level(kspace: KSpace) -> float:
    """Standard deviation of the real and of the imaginary part of a sample; of several coils the rms.

    The least of what the data allow to say, since what is left of the signal only adds: the outermost samples; along readouts
    that are sampled in full (lines of a mask, spokes of a trajectory) the air that their transform has beside the body; of one
    coil and a picture that is real, the difference between opposite frequencies.
    """
    found = [outermost_level(kspace), *readout_levels(kspace)]
    if kspace.mask is not None and kspace.n_coils == 1:
        gap, size, n = hermitian_gap(kspace)
        found += [gap] if n >= 64 and gap < 0.1 * size else []
    return min(found)


def outermost_level(kspace: KSpace) -> float:
    """By the median size of the outermost tenth of frequencies; of fewer than 32, the 32 outermost."""
    limits = torch.tensor([n / 2 for n in kspace.shape], dtype=torch.float64)
    radius = (kspace.frequencies.abs() / limits).amax(dim=-1)
    least = radius.sort(descending=True).values[min(LEAST_SAMPLES, len(radius)) - 1]
    return _rms_of_medians(kspace.samples[:, radius >= min(OUTERMOST, float(least))])


def readout_levels(kspace: KSpace) -> list[float]:
    """By the emptiest columns of what readouts transform to, for each axis that is one."""
    if kspace.trajectory is not None:
        line = kspace.trajectory
        if line.ndim < 3 or line.shape[-2] < LEAST_SAMPLES or not _is_even(line):
            return []
        return [_emptiest(kspace.samples.unflatten(1, line.shape[:-1]).flatten(1, -2))]
    assert kspace.mask is not None
    levels = []
    for axis, n in enumerate(kspace.shape):
        lines = kspace.mask.movedim(axis, -1).reshape(-1, n)
        full = lines.all(dim=-1)
        if n >= LEAST_SAMPLES and bool(full.any()) and bool((full == lines.any(dim=-1)).all()):
            waves = kspace.samples.new_zeros(kspace.n_coils, *kspace.shape)
            waves[:, kspace.mask] = kspace.samples
            levels.append(_emptiest(waves.movedim(axis + 1, -1).reshape(kspace.n_coils, -1, n)[:, full]))
    return levels


def _emptiest(lines: Complex[Tensor, "n lines k"]) -> float:
    """Of lines along a readout, the level in the columns where their transform is least."""
    columns = torch.fft.ifft(lines, dim=-1, norm="ortho").movedim(-1, 1)
    sizes = columns.abs().flatten(2).median(dim=-1).values.square().mean(dim=0).sqrt() / RAYLEIGH
    least = sizes.sort().values[: max(2, round(EMPTIEST * len(sizes)))].median()
    return float(sizes[sizes <= SPREAD * least].mean())  # as many columns as are alike: the least alone are so by chance, too


def _rms_of_medians(samples: Complex[Tensor, "n m"]) -> float:
    return float(samples.abs().median(dim=-1).values.square().mean().sqrt()) / RAYLEIGH


def _is_even(trajectory: Tensor) -> bool:
    """Whether each readout goes on by equal steps of about a cycle per field of view, or less."""
    steps = trajectory.diff(dim=-2)
    size = steps.norm(dim=-1)
    return bool((steps - steps[..., :1, :]).abs().max() <= 1e-3 * size.max()) and float(size.max()) <= 1.01
