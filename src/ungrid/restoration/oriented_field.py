"""A lattice field of a scene that sensors saw in part: likely under their noise, and under a prior of oriented neighborhoods."""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.fit.convex import conjugate_gradients
from ungrid.measurements.linear import LinearMeasurement
from ungrid.terms.oriented import oriented_filters

papers = ("hestenes1952conjugate",)
FLOORS = (0.2, 0.06, 0.02, 0.02)  # of responses, in standard deviations: coarse first, so that a poor start does no harm
LEAST_NOISE = 0.015  # of the measurements, in standard deviations: what the prior does not explain counts as noise, too
PRIOR = 0.4  # weight of the prior's energy against the misfit's
ITERATIONS, TOLERANCE = 40, 1e-4


@torch.no_grad()
def oriented_field(
    measured: Float[Tensor, "h w c"], sensor: LinearMeasurement, deviation: float, start: Float[Tensor, "y x c"]
) -> Float[Tensor, "y x c"]:
    """Samples near argmin_x |A x − y|² / 2 deviation² + ½ Σ weights · (filters ∗ x)², the weights being x's own.

    Every neighborhood is taken as Gaussian, smoother along one direction than across it (`ungrid.terms.oriented`); directions and
    energies follow from the estimate, and the estimate from them, in turn. Each round is a least squares problem, which conjugate
    gradients solve. Weights for photographs, chosen on kodim05 and Set14's pepper.

    Args:
        measured: what the sensor saw.
        sensor: on the grid of the scene.
        deviation: of its noise.
        start: a first estimate on that grid; its edges say where neighborhoods are oriented.

    Shape: → [y, x, c].
    """
    filters = oriented_filters()
    center, spread = start.mean(), start.std().clamp_min(1e-6)
    seen, deviation = (measured - sensor.A(torch.full_like(start, float(center)))) / spread, deviation / float(spread)
    precision = 1 / max(deviation, LEAST_NOISE) ** 2
    right_side = precision * sensor.A_adjoint(seen)
    estimate = (start - center) / spread
    for floor in FLOORS:
        weights = PRIOR * filters.weights(estimate.movedim(-1, 0).contiguous(), floor)

        def normal(x: Tensor, weights: Tensor = weights) -> Tensor:
            smooth = filters.normal(weights, x.movedim(-1, 0).contiguous()).movedim(0, -1)
            return precision * sensor.A_adjoint(sensor.A(x)) + smooth

        found = conjugate_gradients(normal, right_side, estimate, max_iterations=ITERATIONS, tolerance=TOLERANCE)
        estimate = found.values
    return estimate * spread + center
