"""One picture from several shots of a scene: aligned, and measured together on a finer lattice."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.lattice import LatticeField
from ungrid.fit.convex import admm
from ungrid.fit.convex_solver import Convex
from ungrid.measurements.linear import Stack
from ungrid.measurements.noise import LEVELS
from ungrid.measurements.noise_level import gaussian_level
from ungrid.measurements.shifted import ShiftedFootprint
from ungrid.restoration.registration import Shift, find_shift
from ungrid.restoration.registration import papers as registration_papers
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.smoothness import TotalVariation

METHODS = {
    "auto": "total variation of all shots together",
    "classical": "total variation of all shots together",
    "joint_total_variation": "total variation of all shots together",
    "shift_and_average": "mean of the shots, shifted back by cubic convolution",
}
CLASSICAL = ("joint_total_variation", "shift_and_average")  # by their own names
AVERAGES = "shift_and_average"
LEAST, PER_NOISE = 1e-3, 0.2  # λ against ½ Σ |A x − y|²: at least, and for each unit of the noise; chosen on kodim05 and kodim12
ROUNDS = 3  # of picture and noise in turn, where the noise is not said
ITERATIONS, INNER, TOLERANCE = 60, 10, 3e-4
FAINT = 1e-6  # weight of a shot's border beyond it, which counts only where no shot looks
UNTRUSTED = 2.0  # times the noise, of what a shot leaves unexplained
LEAST_NOISE = 2 / LEVELS  # in that comparison


@dataclass(frozen=True, eq=False)
class Joined:
    """What came of several shots.

    Args:
        values: [y, x, c] of the scene where the first shot shows it.
        shifts: of each shot in its pixels; the first is (0, 0).
        deviation: of the noise, as it was said or estimated.
        residuals: root mean square of what is left unexplained of each shot.
        notes: shots that are not to be trusted, in words.
        seconds: of wall time.
        stopped_by: what ended the search.
    """

    values: Float[Tensor, "y x c"]
    shifts: tuple[Shift, ...]
    deviation: float
    residuals: tuple[float, ...]
    notes: list[str]
    seconds: float
    stopped_by: str
    papers: tuple[str, ...] = (*registration_papers, "rudin1992nonlinear", "boyd2011admm")


class Lattice(NamedTuple):
    """Of the scene: its grid, pixels that it reaches beyond the first shot, and the part that this one shows."""

    grid: Grid
    margin: int
    inside: tuple[slice, slice]
    factor: int

    @classmethod
    def around(cls, shifts: Sequence[Shift], shape: tuple[int, int], factor: int) -> "Lattice":
        """One that reaches as far as all shots do."""
        margin = math.ceil(max(abs(by) for shift in shifts for by in shift[:2]))
        box = Box(("y", "x"), tuple((-float(margin), float(n + margin)) for n in shape), ("px", "px"))
        grid = Grid(box, tuple(factor * (n + 2 * margin) for n in shape))
        y, x = (slice(factor * margin, factor * (margin + n)) for n in shape)
        return cls(grid, margin, (y, x), factor)

    def sensor(self, shape: tuple[int, ...], down: float, across: float) -> ShiftedFootprint:
        """Of a shot with a shift."""
        corner = (self.factor * (self.margin + down), self.factor * (self.margin + across))
        return ShiftedFootprint(self.grid, (shape[0], shape[1]), self.factor, corner)


@torch.no_grad()
def join_shots(
    shots: Sequence[Float[Tensor, "h w c"]], factor: int, *, method: str = "auto", deviation: float | None = None
) -> Joined:
    """The scene of least total variation of which every pixel of every shot is the mean over its area.

    Shots are aligned to the first one. How strong total variation is follows from the noise: what is said, or else, three times
    in turn with the scene, what the last scene leaves unexplained, and at most what `gaussian_level` sees in the shots.

    Args:
        shots: two or more, of one size and exposure; the first says where the result lies.
        factor: samples of the scene along each side of a pixel.
        method: a name in `METHODS`.
        deviation: of the noise of a pixel; None to estimate it.

    Raises:
        InputError: a method for one picture; shots too small, of different sizes, or of different things.
    """
    check_shots(shots, method)
    began, planes = time.monotonic(), [shot.mean(dim=-1).cpu() for shot in shots]
    others = [find_shift(planes[0], plane, name=f"shot {k}") for k, plane in enumerate(planes[1:], 2)]
    shifts = [Shift(0.0, 0.0), *others]
    lattice = Lattice.around(shifts, (shots[0].shape[0], shots[0].shape[1]), factor)
    levels = [gaussian_level(shot) if deviation is None else deviation for shot in shots]
    noise, values, reason = deviation or 0.0, averaged(shots, shifts, lattice.grid), "converged"
    for _ in range(ROUNDS if deviation is None else 1):
        values, reason = _smooth(shots, shifts, lattice, values, LEAST + PER_NOISE * noise)
        residuals = _residuals(shots, shifts, lattice, values)
        if deviation is None:
            noise = math.hypot(*(min(pair) for pair in zip(residuals, levels, strict=True))) / math.sqrt(len(shots))
    if method == AVERAGES:
        values, reason = averaged(shots, shifts, lattice.grid), "interpolation"
    notes = _untrusted(residuals, levels)
    seconds = round(time.monotonic() - began, 3)
    return Joined(values[lattice.inside], tuple(shifts), noise, tuple(residuals), notes, seconds, reason)


def check_shots(shots: Sequence[Float[Tensor, "h w c"]], method: str = "auto") -> None:
    """Raise InputError for fewer than two shots, shots of different sizes or channels, or a method for one picture."""
    if len(shots) < 2:
        raise InputError(f"expected two or more shots of a scene; got {len(shots)}: restore a single picture without shots")
    for k, shot in enumerate(shots[1:], 2):
        if shot.shape != shots[0].shape:
            size, first = ("×".join(map(str, each.shape)) for each in (shot, shots[0]))
            raise InputError(f"shot {k} has {size} values, the first {first} (rows, columns, channels); they must be equal")
    if method not in METHODS:
        raise InputError(f"{method} is for one picture; shots are joined by {', '.join(METHODS)}")


def averaged(shots: Sequence[Float[Tensor, "h w c"]], shifts: Sequence[Shift], grid: Grid) -> Float[Tensor, "y x c"]:
    """At each sample of a grid, in pixels of the first shot, the mean of the shots that look there, by cubic convolution."""
    height, width = shots[0].shape[:2]
    box = Box(("y", "x"), ((0.0, float(height)), (0.0, float(width))), ("px", "px"))
    total, weights, points = torch.zeros(()), torch.zeros(()), grid.points().to(shots[0])
    for shot, shift in zip(shots, shifts, strict=True):
        at = points - points.new_tensor(shift[:2])
        near = torch.minimum(at.clamp_min(0), at.new_tensor((height, width)))
        weight = (near == at).all(dim=-1, keepdim=True).to(shot) + FAINT
        total = total + weight * LatticeField.of(box, shot).to(shot.device)(near).detach().to(shot)
        weights = weights + weight
    return total / weights


def _smooth(
    shots: Sequence[Tensor], shifts: Sequence[Shift], lattice: Lattice, start: Tensor, strength: float
) -> tuple[Tensor, str]:
    """The scene of least total variation, and what ended the search."""
    sensor = Stack(
        [lattice.sensor(shot.shape, *shift[:2]) for shot, shift in zip(shots, shifts, strict=True)],
        [tuple(shot.shape) for shot in shots],
    )
    term = TotalVariation(lattice.grid, 1.0)
    problem = Convex((LinearMisfit(sensor, torch.cat([shot.flatten() for shot in shots])),), (term,))
    found = admm(
        problem.normal,
        problem.right_side(),
        [(term, strength)],
        start,
        max_iterations=ITERATIONS,
        inner_iterations=INNER,
        tolerance=TOLERANCE,
    )
    return found.values, "iterations" if found.iterations == ITERATIONS else "converged"


def _residuals(shots: Sequence[Tensor], shifts: Sequence[Shift], lattice: Lattice, values: Tensor) -> list[float]:
    pairs = zip(shots, shifts, strict=True)
    return [float((lattice.sensor(shot.shape, *at[:2]).A(values) - shot).square().mean().sqrt()) for shot, at in pairs]


def _untrusted(residuals: Sequence[float], levels: Sequence[float]) -> list[str]:
    """A line that names the shots which the picture does not explain; none where there are none."""
    excess = [left / max(level, LEAST_NOISE) for left, level in zip(residuals, levels, strict=True)]
    bad = [k for k, times in enumerate(excess) if times > UNTRUSTED]
    if not bad:
        return []
    worst = max(bad, key=lambda k: excess[k])
    names, levels_off = ", ".join(str(k + 1) for k in bad), residuals[worst] * LEVELS
    said = f"shots {names} differ from the picture, number {worst + 1} by {levels_off:.1f} levels of {LEVELS:g}"
    why = "something moved or turned, or the exposure differs; leave that one out"
    return [f"{said}, {excess[worst]:.1f} times its noise: {why}"]
