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


def _check_peak(peak: float) -> None:
    if not 0 < peak <= MOST_PEAK:
        raise InputError(f"the peak is {peak:g} photons; expected more than 0, at most {MOST_PEAK:g}")


def _normal(values: Tensor, rng: torch.Generator) -> Tensor:
    return torch.randn(values.shape, generator=rng, dtype=values.dtype, device=rng.device).to(values.device)
