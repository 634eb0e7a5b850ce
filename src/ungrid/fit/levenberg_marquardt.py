"""Levenberg–Marquardt for small fields: equations solved to six digits, where descent stays at three."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import Diverged, InputError
from ungrid.fields.base import Field
from ungrid.fields.unknowns import WithUnknowns
from ungrid.fit.callbacks import Callback
from ungrid.fit.limits import Limits
from ungrid.fit.problem import Problem
from ungrid.fit.state import FitState

MOST_PARAMS = 4_096  # beyond it the matrix of their products takes 130 MB, and a solve some seconds
MOST_STEPS = 150
PART_NUMBERS = 2**24  # of a Jacobian's part, 128 MB
FIRST_DAMPING, LESS, MORE = 1e-3, 0.25, 4.0
LEAST_DAMPING, MOST_DAMPING = 1e-14, 1e8
STILL, STILL_STEPS = 0.02, 10  # a fall of the loss by less than this share in so many steps ends it


@dataclass(frozen=True)
class Sampled:
    """A field whose parameters stand once for every point: the slope of what it gives is each point's own row of the Jacobian.

    Args:
        field: whose structure it is.
        own: [n, *parameter] by name.
    """

    field: Field
    own: Mapping[str, Tensor]

    def __call__(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of each point by its own parameters."""

        def one(parameters: Mapping[str, Tensor], point: Tensor) -> Tensor:
            value: Tensor = torch.func.functional_call(self.field, dict(parameters), (point,))
            return value

        values: Tensor = torch.func.vmap(one)(dict(self.own), coords)
        return values

    def unknown(self, name: str) -> Float[Tensor, "n 1"]:
        """An unknown number of `WithUnknowns`, once for every point."""
        assert isinstance(self.field, WithUnknowns)
        return self.own["unknowns"][:, self.field.place(name), None]


class LevenbergMarquardt:
    """Damped Gauss–Newton steps on all points at once, in float64, with the whole matrix JᵀJ (more1978levenberg).

    For terms that are sums of squares and say their `rows`, and fields of at most some thousand parameters: a step costs
    points × parameters² operations, and a hundred of them do what no number of gradient steps does. The points are drawn once.

    Args:
        max_steps: where the fit does not say.
    """

    paper = "more1978levenberg"

    def __init__(self, *, max_steps: int = MOST_STEPS):
        self.max_steps = max_steps

    @staticmethod
    def solves(field: Field, problem: Problem) -> bool:
        """Whether a fit is small enough, and all of its terms are sums of squares."""
        return field.n_params <= MOST_PARAMS and all(hasattr(term, "rows") for term in problem.terms)

    def run(self, state: FitState, limits: Limits, callbacks: Sequence[Callback] = ()) -> None:
        """Step until the loss stands still; a step of the state is one that was taken.

        Raises:
            InputError: a target of decibels: equations have none.
            Diverged: the loss is not finite at the start.
        """
        if limits.target_psnr is not None:
            raise InputError("target_psnr is for signals that are known; an equation does not say a PSNR")
        start, dtype, max_seconds = time.monotonic(), state.field.dtype, limits.max_seconds
        most = self.max_steps if limits.steps is None else limits.steps
        field = state.field.double()
        points = {term.name: term.sample(state.rng, field, None).query for term in state.problem.terms}
        loss, damping, history = self._loss(field, state.problem, points), FIRST_DAMPING, []
        if not math.isfinite(loss):
            raise Diverged("the residual is not finite at the start; check the equation and the field's first values")
        for callback in callbacks:
            callback.begin(state)
        while state.stopped_by is None:
            history.append(loss)
            loss, damping = self._step(field, state.problem, points, loss, damping)
            state.step, state.seconds = state.step + 1, time.monotonic() - start
            state.progress = max(state.step / max(most, 1), 0.0 if max_seconds is None else state.seconds / max_seconds)
            state.stopped_by = _reason(state, most, max_seconds, loss, history, damping)
            for callback in callbacks:
                callback(state, {"loss": loss})
        state.progress, state.extra["loss"] = 1.0, loss
        field.to(dtype)
        for callback in callbacks:
            callback.end(state)

    def _step(
        self, field: Field, problem: Problem, points: Mapping[str, Tensor], loss: float, damping: float
    ) -> tuple[float, float]:
        """One step that lowers the loss, and the damping after it; the loss as it was where none does."""
        matrix, slope = normal_equations(field, problem, points)
        ridge = torch.eye(len(slope), dtype=matrix.dtype, device=matrix.device) * matrix.diagonal().mean()
        before = [parameter.detach().clone() for parameter in field.parameters()]
        while damping <= MOST_DAMPING:
            change, failed = torch.linalg.solve_ex(matrix + damping * ridge, -slope)
            if not int(failed) and bool(torch.isfinite(change).all()):
                _move(field, before, change)
                reached = self._loss(field, problem, points)
                if reached < loss:
                    return reached, max(damping * LESS, LEAST_DAMPING)
            damping *= MORE
        _move(field, before, torch.zeros_like(slope))
        return loss, damping

    @staticmethod
    def _loss(field: Field, problem: Problem, points: Mapping[str, Tensor]) -> float:
        total = 0.0
        for term in problem.terms:
            rows: Any = getattr(term, "rows")  # noqa: B009
            for part in points[term.name].split(2**14):
                total += float(rows(field, part).detach().square().sum())
        return total


def normal_equations(field: Field, problem: Problem, points: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """JᵀJ [p, p] and Jᵀr [p] over all points of all terms."""
    p = field.n_params
    matrix, slope = (torch.zeros(*shape, dtype=field.dtype) for shape in ((p, p), (p,)))
    for term in problem.terms:
        for part in points[term.name].split(max(1, PART_NUMBERS // (4 * p))):
            for row, jacobian in _rows(field, term, part):
                matrix.addmm_(jacobian.T, jacobian)
                slope.addmv_(jacobian.T, row)
    return matrix, slope


def _rows(field: Field, term: Any, coords: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Each residual [n] of a term with its Jacobian [n, p]."""
    n = len(coords)
    own = {name: p.detach().expand(n, *p.shape).clone().requires_grad_() for name, p in field.named_parameters()}
    with torch.enable_grad():
        residuals = term.rows(Sampled(field, own), coords)
        for k in range(residuals.shape[1]):
            slopes = torch.autograd.grad(
                residuals[:, k].sum(), list(own.values()), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            yield residuals[:, k].detach(), torch.cat([slope.flatten(1) for slope in slopes], dim=1)


@torch.no_grad()
def _move(field: Field, before: Sequence[Tensor], change: Tensor) -> None:
    first = 0
    for parameter, old in zip(field.parameters(), before, strict=True):
        parameter.copy_(old + change[first : first + old.numel()].reshape(old.shape))
        first += old.numel()


def _reason(
    state: FitState, most: int, max_seconds: float | None, loss: float, history: Sequence[float], damping: float
) -> str | None:
    """What ended it, or None."""
    if damping > MOST_DAMPING or (len(history) >= STILL_STEPS and loss > (1 - STILL) * history[-STILL_STEPS]):
        return "converged"
    if state.step >= most:
        return "steps"
    return "max_seconds" if max_seconds is not None and state.seconds >= max_seconds else None
