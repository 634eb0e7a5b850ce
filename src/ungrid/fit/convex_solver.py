"""The solver of fits that are convex problems: a field linear in its parameters, linear sensors, convex terms."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.lattice import LatticeField
from ungrid.fit.callbacks import Callback
from ungrid.fit.convex import Penalty, Solution, admm, conjugate_gradients, power_spectrum
from ungrid.fit.limits import Limits
from ungrid.fit.primal_dual import primal_dual
from ungrid.fit.problem import Problem
from ungrid.fit.state import FitState

MOST_ITERATIONS = 300
TOLERANCE = 1e-4
OF_STEPS = 0.2  # of the tolerance, where steps are short: a primal–dual one is a fraction of one of ADMM


@dataclass(frozen=True)
class Convex:
    """min ½ xᵀ N x − bᵀ x + Σ λ g(K x) over the samples x of a lattice.

    Args:
        misfits: quadratic terms, such as `LinearMisfit`.
        penalties: terms with a proximal map, such as `TotalVariation`.
    """

    misfits: tuple[Any, ...]
    penalties: tuple[Any, ...]

    @classmethod
    def of(cls, field: Field, problem: Problem) -> "Convex | None":
        """The convex problem that a fit is; None for one that is not."""
        misfits, penalties = _quadratic(problem), _penalties(problem)
        if not isinstance(field, LatticeField) or not misfits or len(misfits) + len(penalties) < len(problem.terms):
            return None
        grids: list[Grid] = [*(misfit.measurement.grid for misfit in misfits), *(each.grid for each in penalties)]
        return cls(misfits, penalties) if all(grid == field.lattice for grid in grids) else None

    @property
    def is_complex(self) -> bool:
        """Whether the two channels are real and imaginary part, to all sensors."""
        return all(getattr(misfit.measurement, "is_complex", False) for misfit in self.misfits)

    @property
    def metric(self) -> Tensor | None:
        """How much each sample counts, where there is one sensor whose samples crowd."""
        (misfit, *others) = self.misfits
        return None if others else getattr(misfit.measurement, "metric", None)

    @property
    def n_measured(self) -> int:
        """Numbers that were measured: the factor of the whole objective, so that its numbers are near 1."""
        return sum(misfit.measured.numel() for misfit in self.misfits)

    def normal(self, values: Tensor) -> Tensor:
        """N x."""
        parts = [misfit.normal(values) * (self.n_measured / misfit.measured.numel()) for misfit in self.misfits]
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]

    def right_side(self) -> Tensor:
        """b."""
        parts = [misfit.right_side() * (self.n_measured / misfit.measured.numel()) for misfit in self.misfits]
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]

    def weighted(self) -> list[tuple[Penalty, float]]:
        """Each penalty and its λ."""
        return [(penalty, penalty.strength * self.n_measured / penalty.grid.size) for penalty in self.penalties]


class ConvexSolver:
    """Finds the samples of a `LatticeField` from linear sensors on its lattice: by ADMM, by conjugate gradients where all terms
    are quadratic, by primal–dual steps where samples crowd along a trajectory. It begins at the samples that the field has.

    Args:
        max_iterations: at most, where the fit does not say.
        tolerance: stop where the samples change by less than this share of themselves.
        spectrum: of the normal operator, where it is known already, see `fit.convex.power_spectrum`.
    """

    paper = "boyd2011admm"

    def __init__(self, *, max_iterations: int = MOST_ITERATIONS, tolerance: float = TOLERANCE, spectrum: Tensor | None = None):
        self.max_iterations, self.tolerance, self.spectrum = max_iterations, tolerance, spectrum

    @torch.no_grad()
    def run(self, state: FitState, limits: Limits, callbacks: Sequence[Callback] = ()) -> None:
        """Solve; a step of the state is an iteration.

        Raises:
            InputError: a target of decibels, or a problem that is not convex in the field's parameters.
        """
        field, problem = state.field, Convex.of(state.field, state.problem)
        if problem is None or not isinstance(field, LatticeField):
            raise InputError("a convex solver needs a LatticeField, linear measurements on its lattice, and convex terms")
        if limits.target_psnr is not None:
            raise InputError("target_psnr is for signals that are known; measurements alone do not say a PSNR")
        start, most, max_seconds = time.monotonic(), limits.steps or self.max_iterations, limits.max_seconds

        def watch(iteration: int, residual: float) -> bool:
            state.step, state.seconds = iteration, time.monotonic() - start
            state.progress = max(iteration / most, 0.0 if max_seconds is None else min(1.0, state.seconds / max_seconds))
            for callback in callbacks:
                callback(state, {"residual": residual})
            return max_seconds is not None and state.seconds >= max_seconds

        for callback in callbacks:
            callback.begin(state)
        found = self._minimize(problem, field.samples.detach(), most, watch)
        for penalty in problem.penalties:
            found = penalty.settle(found) if hasattr(penalty, "settle") else found
        field.samples.copy_(found.to(field.samples))
        state.progress, state.stopped_by = 1.0, self._reason(state, most, max_seconds)
        state.seconds = time.monotonic() - start
        for callback in callbacks:
            callback.end(state)

    def _minimize(self, problem: Convex, samples: Tensor, most: int, watch: Any) -> Tensor:
        penalties = problem.weighted()
        start = samples if bool(samples.any()) else None
        if penalties and problem.metric is not None:
            return self._step(problem, problem.metric, penalties, start, most, watch)
        right_side = problem.right_side()
        spectrum = self.spectrum
        if spectrum is None:
            spectrum = power_spectrum(problem.normal, right_side, is_complex=problem.is_complex)
        solution: Solution
        if penalties:
            solution = admm(
                problem.normal,
                right_side,
                penalties,
                start,
                spectrum=spectrum,
                max_iterations=most,
                tolerance=self.tolerance,
                is_complex=problem.is_complex,
                callback=watch,
            )
        else:
            solution = conjugate_gradients(
                problem.normal, right_side, start, max_iterations=most, tolerance=self.tolerance, callback=watch
            )
        return solution.values

    def _step(self, problem: Convex, metric: Tensor, penalties: Any, start: Tensor | None, most: int, watch: Any) -> Tensor:
        (misfit,) = problem.misfits
        sensor, how = misfit.measurement, {"max_iterations": most, "tolerance": OF_STEPS * self.tolerance, "callback": watch}
        return primal_dual(
            sensor.A, sensor.A_adjoint, misfit.measured, penalties, start, metric=metric, weights=misfit.weights, **how
        ).values

    @staticmethod
    def _reason(state: FitState, most: int, max_seconds: float | None) -> str:
        if state.step >= most:
            return "steps"
        return "max_seconds" if max_seconds is not None and state.seconds >= max_seconds else "converged"


@torch.no_grad()
def relative_residual(problem: Problem, field: LatticeField) -> float:
    """‖A x − y‖ / ‖y‖ over all quadratic terms, each weighted as it is: what no longer fits, as a share of what was measured."""
    missed = told = 0.0
    for term in _quadratic(problem):
        seen = term.measurement(field)
        missed += float((term.weights * (seen - term.measured).abs().square()).sum())
        told += float((term.weights * term.measured.abs().square()).sum())
    return math.sqrt(missed / told) if told > 0 else 0.0


def _quadratic(problem: Problem) -> tuple[Any, ...]:
    """The terms that are squared errors of linear measurements."""
    return tuple(term for term in problem.terms if getattr(term, "is_quadratic", False))


def _penalties(problem: Problem) -> tuple[Any, ...]:
    """The terms with a proximal map."""
    return tuple(term for term in problem.terms if hasattr(term, "shrink"))
