"""Solvers of convex problems: least squares by conjugate gradients."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError

Linear = Callable[[Tensor], Tensor]


class Solution(NamedTuple):
    """What a solver reached: x, the steps it took, and ‖b − A x‖ / ‖b‖ as it was carried along."""

    values: Tensor
    iterations: int
    relative_residual: float


@torch.no_grad()
def conjugate_gradients(
    apply: Linear,
    right_side: Float[Tensor, "*shape"],
    start: Float[Tensor, "*shape"] | None = None,
    *,
    preconditioner: Linear | None = None,
    max_iterations: int,
    tolerance: float,
    callback: Callable[[int, float], object] | None = None,
) -> Solution:
    """Solve A x = b for a symmetric positive definite A that is given as a product (hestenes1952conjugate).

    For min ‖M x − y‖² + Σ λ ‖L x‖² hand over A = MᵀM + Σ λ LᵀL and b = Mᵀy. Where A is only semidefinite, and b in its range,
    the solution is the one that differs from the start by no element of the null space. Sums are taken in float64.

    Args:
        apply: x ↦ A x; it must not change x.
        right_side: b, of any shape; its dtype and device are the solution's.
        start: first x; None for zeros, which saves one product.
        preconditioner: r ↦ P r with a symmetric positive definite P near A⁻¹, such as division by A's diagonal.
        max_iterations: at most so many products with A, after that with the start.
        tolerance: stop at this ‖b − A x‖ / ‖b‖.
        callback: told the number of each step and the relative residual after it.

    Raises:
        InputError: A (or P) is not positive along a direction that came up, or gives what is not a number.
    """
    x = torch.zeros_like(right_side) if start is None else start.clone()
    residual = right_side.clone() if start is None else right_side - apply(start)
    scale = _norm(right_side)
    if scale == 0:
        return Solution(torch.zeros_like(right_side), 0, 0.0)
    relative, direction, slope = _norm(residual) / scale, None, 0.0
    for iteration in range(max_iterations):
        if relative <= tolerance:
            return Solution(x, iteration, relative)
        steepest = residual if preconditioner is None else preconditioner(residual)
        before, slope = slope, _dot(residual, steepest)
        _check_positive(slope, "the preconditioner", residual, steepest)
        direction = steepest.clone() if direction is None else direction.mul_(slope / before).add_(steepest)
        image = apply(direction)
        curvature = _dot(direction, image)
        if not _check_positive(curvature, "the operator", direction, image):
            return Solution(x, iteration, relative)
        x.add_(direction, alpha=slope / curvature)
        residual.sub_(image, alpha=slope / curvature)
        relative = _norm(residual) / scale
        if callback is not None:
            callback(iteration + 1, relative)
    return Solution(x, max_iterations, relative)


def _check_positive(value: float, what: str, vector: Tensor, image: Tensor) -> bool:
    """Whether vᵀA v > 0; False where it is 0 but for rounding, so that nothing more can be gained along v."""
    if value > 0 and math.isfinite(value):
        return True
    bound = _norm(vector) * _norm(image)
    if abs(value) <= 8 * torch.finfo(vector.dtype).eps * bound and math.isfinite(bound):
        return False
    raise InputError(f"{what} is not positive definite: vᵀA v is {value:.3g} for a v with |v| |A v| = {bound:.3g}")


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.sum(a * b, dtype=torch.float64))


def _norm(a: Tensor) -> float:
    return math.sqrt(_dot(a, a))
