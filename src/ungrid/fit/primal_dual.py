"""A solver of least squares with penalties where samples crowd: primal–dual steps, each sample with a length of its own."""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.fit.convex import Linear, Penalty, Solution

RELAXATION = 1.8  # beyond the new values; below 2 (condat2013primal)
POWERS, ABOVE = 15, 1.05  # products to find a norm by, and how much larger it may be than what they find
SHORTER = 0.99  # than the longest step that converges
LENGTHS = 5.0  # of the mean part of what a penalty sees, at which its dual is at its end after one step; 3 to 10 do as well


@torch.no_grad()
def primal_dual(
    forward: Linear,
    adjoint: Linear,
    measured: Tensor,
    penalties: Sequence[tuple[Penalty, float]],
    start: Float[Tensor, "*shape c"] | None = None,
    *,
    metric: Tensor,
    weights: Tensor | float = 1.0,
    max_iterations: int = 300,
    tolerance: float = 2e-5,
    callback: Callable[[int, float], bool | None] | None = None,
) -> Solution:
    """Minimize ½ Σ w |A x − y|² + Σ λ g(K x) by primal–dual steps in the metric of the samples (ong2020accelerating).

    Each iteration takes one product with A and one with its adjoint, and solves nothing inside. What makes A badly conditioned
    along a trajectory, samples that crowd around frequency 0, is undone by steps that are as long in each sample as it is alone.
    The steps are those of chambolle2011first.

    Args:
        forward: x ↦ A x.
        adjoint: y ↦ Aᴴ y.
        measured: y, real or complex.
        penalties: each with its factor λ ≥ 0.
        start: first x; None for Aᴴ W y.
        metric: W, positive, for each sample, such that Aᴴ W A is about the identity but for a factor.
        weights: w, of each sample; 0 leaves it out.
        max_iterations: at most.
        tolerance: stop where x changes by less than this share of itself.
        callback: told the number of each iteration and the share; True stops.

    Returns:
        x, the iterations, and the last share.
    """
    metric, guess = _normalized(forward, adjoint, measured, metric.to(measured.device), weights)
    x = guess if start is None else start.clone()
    duals = [_Dual(penalty, factor, guess) for penalty, factor in penalties]
    bound = sum(dual.step * dual.norm for dual in duals)
    reach = bound if duals else 1.0  # the samples' steps weigh as much as the penalties'
    steps, step = reach * metric, SHORTER / (reach + bound)
    dual, share = torch.zeros_like(measured), math.inf
    stiff = steps / torch.as_tensor(weights).to(metric).clamp_min(torch.finfo(metric.dtype).tiny)
    for iteration in range(max_iterations):
        slope = adjoint(dual)
        for each in duals:
            slope = slope + each.pull()
        new = x - step * slope
        ahead = 2 * new - x
        moved = (dual + steps * (forward(ahead) - measured)) / (1 + stiff)
        dual = dual + RELAXATION * (moved - dual)
        for each in duals:
            each.update(ahead)
        share = float((new - x).norm()) / max(float(new.norm()), 1e-30)
        x = x + RELAXATION * (new - x)
        # the first step waits for the duals, which begin at 0
        if (callback is not None and callback(iteration + 1, share)) or 0 < share <= tolerance:
            return Solution(x, iteration + 1, share)
    return Solution(x, max_iterations, share)


class _Dual:
    """What a penalty pulls x by, and the length of its steps."""

    def __init__(self, penalty: Penalty, factor: float, guess: Tensor):
        self.penalty, self.factor = penalty, factor
        seen = penalty.apply(guess)
        size = float(seen.abs().mean())
        self.norm = float(penalty.symbol().max())
        # longer ones than 1 / ‖K‖² gain nothing in the duals and shorten those of x; a bound has no factor of its own
        self.step = min(factor / (LENGTHS * size) if factor > 0 and size > 0 else math.inf, 1 / self.norm)
        self.values = torch.zeros_like(seen)

    def pull(self) -> Tensor:
        """Kᵀ v."""
        return self.penalty.adjoint(self.values)

    def update(self, x: Tensor) -> None:
        """The proximal map of the conjugate, by that of the penalty (Moreau)."""
        ahead = self.values + self.step * self.penalty.apply(x)
        new = ahead - self.step * self.penalty.shrink(ahead / self.step, self.factor / self.step)
        self.values = self.values + RELAXATION * (new - self.values)


def _normalized(
    forward: Linear, adjoint: Linear, measured: Tensor, metric: Tensor, weights: Tensor | float
) -> tuple[Tensor, Tensor]:
    """W of largest eigenvalue 1, nearly, in Aᴴ W A, and Aᴴ W y of the samples that count."""
    guess = adjoint(metric * (torch.as_tensor(weights).to(metric) > 0) * measured)
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(guess.shape, generator=rng, dtype=guess.dtype).to(guess.device)
    for _ in range(POWERS):
        x = adjoint(metric * forward(x / x.norm()))
    norm = ABOVE * float(x.norm())
    return metric / norm, guess / norm
