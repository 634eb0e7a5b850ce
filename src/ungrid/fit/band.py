"""Signed distances as nested cubic splines in a narrow band, level by level, by linear least squares."""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ungrid.encodings.interpolation import cubic_weights
from ungrid.errors import InputError
from ungrid.fields.refined_spline import MARGIN, RefinedSpline
from ungrid.fields.refinement import from_samples, mirrored, placed, refine, taken, to_samples, unblocked
from ungrid.fit.callbacks import Callback, HeldOut
from ungrid.fit.convex import conjugate_gradients
from ungrid.fit.limits import Limits
from ungrid.fit.state import FitState

TOLERANCE = 1e-3  # of the residual; the next level corrects more than that
BENDING = 1e-3  # of second differences of the nodes: what keeps a node that little is known of near its neighbors
LEAST_POINTS = 5_000  # of the surface, on coarse levels
DENSE = 2**22  # nodes of a level up to which products go over all of them
TAPS = tuple(itertools.product(range(4), repeat=3))
NEIGHBORS = tuple(itertools.product((-1, 0, 1), repeat=3))
STRAIGHT = tuple((NEIGHBORS.index(tuple(-s for s in step)), NEIGHBORS.index(step)) for step in ((0, 0, 1), (0, 1, 0), (1, 0, 0)))


@dataclass(frozen=True, eq=False)
class BandLevel:
    """What is known on one level of a `RefinedSpline`.

    Args:
        kept: [blocks] which blocks of nodes the level keeps.
        distances: [kept blocks × 8] signed distance at each of their nodes, in the order in which the field keeps them; what
            stands at a node beyond the level is not looked at.
    """

    kept: Bool[Tensor, "blocks"]
    distances: Float[Tensor, "nodes"]


class BandSolver:
    """Finds the nodes of a `RefinedSpline` that is a signed distance: exact at its own nodes, 0 at points of the surface.

    The levels are solved from coarse to fine, each by conjugate gradients for what the coarser ones left: least squares of the
    distances at the level's own nodes and of the surface's points, which together weigh as much as the nodes, with a small
    penalty on bending. Each level is rounded as the file will keep it before the next is solved, so that the finer one makes
    up for it.

    Args:
        levels: what is known on each level, the finest first; None for levels that stay zero.
        surface: points of the surface, in the units of the box.
        iterations: of each level, at most.
    """

    paper = "forsey1988hierarchical"

    def __init__(self, levels: Sequence[BandLevel | None], surface: Float[Tensor, "points 3"], *, iterations: int = 20):
        self.levels, self.surface, self.iterations = tuple(levels), surface, iterations

    @torch.no_grad()
    def run(self, state: FitState, limits: Limits, callbacks: Sequence[Callback] = ()) -> None:
        """Solve; a step of the state is an iteration of conjugate gradients.

        Raises:
            InputError: another field, or a target of decibels.
        """
        field = state.field
        if not isinstance(field, RefinedSpline) or field.box.dim != 3 or len(self.levels) != len(field.level_shapes):
            raise InputError(f"distances in a band are solved for in a RefinedSpline on three axes; got {type(field).__name__}")
        if limits.target_psnr is not None:
            raise InputError("a target in dB is for fits by descent; take another preset, or fast, balanced or best without it")
        start = time.monotonic()
        most = limits.steps or self.iterations * sum(level is not None for level in self.levels)
        for callback in callbacks:
            callback.begin(state)

        def watch(residual: float) -> bool:
            state.step, state.seconds = state.step + 1, time.monotonic() - start
            state.progress = min(1.0, max(state.step / most, state.seconds / (limits.max_seconds or math.inf)))
            for callback in callbacks:
                callback(state, {"residual": residual})
            return self._is_over(state, limits)

        self._solve(field, watch, state, limits)
        HeldOut.measure(state)
        out_of_time = limits.max_seconds is not None and state.seconds >= limits.max_seconds
        state.stopped_by = "max_seconds" if out_of_time else "steps" if self._is_over(state, limits) else "solved"
        state.progress, state.seconds = 1.0, time.monotonic() - start
        for callback in callbacks:
            callback.end(state)

    @staticmethod
    def _is_over(state: FitState, limits: Limits) -> bool:
        """Whether a limit is reached; levels that are finer than the one at which it was stay zero."""
        return state.step >= (limits.steps or math.inf) or state.seconds >= (limits.max_seconds or math.inf)

    def _solve(self, field: RefinedSpline, watch: Callable[[float], bool], state: FitState, limits: Limits) -> None:
        (scale,), (offset,) = field.value_scale, field.value_offset
        low = torch.tensor([bound[0] for bound in field.box.bounds], dtype=torch.float64)
        pitch = torch.tensor([e / n for e, n in zip(field.box.extent, field.shape, strict=True)], dtype=torch.float64)
        at = (self.surface - low) / pitch - 0.5  # in nodes of the finest level
        whole: Tensor | None = None
        for index in reversed(range(len(field.level_shapes))):
            shape, level = field.level_shapes[index], self.levels[index]
            whole = torch.zeros(*shape, 1) if whole is None else refine(whole, shape)
            if level is None or self._is_over(state, limits):
                field.nodes[index].zero_()
                continue
            system = _LevelSystem(shape, level.kept)
            points = at[: max(LEAST_POINTS, len(at) // 4**index)] / 2**index  # as many for each node near the surface
            found = system.solve(
                whole, (level.distances.float() - offset) / scale, points, -offset / scale, self.iterations, watch
            )
            field.nodes[index].copy_(found.half().float()[:, None])
            whole = whole + system.placed(field.nodes[index])


class _LevelSystem:
    """The free nodes of one level, as unknowns.

    Args:
        shape: nodes of the level.
        kept: its blocks that are free.
    """

    def __init__(self, shape: tuple[int, ...], kept: Tensor):
        self.shape, self.kept = shape, kept
        n = 8 * int(kept.sum())
        ids = torch.full((len(kept), 8, 1), n, dtype=torch.float64)
        ids[kept] = torch.arange(n, dtype=torch.float64).reshape(-1, 8, 1)
        places = unblocked(ids, shape)[..., 0].long()
        self.n = n
        self.real = torch.zeros(n + 1, dtype=torch.bool).index_fill_(0, places.flatten(), True)[:n]  # not beyond the level
        for axis, size in enumerate(shape):
            places = places.index_select(axis, mirrored(torch.arange(-MARGIN, size + MARGIN), size))
        self.places = places.to(torch.int32)
        inner = self.places[tuple(slice(MARGIN + 1, MARGIN + size - 1) for size in shape)]
        # at the mirror a node counts twice, which the sparse products leave out
        self.is_dense = math.prod(shape) <= DENSE or int((inner < n).sum()) < int(self.real.sum())
        self.neighbors = None if self.is_dense else self._neighbors()

    def placed(self, rows: Tensor) -> Tensor:
        """Rows of the free nodes [n, 1] on the whole level [*shape, 1], zeros elsewhere."""
        return placed(rows, self.kept, self.shape)

    def solve(
        self,
        whole: Tensor,
        distances: Tensor,
        surface: Tensor,
        zero: float,
        iterations: int,
        watch: Callable[[float], bool],
    ) -> Tensor:
        """What to add to the free nodes [n], given all nodes that the coarser levels make and what the values should be."""
        real = self.real.float()
        missed = (distances - taken(to_samples(whole), self.kept)[:, 0]) * real
        points, weights, made = self._rows(surface, whole)
        factor = float(real.sum()) / max(1, len(points))  # all points together weigh as much as the nodes
        flat = points.flatten()

        def back(rows: Tensor) -> Tensor:
            found = torch.zeros(self.n + 1).index_add_(0, flat, (rows[:, None] * weights).flatten())
            return found[: self.n] * factor

        def normal(nodes: Tensor) -> Tensor:
            seen = (self._at(nodes, flat).reshape(weights.shape) * weights).sum(dim=1)
            return (self._smooth_back(self._smooth(nodes) * real) + back(seen) + BENDING * self._bend(nodes)) * real

        diagonal = torch.zeros(self.n + 1).index_add_(0, flat, weights.square().flatten())[: self.n] * factor
        diagonal = diagonal + _center() + BENDING * 6 * len(STRAIGHT)
        solution = conjugate_gradients(
            normal,
            (self._smooth_back(missed) + back(zero - made)) * real,
            preconditioner=diagonal.reciprocal_().mul,
            max_iterations=iterations,
            tolerance=TOLERANCE,
            callback=lambda iteration, residual: watch(residual),
        )
        return solution.values

    def _neighbors(self) -> Int[Tensor, "n 27"]:
        """Which unknowns the values at each free node depend on."""
        dim = len(self.shape)
        inner = self.places[tuple(slice(MARGIN, MARGIN + size) for size in self.shape)]
        where = (inner < self.n).nonzero()
        order = inner[tuple(where.T)].long()
        strides = torch.tensor(self.places.stride())
        steps = torch.tensor(NEIGHBORS) @ strides
        base = (where + MARGIN) @ strides
        found = torch.full((self.n, 3**dim), self.n, dtype=torch.int32)
        found[order] = self.places.flatten()[base[:, None] + steps]
        return found

    def _rows(self, surface: Tensor, whole: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of the points that a free node reaches: the unknowns [m, 64], their weights, and what the coarser levels make there."""
        most = torch.tensor([float(size) for size in self.shape], dtype=torch.float64) - 1 - 1e-6
        at = surface.clamp_min(0).minimum(most.clamp_min(0))
        first = at.floor()
        along = cubic_weights((at - first).float())  # [points, 3, 4]
        weights = (along[:, 0, :, None, None] * along[:, 1, None, :, None] * along[:, 2, None, None, :]).reshape(-1, len(TAPS))
        strides = torch.tensor(self.places.stride())
        index = ((first.long() + MARGIN - 1) @ strides)[:, None] + torch.tensor(TAPS) @ strides
        points = self.places.flatten()[index]
        near = (points < self.n).any(dim=1)
        padded = whole[..., 0]
        for axis, size in enumerate(self.shape):
            padded = padded.index_select(axis, mirrored(torch.arange(-MARGIN, size + MARGIN), size))
        made = (padded.flatten()[index[near]] * weights[near]).sum(dim=1)
        return points[near], weights[near], made

    def _at(self, nodes: Tensor, index: Tensor) -> Tensor:
        return torch.cat([nodes, nodes.new_zeros(1)]).index_select(0, index)

    def _smooth(self, nodes: Tensor) -> Tensor:
        """The spline of the free nodes at them."""
        if self.neighbors is None:
            return taken(to_samples(self.placed(nodes[:, None])), self.kept)[:, 0]
        return self._at(nodes, self.neighbors.flatten()).reshape(self.neighbors.shape) @ _stencil()

    def _smooth_back(self, rows: Tensor) -> Tensor:
        """The transpose of `_smooth`, which away from the mirror is its own."""
        if self.neighbors is None:
            return taken(from_samples(self.placed(rows[:, None])), self.kept)[:, 0]
        return self._smooth(rows)

    def _bend(self, nodes: Tensor) -> Tensor:
        """Second differences along each axis, and their transpose."""
        if self.neighbors is None:
            whole = self.placed(nodes[:, None])
            bent = sum((_second_back(torch.diff(whole, n=2, dim=axis), axis) for axis in range(3)), torch.zeros_like(whole))
            return taken(bent, self.kept)[:, 0]
        result = torch.zeros_like(nodes)
        for before, after in STRAIGHT:
            pair = self.neighbors[:, [before, after]].flatten()
            bent = self._at(nodes, pair).reshape(-1, 2).sum(dim=1) - 2 * nodes
            result += self._at(bent, pair).reshape(-1, 2).sum(dim=1) - 2 * bent
        return result


def _second_back(bent: Tensor, axis: int) -> Tensor:
    """The transpose of second differences along an axis."""
    n = bent.shape[axis]
    found = bent.new_zeros(*bent.shape[:axis], n + 2, *bent.shape[axis + 1 :])
    for start, factor in ((0, 1.0), (1, -2.0), (2, 1.0)):
        found.narrow(axis, start, n).add_(bent, alpha=factor)
    return found


def _stencil() -> Tensor:
    """Weights of the 27 nodes around a node in its value."""
    return torch.tensor([math.prod((1 / 6, 4 / 6, 1 / 6)[step + 1] for step in steps) for steps in NEIGHBORS])


def _center() -> float:
    return float(_stencil().square().sum())
