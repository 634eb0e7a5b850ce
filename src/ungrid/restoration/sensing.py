"""The sensor that a degradation is, and the classical ways back from what it saw."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fields.lattice import LatticeField
from ungrid.fit.convex import admm, conjugate_gradients
from ungrid.fit.convex_solver import Convex
from ungrid.fit.strength import by_noise
from ungrid.measurements.footprint import Footprint
from ungrid.measurements.linear import Chain, LinearMeasurement, Samples
from ungrid.restoration.degradation import Degradation
from ungrid.tasks.complete import complete
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.smoothness import TotalVariation

EXACT = 2e-3  # standard deviation below which measurements count as exact
EXACT_STRENGTH = 1e-3  # λ of total variation then, against ½ Σ |A x − y|²: what did best on Set14's pepper and kodim05
ITERATIONS = 200
BIHARMONIC_ITERATIONS, BIHARMONIC_TOLERANCE = 400, 1e-5


class Sensed(NamedTuple):
    """A picture as a measurement of a scene on a finer or wider grid.

    Args:
        sensor: scene → picture, 0 where the picture is not known.
        measured: the picture, 0 where it is not known.
        deviation: standard deviation of its noise.
        inside: the part of the scene that is asked for.
        start: a first estimate of the scene.
    """

    sensor: LinearMeasurement
    measured: Tensor
    deviation: float
    inside: tuple[slice, slice]
    start: Tensor


def sensed(observed: Float[Tensor, "h w c"], degradation: Degradation) -> Sensed:
    """What is known of the scene behind a picture."""
    picture = _grid(observed)
    footprint = Footprint(picture, degradation.upscale, degradation.psf)
    known = degradation.known
    filled = observed if known is None else complete(observed, known)
    start = LatticeField.of(picture.box, filled).sample(footprint.grid)
    samples = Samples(picture, known)
    sensor = footprint if known is None else Chain(samples, footprint)
    clean = filled if known is None else observed[known]
    deviation = float(degradation.noise.variance(clean).mean().sqrt())
    return Sensed(sensor, samples.A(observed) if known is not None else observed, deviation, footprint.inside, start)


def sensed_total_variation(
    observed: Float[Tensor, "h w c"], degradation: Degradation, *, margin: bool = False
) -> Float[Tensor, "y x c"]:
    """The scene of least total variation that the picture allows: as strong as its noise asks for, weak where it is exact.

    Args:
        observed: the picture.
        degradation: what happened to it.
        margin: whether to give what lies around the picture, too, as far as its pixels saw it.
    """
    known = sensed(observed, degradation)
    term = TotalVariation(known.sensor.grid, 1.0)
    misfit = LinearMisfit(known.sensor, known.measured)
    problem = Convex((misfit,), (term,))
    factor, start = EXACT_STRENGTH, known.start
    if known.deviation > EXACT:
        share = 1.0 if degradation.known is None else float(degradation.known.float().mean())
        found = by_noise(problem, known.deviation * share**0.5, start=known.start)
        factor, start = found.factor * problem.weighted()[0][1], found.values
    solution = admm(problem.normal, problem.right_side(), [(term, factor)], start, max_iterations=ITERATIONS, tolerance=3e-4)
    return solution.values if margin else solution.values[known.inside]


def interpolated(observed: Float[Tensor, "h w c"], degradation: Degradation) -> Float[Tensor, "y x c"]:
    """Cubic convolution of the picture at the scene's samples."""
    picture = _grid(observed)
    return LatticeField.of(picture.box, observed).sample(picture.refine(float(degradation.upscale)))


def biharmonic(observed: Float[Tensor, "h w c"], degradation: Degradation) -> Float[Tensor, "h w c"]:
    """The picture whose Laplacian is least where it is not known, by conjugate gradients; its gradient is 0 across the border."""
    assert degradation.known is not None
    unknown = ~degradation.known[..., None]
    start = complete(observed, degradation.known, rounds=1)

    def apply(change: Tensor) -> Tensor:
        return _laplacian(_laplacian(change)) * unknown

    found = conjugate_gradients(apply, -apply(start), max_iterations=BIHARMONIC_ITERATIONS, tolerance=BIHARMONIC_TOLERANCE)
    return start + found.values * unknown


def _laplacian(values: Tensor) -> Tensor:
    """Sum of differences to the four neighbors; symmetric, since none is counted beyond the border."""
    total = torch.zeros_like(values)
    for axis in (0, 1):
        n = values.shape[axis] - 1
        difference = values.narrow(axis, 1, n) - values.narrow(axis, 0, n)
        total.narrow(axis, 0, n).add_(difference)
        total.narrow(axis, 1, n).sub_(difference)
    return total


def _grid(observed: Tensor) -> Grid:
    height, width = observed.shape[:2]
    return Grid(Box(("y", "x"), ((0.0, float(height)), (0.0, float(width))), ("px", "px")), (height, width))
