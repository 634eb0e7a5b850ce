"""Noise of a sensor: to simulate it, and to say how likely a measured value is.

Values are light in units of white, 0 to 1. Each model gives the variance of a sample whose true value is known, a draw of
noisy samples, and the negative log-likelihood that a fit minimizes.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError

LEVELS = 255.0  # a picture's levels, in which people say a sigma
LEAST_COUNT = 1e-6  # expected photons below which a likelihood would be infinite
MOST_PEAK = 1e9  # photons: beyond it noise is below a float32's last digit
MOST_LOOKS = 1e6
LEAST_LIGHT = 0.5 / LEVELS  # half a level: below it the logarithm of speckle would go to minus infinity


@runtime_checkable
class Noise(Protocol):
    """How samples scatter about their true values."""

    def variance(self, values: Float[Tensor, "*samples"]) -> Float[Tensor, "*samples"]:
        """Of a sample, where its true value is known."""

    def simulate(self, values: Float[Tensor, "*samples"], rng: torch.Generator) -> Float[Tensor, "*samples"]:
        """Noisy samples of true values, not clipped."""

    def negative_log_likelihood(
        self, values: Float[Tensor, "*samples"], observed: Float[Tensor, "*samples"]
    ) -> Float[Tensor, "*samples"]:
        """Of true values, sample by sample, up to a constant of the observed ones."""

    def describe(self) -> str:
        """A few words for a person, in the command line's own spelling."""


@dataclass(frozen=True)
class Gaussian:
    """y = x + N(0, sigma²): a sensor's electronics, a long exposure.

    Args:
        sigma: standard deviation in units of white, 0 or more: 25 / 255 for the level 25 of a picture.

    Raises:
        InputError: a sigma that is negative or no number.
    """

    sigma: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise InputError(f"the noise's sigma is {self.sigma * LEVELS:g}; expected 0 or more, in levels of 0 to 255")

    def variance(self, values: Float[Tensor, "*samples"]) -> Float[Tensor, "*samples"]:
        """sigma², everywhere."""
        return torch.full_like(values, self.sigma**2)

    def simulate(self, values: Float[Tensor, "*samples"], rng: torch.Generator) -> Float[Tensor, "*samples"]:
        """x + sigma · normal."""
        return values + self.sigma * _normal(values, rng)

    def negative_log_likelihood(
        self, values: Float[Tensor, "*samples"], observed: Float[Tensor, "*samples"]
    ) -> Float[Tensor, "*samples"]:
        """(y − x)² / 2 sigma²."""
        return (observed - values).square() / (2 * max(self.sigma, 1e-12) ** 2)

    def describe(self) -> str:
        """ "gaussian:25"."""
        return f"gaussian:{self.sigma * LEVELS:.4g}"


@dataclass(frozen=True)
class Poisson:
    """y = Poisson(peak · x) / peak: few photons, so that bright places scatter most.

    Args:
        peak: photons that white has on average, above 0.

    Raises:
        InputError: a peak out of range.
    """

    peak: float

    def __post_init__(self) -> None:
        _check_peak(self.peak)

    def variance(self, values: Float[Tensor, "*samples"]) -> Float[Tensor, "*samples"]:
        """x / peak."""
        return values.clamp_min(0) / self.peak

    def simulate(self, values: Float[Tensor, "*samples"], rng: torch.Generator) -> Float[Tensor, "*samples"]:
        """Counts of photons over the peak; negative light has none."""
        return torch.poisson(self.peak * values.clamp_min(0), generator=rng) / self.peak

    def negative_log_likelihood(
        self, values: Float[Tensor, "*samples"], observed: Float[Tensor, "*samples"]
    ) -> Float[Tensor, "*samples"]:
        """Peak · (x − y log x)."""
        expected = values.clamp_min(LEAST_COUNT / self.peak)
        return self.peak * (expected - observed * expected.log())

    def describe(self) -> str:
        """ "poisson:30"."""
        return f"poisson:{self.peak:.4g}"


@dataclass(frozen=True)
class PoissonGaussian:
    """y = Poisson(peak · x) / peak + N(0, sigma²): photons, then electronics; what a camera's raw samples have.

    Args:
        peak: photons that white has on average, above 0.
        sigma: standard deviation of the Gaussian part in units of white.

    Raises:
        InputError: a peak or sigma out of range.
    """

    peak: float
    sigma: float

    def __post_init__(self) -> None:
        _check_peak(self.peak)
        Gaussian(self.sigma)

    def variance(self, values: Float[Tensor, "*samples"]) -> Float[Tensor, "*samples"]:
        """x / peak + sigma²."""
        return values.clamp_min(0) / self.peak + self.sigma**2

    def simulate(self, values: Float[Tensor, "*samples"], rng: torch.Generator) -> Float[Tensor, "*samples"]:
        """Photons first, then the Gaussian part."""
        return Gaussian(self.sigma).simulate(Poisson(self.peak).simulate(values, rng), rng)

    def negative_log_likelihood(
        self, values: Float[Tensor, "*samples"], observed: Float[Tensor, "*samples"]
    ) -> Float[Tensor, "*samples"]:
        """Of a Gaussian with this variance: (y − x)² / 2v + log(v) / 2, close to the exact one from some photons on."""
        spread = self.variance(values).clamp_min(LEAST_COUNT / self.peak**2)
        return (observed - values).square() / (2 * spread) + spread.log() / 2

    def describe(self) -> str:
        """ "poisson-gaussian:30,5"."""
        return f"poisson-gaussian:{self.peak:.4g},{self.sigma * LEVELS:.4g}"


@dataclass(frozen=True)
class Rician:
    """y = |x + N(0, sigma²) + i N(0, sigma²)|: the size of a complex sample, as scanners' magnitude pictures have it
    (gudbjartsson1995rician). Dark places become brighter: where there is nothing, the mean is 1.25 sigma.

    Args:
        sigma: standard deviation of the real and of the imaginary part in units of white, above 0.

    Raises:
        InputError: a sigma out of range.
    """

    sigma: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma > 0):
            raise InputError(f"Rician noise has a sigma of {self.sigma * LEVELS:g}; expected more than 0, in levels of 0 to 255")

    def mean(self, values: Float[Tensor, "*samples"]) -> Float[Tensor, "*samples"]:
        """sigma √(π/2) L(−x² / 2 sigma²), L = exp(t/2) [(1 − t) I₀(−t/2) − t I₁(−t/2)] Laguerre's of order ½."""
        half = (values / self.sigma).square() / 4
        bessel = (1 + 2 * half) * torch.special.i0e(half) + 2 * half * torch.special.i1e(half)
        mean: Tensor = self.sigma * math.sqrt(math.pi / 2) * bessel
        return mean

    def variance(self, values: Float[Tensor, "*samples"]) -> Float[Tensor, "*samples"]:
        """Mean of squares, x² + 2 sigma², less that of the mean; at most sigma²."""
        wide = values.double()
        spread = wide.square() + 2 * self.sigma**2 - self.mean(wide).square()
        return spread.clamp(0.0, self.sigma**2).to(values.dtype)

    def simulate(self, values: Float[Tensor, "*samples"], rng: torch.Generator) -> Float[Tensor, "*samples"]:
        """The size of two Gaussian parts."""
        return torch.hypot(values + self.sigma * _normal(values, rng), self.sigma * _normal(values, rng))

    def negative_log_likelihood(
        self, values: Float[Tensor, "*samples"], observed: Float[Tensor, "*samples"]
    ) -> Float[Tensor, "*samples"]:
        """x² / 2 sigma² − log I₀(x y / sigma²)."""
        at = (values * observed).abs() / self.sigma**2
        loss: Tensor = values.square() / (2 * self.sigma**2) - at - torch.special.i0e(at).log()
        return loss

    def describe(self) -> str:
        """ "rician:13"."""
        return f"rician:{self.sigma * LEVELS:.4g}"


@dataclass(frozen=True)
class Speckle:
    """y = x · Gamma(looks, 1 / looks): what coherent light, sound or radar does to an intensity, the mean of so many looks
    (goodman1976speckle); bright places scatter most.

    Args:
        looks: whose mean the picture is, above 0; one of fully developed speckle scatters as much as its mean.

    Raises:
        InputError: looks out of range.
    """

    looks: float

    def __post_init__(self) -> None:
        if not 0 < self.looks <= MOST_LOOKS:
            raise InputError(f"speckle has {self.looks:g} looks; expected more than 0, at most {MOST_LOOKS:g}")

    def variance(self, values: Float[Tensor, "*samples"]) -> Float[Tensor, "*samples"]:
        """x² / looks."""
        return values.square() / self.looks

    def simulate(self, values: Float[Tensor, "*samples"], rng: torch.Generator) -> Float[Tensor, "*samples"]:
        """The values times draws of mean 1."""
        shape = torch.full(values.shape, float(self.looks), dtype=torch.float64, device=rng.device)
        draws = torch._standard_gamma(shape, generator=rng) / self.looks
        return values * draws.to(values)

    def negative_log_likelihood(
        self, values: Float[Tensor, "*samples"], observed: Float[Tensor, "*samples"]
    ) -> Float[Tensor, "*samples"]:
        """Looks · (log x + y / x)."""
        light = values.clamp_min(LEAST_LIGHT)
        return self.looks * (light.log() + observed / light)

    def describe(self) -> str:
        """ "speckle:4"."""
        return f"speckle:{self.looks:.4g}"


def _check_peak(peak: float) -> None:
    if not 0 < peak <= MOST_PEAK:
        raise InputError(f"the peak is {peak:g} photons; expected more than 0, at most {MOST_PEAK:g}")


def _normal(values: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(values.shape, generator=rng, dtype=values.dtype, device=rng.device).to(values.device)
