"""Anscombe's square root: from noise that grows with the light to noise of deviation 1, and back without bias."""

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.measurements.noise import Poisson, PoissonGaussian

Photons = Poisson | PoissonGaussian
paper = "makitalo2011optimal"
TABULATED = 60.0  # photons up to which the mean of the square root is summed; beyond it the series is exact to 1e-6
PER_PHOTON = 32  # entries of the table


def stabilize(values: Float[Tensor, "*samples"], noise: Photons) -> Float[Tensor, "*samples"]:
    """2 √(z + 3/8 + s²) of z = peak · y photons, s the Gaussian part in photons: noise of deviation about 1 from 3 photons on."""
    electronics = noise.peak * getattr(noise, "sigma", 0.0)
    return 2 * (noise.peak * values + 3 / 8 + electronics**2).clamp_min(0).sqrt()


def unstabilize(stabilized: Float[Tensor, "*samples"], noise: Photons) -> Float[Tensor, "*samples"]:
    """The light whose noisy samples have this mean after `stabilize`: the exact unbiased inverse of makitalo2011optimal.

    Its plain inverse would be too dark, by 1/4 photon and more where photons are few. With a Gaussian part, s² is taken off, as
    their paper of 2013 shows to be close.
    """
    lights, means = (table.to(stabilized) for table in _means())
    at = torch.searchsorted(means, stabilized.contiguous()).clamp(1, len(means) - 1)
    share = (stabilized - means[at - 1]) / (means[at] - means[at - 1])
    photons = lights[at - 1] + share.clamp_min(0) * (lights[at] - lights[at - 1])
    series = stabilized.square() / 4 - 1 / 8
    photons = torch.where(stabilized < means[-1], photons, series)
    electronics = noise.peak * getattr(noise, "sigma", 0.0)
    return (photons - electronics**2).clamp_min(0) / noise.peak


@functools.cache
def _means() -> tuple[Tensor, Tensor]:
    """Expected photons λ from 0 to TABULATED, and E 2 √(Poisson(λ) + 3/8) of each, float64."""
    lights = torch.linspace(0, TABULATED, int(TABULATED * PER_PHOTON) + 1, dtype=torch.float64)
    counts = torch.arange(int(TABULATED + 12 * math.sqrt(TABULATED)), dtype=torch.float64)
    log_chances = torch.xlogy(counts, lights[:, None]) - lights[:, None] - torch.lgamma(counts + 1)
    return lights, (log_chances.exp() * (2 * (counts + 3 / 8).sqrt())).sum(dim=1)
