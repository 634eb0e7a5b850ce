"""Thick slices made a volume: by a candidate, or by the one that tells best what was hidden from it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.lattice import LatticeField
from ungrid.fit.convex import admm
from ungrid.fit.convex_solver import Convex
from ungrid.measurements.linear import LinearMeasurement, Stack
from ungrid.measurements.noise_level import gaussian_level
from ungrid.measurements.slices import SliceFootprint
from ungrid.restoration.candidates import CLASSICAL, FIELD, Estimate
from ungrid.restoration.choose import AUTO, KINDS
from ungrid.restoration.oriented_field import oriented_field
from ungrid.restoration.oriented_field import papers as oriented_papers
from ungrid.restoration.slice_losses import Scan, ThickSlices, through
from ungrid.restoration.undone import Undone
from ungrid.signals.base import Signal
from ungrid.spec import lookup
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.smoothness import TotalVariation

WEAK, STRONG = 1e-3, 1e-2  # λ of total variation against ½ Σ |A x − y|², for values of a range of 1
ITERATIONS, INNER, TOLERANCE = 60, 10, 3e-4
TRIED, TRIED_SLICES = 64, 16  # pixels along each axis, and slices, that candidates are judged on, in the middle
LEAST_SIDE = 8  # of a slice, to see its noise in
LEAST_THICK = 4  # that the pixels of a slice must make where they are averaged
SQUARE = 1.5  # times the pitch along one axis, up to which that along another makes a plane to look for edges in


class SliceCandidate(NamedTuple):
    """One way from slices to a volume: its name for a person, its kind, what it serves, and the function."""

    said: str
    kind: Literal["field", "classical"]
    serves: Callable[[Scan], bool]
    restore: Callable[[Scan], Estimate]


def restore_slices(signal: Signal, losses: Sequence[ThickSlices], method: str = AUTO) -> Undone:
    """A volume with finer slices, whose means over the thick ones are what was seen.

    "auto" hides something: of one stack it averages the pixels of slices along an axis of theirs, as the slices are averages
    across, and asks for the pixels that there were (zhao2021smore); of several stacks it leaves the last one out and asks for
    it. It takes the candidate that tells it best.

    Args:
        signal: a volume.
        losses: one `ThickSlices`.
        method: "auto", "field", "classical", where those of a kind are judged, or a name in `SLICE_CANDIDATES`.

    Raises:
        UnknownName: no such method.
        InputError: slices that are none, several losses, or a candidate that is not for them.
    """
    lookup(method, dict.fromkeys([*KINDS, *SLICE_CANDIDATES]), "method of restoring")
    if len(losses) > 1:
        raise InputError(f"{len(losses)} losses of thick slices; expected one, with the other stacks in it")
    (loss,) = losses
    scan = loss.scan(signal)
    serving = [name for name, candidate in SLICE_CANDIDATES.items() if candidate.serves(scan)]
    wanted = (CLASSICAL, FIELD) if method == AUTO else KINDS.get(method, ())
    names = [name for name in serving if SLICE_CANDIDATES[name].kind in wanted] if method in KINDS else [method]
    if not set(names) <= set(serving):
        raise InputError(
            f"{method} is for one stack, and for slices as far apart as pixels; take one of {', '.join([*KINDS, *serving])}"
        )
    heldout = _judged(scan, signal, loss, names) if len(names) > 1 else {}
    best = max(heldout, key=lambda name: heldout[name]) if heldout else names[0]
    start = time.monotonic()
    found = SLICE_CANDIDATES[best].restore(scan)
    said = SLICE_CANDIDATES[best].said
    how = "best of what was hidden to judge by" if heldout else "nothing could be hidden to judge by" if len(names) > 1 else ""
    return Undone(
        found.values,
        scan.grid,
        loss.describe(signal, scan.grid),
        f"{said} ({how})" if how else said,
        {best: 1.0},
        [name for name in serving if SLICE_CANDIDATES[name].kind == CLASSICAL],
        found.stopped_by,
        found.papers,
        {name: round(decibels, 3) for name, decibels in heldout.items()},
        {best: round(time.monotonic() - start, 3)},
    )


def _total_variation(strength: float) -> Callable[[Scan], Estimate]:
    def restore(scan: Scan) -> Estimate:
        values, reason = smooth_volume(scan, strength)
        return Estimate(values, reason, ("rudin1992nonlinear", "boyd2011admm"))

    return restore


@torch.no_grad()
def smooth_volume(scan: Scan, strength: float) -> tuple[Float[Tensor, "*shape c"], str]:
    """The volume of least total variation that the stacks allow, by ADMM, and what ended the search.

    Args:
        scan: the stacks.
        strength: λ against ½ Σ |A x − y|², for values of a range of 1.
    """
    sensor: LinearMeasurement = scan.sensors[0]
    measured = scan.seen[0] / scan.span
    if not scan.is_single:
        sensor = Stack(scan.sensors, [tuple(seen.shape) for seen in scan.seen])
        measured = torch.cat([seen.flatten() for seen in scan.seen]) / scan.span
    term = TotalVariation(scan.grid, 1.0)
    problem = Convex((LinearMisfit(sensor, measured),), (term,))
    start = interpolated(scan, _cubic) / scan.span
    solution = admm(
        problem.normal,
        problem.right_side(),
        [(term, strength)],
        start,
        max_iterations=ITERATIONS,
        inner_iterations=INNER,
        tolerance=TOLERANCE,
    )
    return solution.values * scan.span, "iterations" if solution.iterations == ITERATIONS else "converged"


def _oriented(scan: Scan) -> Estimate:
    """The mean of two fields with an oriented prior, one of the planes along either axis of the slices, each plane by itself."""
    start, reason = smooth_volume(scan, WEAK)
    axis = scan.sensors[0].axis
    others = [at for at in range(3) if at != axis]
    pitch = scan.grid.spacing
    square = [k for k in (0, 1) if max(pitch[axis], pitch[others[k]]) <= SQUARE * min(pitch[axis], pitch[others[k]])]
    seen, smooth = (values.movedim(axis, 0) for values in (scan.seen[0], start))
    total = torch.zeros_like(smooth)
    for along in square:
        sensor, across = _plane_sensor(scan.sensors[0], others[along]), 2 - along
        for at in range(seen.shape[across]):
            plane = oriented_field(seen.select(across, at), sensor, 0.0, smooth.select(across, at))
            total.select(across, at).add_(plane / len(square))
    return Estimate(total.movedim(0, axis), f"{reason}, rounds", (*oriented_papers, "rudin1992nonlinear", "boyd2011admm"))


def _plane_sensor(sensor: SliceFootprint, along: int) -> SliceFootprint:
    """The sensor of a plane through the slices and along one axis of theirs, the axis through them first."""
    axes = (sensor.axis, along)

    def plane(grid: Grid) -> Grid:
        box = Box(("y", "x"), (grid.box.bounds[axes[0]], grid.box.bounds[axes[1]]), ("mm", "mm"))
        return Grid(box, (grid.shape[axes[0]], grid.shape[axes[1]]))

    return SliceFootprint(plane(sensor.grid), plane(sensor.stack), 0, sensor.thickness, sensor.profile)


Interpolate = Callable[[Tensor, Grid, Grid], Tensor]


def interpolated(scan: Scan, interpolate: Interpolate) -> Float[Tensor, "*shape c"]:
    """The stacks at the samples of the volume, their mean where there are several."""
    total = torch.zeros(())
    for sensor, seen in zip(scan.sensors, scan.seen, strict=True):
        total = total + interpolate(seen, sensor.stack, scan.grid)
    return total / len(scan.seen)


def _cubic(values: Tensor, stack: Grid, grid: Grid) -> Tensor:
    """By cubic convolution."""
    return LatticeField.of(stack.box, values).on(grid).detach()


def _linear(values: Tensor, stack: Grid, grid: Grid) -> Tensor:
    """By lines along one axis after the other; beyond the outermost samples their value."""
    for axis in range(3):
        low, _ = stack.box.bounds[axis]
        place = (grid.axis_coords(axis, dtype=torch.float64) - low) / stack.spacing[axis] - 0.5
        place = place.clamp(0, stack.shape[axis] - 1)
        first = place.floor().long().clamp_max(max(0, stack.shape[axis] - 2))
        second = (first + 1).clamp_max(stack.shape[axis] - 1)
        share = (place - first).to(values).reshape([-1 if at == axis else 1 for at in range(4)])
        values = torch.lerp(values.index_select(axis, first), values.index_select(axis, second), share)
    return values


def _nearest(values: Tensor, stack: Grid, grid: Grid) -> Tensor:
    """The voxel that each sample lies in."""
    for axis in range(3):
        place = (grid.axis_coords(axis, dtype=torch.float64) - stack.box.bounds[axis][0]) / stack.spacing[axis]
        values = values.index_select(axis, place.floor().long().clamp(0, stack.shape[axis] - 1))
    return values


def _interpolation(interpolate: Interpolate, *papers: str) -> Callable[[Scan], Estimate]:
    return lambda scan: Estimate(interpolated(scan, interpolate), "interpolation", papers)


def _any(scan: Scan) -> bool:
    return True


def _has_planes(scan: Scan) -> bool:
    """Whether there is one stack, and a plane through its slices in the result with pixels that are about square."""
    pitch, axis = scan.grid.spacing, scan.sensors[0].axis
    return scan.is_single and any(
        max(pitch[axis], each) <= SQUARE * min(pitch[axis], each) for at, each in enumerate(pitch) if at != axis
    )


# the first is taken where nothing can be hidden to judge them by
SLICE_CANDIDATES: Mapping[str, SliceCandidate] = {
    "oriented_slices": SliceCandidate(
        "fields with an oriented prior, of planes through the slices", FIELD, _has_planes, _oriented
    ),
    "smooth_slices": SliceCandidate("total variation", CLASSICAL, _any, _total_variation(WEAK)),
    "smoother_slices": SliceCandidate("strong total variation", CLASSICAL, _any, _total_variation(STRONG)),
    "cubic_slices": SliceCandidate("cubic convolution", CLASSICAL, _any, _interpolation(_cubic, "keys1981cubic")),
    "linear_slices": SliceCandidate("linear interpolation", CLASSICAL, _any, _interpolation(_linear)),
    "nearest_slices": SliceCandidate("the nearest slice", CLASSICAL, _any, _interpolation(_nearest)),
}


def _judged(scan: Scan, signal: Signal, loss: ThickSlices, names: Sequence[str]) -> dict[str, float]:
    """PSNR in dB of what was hidden from each candidate; none where too little would be left."""
    trial = _turned(signal, loss) if scan.is_single else _without_last(scan)
    if trial is None:
        return {}
    hidden, sensor, truth = trial
    heldout = {}
    for name in names:
        if SLICE_CANDIDATES[name].serves(hidden):
            found = SLICE_CANDIDATES[name].restore(hidden).values
            error = float(((found if sensor is None else sensor.A(found)) - truth).double().square().mean())
            heldout[name] = 10 * math.log10(scan.span**2 / max(error, 1e-300))
    return heldout


def _turned(signal: Signal, loss: ThickSlices) -> tuple[Scan, Any, Tensor] | None:
    """The pixels in the middle of some slices averaged along one of their own axes as the slices are across, and those pixels.

    Averages have less noise than the slices, which are averages already; what is missing is drawn.
    """
    axis, distance = through(signal, "the volume")
    along = max((at for at in range(3) if at != axis), key=lambda at: signal.grid.shape[at])
    factor = max(2, round(distance / signal.grid.spacing[along]))
    n_thick = min(TRIED, signal.grid.shape[along]) // factor
    if n_thick < LEAST_THICK:
        return None
    most = {axis: TRIED_SLICES, along: n_thick * factor}
    parts = tuple(_middle(n, most.get(at, TRIED)) for at, n in enumerate(signal.grid.shape))
    truth, grid = signal.values[parts], signal.grid.part(parts)
    thick = Grid(grid.box, tuple(n_thick if at == along else n for at, n in enumerate(grid.shape)))
    sensor = SliceFootprint(grid, thick, along, distance if loss.thickness is None else loss.thickness, loss.profile)
    seen, plane = sensor.A(truth), truth.select(axis, truth.shape[axis] // 2)
    noise = gaussian_level(plane) if min(plane.shape[:2]) >= LEAST_SIDE else 0.0
    missing = noise * math.sqrt(1 - 1 / factor) * torch.randn(seen.shape, generator=torch.Generator().manual_seed(0))
    return Scan(grid, [sensor], [seen + missing.to(seen)]), None, truth


def _middle(n: int, most: int) -> slice:
    first = max(0, (n - most) // 2)
    return slice(first, min(n, first + most))


def _without_last(scan: Scan) -> tuple[Scan, SliceFootprint, Tensor]:
    """All stacks but the last, and that one."""
    return Scan(scan.grid, scan.sensors[:-1], scan.seen[:-1]), scan.sensors[-1], scan.seen[-1]
