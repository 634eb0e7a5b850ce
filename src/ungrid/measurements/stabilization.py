"""From noise that depends on the light to noise of deviation 1 everywhere, and back without bias: what lets a method for Gaussian
noise take out any other."""

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.measurements.anscombe import paper as anscombe_paper
from ungrid.measurements.anscombe import stabilize as anscombe_stabilize
from ungrid.measurements.anscombe import unstabilize as anscombe_unstabilize
from ungrid.measurements.noise import LEAST_LIGHT, Noise, Poisson, PoissonGaussian, Rician, Speckle

STABILIZED = (Poisson, PoissonGaussian, Rician, Speckle)
FARTHEST, PER_SIGMA = 24.0, 64  # sigmas up to which Rician means are tabulated, entries of each
REACH = 8.0  # sigmas about a true value, beyond which Rician samples do not count


def stabilize(values: Float[Tensor, "*samples"], noise: Noise) -> Float[Tensor, "*samples"]:
    """f(y) whose noise has deviation about 1, rising, 0 or more where y is.

    Photons: Anscombe's square root (`anscombe`). Rician: f′ = 1 / deviation at the true value whose mean is y (foi2011rician).
    Speckle: the logarithm over its deviation (arsenault1976speckle), down to half a level of 255.

    Raises:
        TypeError: noise that is Gaussian already, or none of these.
    """
    if isinstance(noise, Poisson | PoissonGaussian):
        return anscombe_stabilize(values, noise)
    if isinstance(noise, Rician):
        return _at(values / noise.sigma, *_rician()[:2])
    if isinstance(noise, Speckle):
        return (values.clamp_min(LEAST_LIGHT) / LEAST_LIGHT).log() / _log_deviation(noise)
    raise TypeError(f"no stabilization of {type(noise).__name__}; expected one of {[kind.__name__ for kind in STABILIZED]}")


def unstabilize(stabilized: Float[Tensor, "*samples"], noise: Noise) -> Float[Tensor, "*samples"]:
    """The light whose noisy samples have this mean after `stabilize`; 0 below the mean of none.

    Raises:
        TypeError: as `stabilize`.
    """
    if isinstance(noise, Poisson | PoissonGaussian):
        return anscombe_unstabilize(stabilized, noise)
    if isinstance(noise, Rician):
        _, _, lights, means = _rician()
        return noise.sigma * _at(stabilized, means, lights).clamp_min(0)
    if isinstance(noise, Speckle):
        # E log Gamma(k, 1/k) = ψ(k) − log k, below 0
        shift = float(torch.special.digamma(torch.tensor(noise.looks, dtype=torch.float64))) - math.log(noise.looks)
        return LEAST_LIGHT * (stabilized * _log_deviation(noise) - shift).exp()
    raise TypeError(f"no stabilization of {type(noise).__name__}; expected one of {[kind.__name__ for kind in STABILIZED]}")


def paper_of(noise: Noise) -> str:
    """Key in `papers.bib` of a noise's stabilization."""
    return {Rician: "foi2011rician", Speckle: "arsenault1976speckle"}.get(type(noise), anscombe_paper)


def _log_deviation(noise: Speckle) -> float:
    """Of the logarithm of a sample: √ψ′(looks)."""
    return float(torch.special.polygamma(1, torch.tensor(noise.looks, dtype=torch.float64)).sqrt())


def _at(values: Tensor, knots: Tensor, heights: Tensor) -> Tensor:
    """A function by straight lines between knots, continued by the first and the last of them."""
    knots, heights = knots.to(values), heights.to(values)
    at = torch.searchsorted(knots, values.contiguous()).clamp(1, len(knots) - 1)
    share = (values - knots[at - 1]) / (knots[at] - knots[at - 1])
    found: Tensor = heights[at - 1] + share * (heights[at] - heights[at - 1])
    return found


@functools.cache
def _rician() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """In units of sigma, float64: samples y, f(y); true values x, E f(y) of each."""
    unit = Rician(1.0)
    lights = torch.linspace(0, FARTHEST, int(FARTHEST * PER_SIGMA) + 1, dtype=torch.float64)
    means, deviations = unit.mean(lights), unit.variance(lights).sqrt()
    slopes = 1 / deviations
    rises = torch.diff(means) * (slopes[1:] + slopes[:-1]) / 2
    # below the mean of no light f goes on as it begins, through 0
    stabilized = torch.cat([rises.new_zeros(1), rises.cumsum(0)]) + means[0] * slopes[0]
    samples, stabilized = torch.cat([means.new_zeros(1), means]), torch.cat([means.new_zeros(1), stabilized])
    seen = torch.linspace(0, FARTHEST + REACH, int((FARTHEST + REACH) * PER_SIGMA) + 1, dtype=torch.float64)
    heights, expected = _at(seen, samples, stabilized), []
    for light in lights.split(256):
        # of x and y at once: y exp(−(x − y)² / 2) times I₀ scaled by exp(−x y)
        chances = seen * (-(light[:, None] - seen).square() / 2).exp() * torch.special.i0e(light[:, None] * seen)
        expected.append((chances * heights).sum(dim=1) / chances.sum(dim=1))
    return samples, stabilized, lights, torch.cat(expected)
