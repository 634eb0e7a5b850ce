"""Total variation: the picture of least total variation near the samples (Rudin, Osher, Fatemi 1992)."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError

CHECK_EVERY = 10  # iterations between two looks at the gap


class Denoised(NamedTuple):
    """A result, and how it was reached: iterations, and the gap to the optimum relative to the objective."""

    values: Tensor
    iterations: int
    gap: float


@torch.no_grad()
def total_variation(
    values: Float[Tensor, "*shape c"], weight: float, *, tolerance: float = 1e-4, max_iterations: int = 2000
) -> Denoised:
    """argmin_x ½ |x − y|² + weight · Σ_p |∇x(p)|, the length of the gradient over all axes and channels together.

    Edges stay sharp, what varies slowly becomes flat. Solved on its dual by accelerated projected gradients (beck2009fast), until
    the duality gap is `tolerance` of the objective: it is the optimum itself, whatever the number of iterations.

    Args:
        values: noisy samples on a grid of any number of axes.
        weight: in units of the values, 0 or more; about the noise's sigma.
        tolerance: of the gap, relative to the objective at the samples.
        max_iterations: at most.

    Shape: [*shape, c] → [*shape, c] of the same type.

    Raises:
        InputError: a weight or tolerance out of range.

    Differs from the papers: channels are coupled, so that their edges fall together; one channel is theirs (rudin1992nonlinear).
    """
    if not (math.isfinite(weight) and weight >= 0 and tolerance > 0):
        raise InputError(f"weight is {weight} and tolerance {tolerance}; expected 0 or more, and above 0")
    axes = [axis for axis in range(values.dim() - 1) if values.shape[axis] > 1]
    if weight == 0 or not axes:
        return Denoised(values.clone(), 0, 0.0)
    step = 1 / (4 * len(axes) * weight)  # |∇|² ≤ 4 for each axis
    dual = values.new_zeros((len(axes), *values.shape))
    ahead, momentum, gap = dual, 1.0, math.inf
    scale = max(weight * float(_lengths(_gradient(values, axes)).sum(dtype=torch.float64)), 1e-30)
    for iteration in range(1, max_iterations + 1):
        moved = ahead + step * _gradient(values + weight * _divergence(ahead, axes), axes)
        moved /= _lengths(moved).clamp_min_(1)
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / following * (moved - dual)
        dual, momentum = moved, following
        if iteration % CHECK_EVERY == 0 or iteration == max_iterations:
            correction = weight * _divergence(dual, axes)
            slopes = _gradient(values + correction, axes)
            gap = weight * float(
                (_lengths(slopes)[0] - (slopes * dual).sum(dim=(0, -1), keepdim=True)[0]).sum(dtype=torch.float64)
            )
            if gap <= tolerance * scale:
                break
    return Denoised(values + weight * _divergence(dual, axes), iteration, gap / scale)


def _gradient(values: Tensor, axes: list[int]) -> Tensor:
    """[axes, *shape, c]: forward differences, 0 at the last sample."""
    slopes = values.new_zeros((len(axes), *values.shape))
    for at, axis in enumerate(axes):
        n = values.shape[axis]
        slopes[at].narrow(axis, 0, n - 1).copy_(values.narrow(axis, 1, n - 1) - values.narrow(axis, 0, n - 1))
    return slopes


def _divergence(dual: Tensor, axes: list[int]) -> Tensor:
    """Minus the adjoint of `_gradient`: [axes, *shape, c] → [*shape, c]."""
    result = torch.zeros_like(dual[0])
    for at, axis in enumerate(axes):
        n = result.shape[axis]
        flow = dual[at].narrow(axis, 0, n - 1)
        result.narrow(axis, 0, n - 1).add_(flow)
        result.narrow(axis, 1, n - 1).sub_(flow)
    return result


def _lengths(slopes: Tensor) -> Tensor:
    """[1, *shape, 1]: over all axes and channels."""
    return slopes.square().sum(dim=(0, -1), keepdim=True).sqrt()
