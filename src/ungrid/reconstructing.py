"""`tomography`: from line integrals to the slice or volume that gave them."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.scanners import Geometry, Scanner
from ungrid.errors import InputError, ShapeError
from ungrid.fields.lattice import LatticeField
from ungrid.fit.callbacks import Callback
from ungrid.fit.convex_solver import Convex, relative_residual
from ungrid.fit.problem import Problem
from ungrid.fit.strength import EARNED, Strength, by_views
from ungrid.measurements.line_integrals import LineIntegral
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.smoothness import AtLeast, TotalVariation
from ungrid.verbs import fit, progress_bars

FINER = 2  # samples of the field along a side of a pixel
FINEST = 2**21  # samples of the finer lattice of a volume, at most: 64³ voxels; it takes eight times the memory and time
EARNED_ON_VOXELS = 0.85  # see `by_views`: voxels cannot follow edges, and a weak prior lets that error into the volume
FINE_SHARE = 0.5  # of the pixels' strength: on the finer lattice the prior has fewer stairs of the grid to smooth
COARSE_STEPS, FINE_STEPS = 100, 100
LEAST_COUNT = 1.0  # photons that a detector pixel is taken to have seen at least
MOST_SIZE = 2**14
HELD, HELD_MEASURED = 32, 12  # arrays of the fine lattice and of the measurements, at most at a time


@dataclass(frozen=True)
class Scan:
    """What was measured, and where.

    Args:
        measured: [views, columns, 1] or [views, rows, columns, 1].
        weights: of each number, 1 / variance or 1.
        scanner: whose rays they are.
        pixels: the grid of the picture or volume.
    """

    measured: Tensor
    weights: Tensor
    scanner: Scanner
    pixels: Grid

    def problem(self, finer: int, strength: float) -> Problem:
        """What a lattice so many times as fine as the pixels should meet: ½ weighted squared error + strength · variation."""
        grid = Grid(self.pixels.box, tuple(finer * n for n in self.pixels.shape))
        misfit = LinearMisfit(LineIntegral(grid, self.scanner), self.measured, weight=self.weights)
        return Problem((misfit, TotalVariation(grid, strength), AtLeast(grid)))


def tomography(
    sinogram: Any,
    angles: Any,
    *,
    geometry: Geometry | str = "parallel",
    size: int | None = None,
    pixel: float = 1.0,
    unit: str = "px",
    photons: float | None = None,
    strength: float | None = None,
    callbacks: Sequence[Callback] | None = None,
) -> LatticeField:
    """The field that has given line integrals: non-negative, of least total variation, on a lattice twice as fine as the pixels.

    Solved on the pixels first, where the strength of total variation is found, then from there on the finer lattice, on which
    edges do not have to run along the pixels' sides.

    Args:
        sinogram: line integrals [angle, column], of a cone beam [angle, row, column]: −log(counts / photons) where counts were
            measured.
        angles: of each view in radians, rotating as scikit-image's `radon` does.
        geometry: the scanner, or "parallel" for a parallel beam with detector pixels of length 1.
        size: pixels along y and x of the picture; None for what the detector sees. A volume has as many along z as keep the
            detector's proportions.
        pixel: side of a pixel, in the unit of the geometry's lengths.
        unit: of these lengths; the values are per unit.
        photons: that leave the source toward a detector pixel; each number then weighs as much as its counts are sure. None for
            equal weights.
        strength: of total variation as in `solve`, on the pixels; None to find it by views that are kept out.
        callbacks: objects that watch; None for a progress bar where standard error is a terminal.

    Returns:
        the field on y, x (and z), of `metrics["quality"]["residual"]`, ‖A x − y‖ / ‖y‖; its record has the strength.

    Raises:
        InputError, ShapeError: angles that do not match, numbers that are not finite or out of range.
    """
    watchers = progress_bars() if callbacks is None else list(callbacks)
    scan = scan_of(sinogram, angles, geometry, size=size, pixel=pixel, unit=unit, photons=photons)
    return reconstruct(scan, strength=strength, callbacks=watchers)


def reconstruct(
    scan: Scan, *, strength: float | None = None, finer: int | None = None, callbacks: Sequence[Callback] = ()
) -> LatticeField:
    """The field of a scan, see `tomography`, on a lattice so many times as fine as the pixels; None for `finer_of` them."""
    begun = time.monotonic()
    if strength is not None and not (math.isfinite(strength) and strength >= 0):
        raise InputError(f"strength is {strength}; expected a number of at least 0")
    coarse = LatticeField(scan.pixels.box, scan.pixels.shape, 1)
    dim, finer = len(scan.pixels.shape), finer_of(scan.pixels) if finer is None else finer
    found: Strength | None = None
    if strength is None:
        earned = EARNED_ON_VOXELS if dim == 3 and finer == 1 else EARNED
        found = by_views(_convex(scan), start=torch.zeros_like(coarse.samples.detach()), earned=earned)
        strength = found.factor
        with torch.no_grad():
            coarse.samples.copy_(found.values)
    problem = scan.problem(1, strength)
    field = _fitted(coarse, problem, COARSE_STEPS, callbacks)
    if finer > 1:
        with torch.no_grad():
            field = LatticeField.of(scan.pixels.box, field.on(Grid(scan.pixels.box, tuple(finer * n for n in scan.pixels.shape))))
        problem = scan.problem(finer, FINE_SHARE * strength * finer ** (dim - 1))
        field = _fitted(field, problem, FINE_STEPS, callbacks)
    assert field.record is not None
    field.record = replace(field.record, kind="image" if dim == 2 else "volume", shape=scan.pixels.shape, channels=("value",))
    return _described(field, problem, strength, found, time.monotonic() - begun)


def finer_of(pixels: Grid) -> int:
    """How many times as fine as the pixels a field's lattice is: twice, but for large volumes."""
    return FINER if len(pixels.shape) == 2 or pixels.size * FINER**3 <= FINEST else 1


def scan_of(
    sinogram: Any,
    angles: Any,
    geometry: Geometry | str,
    *,
    size: int | None = None,
    pixel: float = 1.0,
    unit: str = "px",
    photons: float | None = None,
) -> Scan:
    """Check what was given, as `tomography` takes it, and place the picture's pixels around the axis of rotation.

    The axis is the center of pixel N // 2 along y and x, y = x = (N // 2 + 0.5) pixels; a center that is given moves it as it
    moves on the detector.
    """
    geometry = Geometry(geometry) if isinstance(geometry, str) else geometry
    measured, turned = torch.as_tensor(sinogram), torch.as_tensor(angles)
    _check_measured(measured, turned, geometry)
    if not (math.isfinite(pixel) and pixel > 0):
        raise InputError(f"pixel is {pixel}; expected a positive length")
    if photons is not None and not (math.isfinite(photons) and photons > 0):
        raise InputError(f"photons is {photons}; expected a number above 0")
    radians = turned.double().tolist()
    magnification = geometry.of(radians, measured.shape[1:], (0.0, 0.0)).magnification
    sees = [n * geometry.spacing / magnification / pixel for n in measured.shape[1:]]  # detector, in pixels at the axis
    if size is None:
        size = max(1, round(sees[-1]))
    if not 1 <= size <= MOST_SIZE:
        raise InputError(f"size is {size}; expected 1 to {MOST_SIZE} pixels")
    moved = 0.0 if geometry.center is None else geometry.center - (measured.shape[-1] // 2 + 0.5)
    axis = (size // 2 + 0.5) * pixel + moved * geometry.spacing / magnification
    slices = [] if geometry.n_axes == 2 else [max(1, round(size * sees[0] / sees[1]))]
    shape = (*slices, size, size)
    box = Box(("z", "y", "x")[-len(shape) :], tuple((0.0, n * pixel) for n in shape), (unit,) * len(shape))
    scanner = geometry.of(radians, measured.shape[1:], (axis, axis), shape[0] * pixel / 2)
    measured = measured.float()[..., None]
    weights = torch.ones(()) if photons is None else (photons * torch.exp(-measured)).clamp_min(LEAST_COUNT)
    return Scan(measured, weights, scanner, Grid(box, shape))


def pixels_of(field: LatticeField) -> Tensor:
    """The means of a reconstructed field over the pixels it was asked for [y, x] or [z, y, x]."""
    assert field.record is not None
    pixels = field.samples.detach()[..., 0]
    for axis, n in enumerate(field.record.shape):
        pixels = pixels.unflatten(axis, (n, -1)).mean(dim=axis + 1)
    return pixels


def to_hounsfield(field: LatticeField, water: float, air: float) -> None:
    """Turn a field's values into Hounsfield units, −1000 where it has the value of air and 0 where that of water."""
    with torch.no_grad():
        field.samples.sub_(water).mul_(1000 / (water - air))
    assert field.record is not None
    field.record = replace(field.record, source=field.record.source | {"value_unit": "HU", "water": water, "air": air})


def check_memory(scan: Scan, most: int | None) -> None:
    """Raise InputError where a reconstruction takes more than so many bytes.

    A solver holds some twenty arrays of the fine lattice and a few of the measurements.
    """
    fine = scan.pixels.size * finer_of(scan.pixels) ** len(scan.pixels.shape)
    needed = 4 * (HELD * fine + HELD_MEASURED * scan.measured.numel())
    if most is not None and needed > most:
        raise InputError(
            f"{'×'.join(map(str, scan.pixels.shape))} pixels take about {needed / 1e6:,.0f} MB; "
            f"allow more with --max-memory, or ask for a smaller --size"
        )


def _check_measured(measured: Tensor, angles: Tensor, geometry: Geometry) -> None:
    wanted = "[angle, row, column]" if geometry.n_axes == 3 else "[angle, column]"
    if measured.is_complex() or measured.dtype == torch.bool or measured.ndim != geometry.n_axes or not measured.numel():
        raise ShapeError(
            f"the sinogram holds {measured.dtype} of shape {tuple(measured.shape)}; "
            f"geometry {geometry.beam} expects numbers {wanted}"
        )
    if angles.ndim != 1 or angles.is_complex() or len(angles) != len(measured):
        hint = "; its axes seem to be swapped" if len(angles.shape) == 1 and len(angles) in measured.shape[1:] else ""
        raise ShapeError(
            f"there are {tuple(angles.shape)} angles for a sinogram of {len(measured)} views{hint}; expected one each"
        )
    for name, numbers in (("sinogram", measured), ("angles", angles)):
        if not bool(torch.isfinite(numbers.double() if numbers.is_floating_point() else numbers).all()):
            raise InputError(
                f"the {name} hold NaN or infinite numbers; a detector pixel without a count has no logarithm: mend it first"
            )


def _convex(scan: Scan) -> Convex:
    misfit, *penalties = scan.problem(1, 1.0).terms
    return Convex((misfit,), tuple(penalties))


def _fitted(field: LatticeField, problem: Problem, steps: int, callbacks: Sequence[Callback]) -> LatticeField:
    solved = fit(field, problem, steps=steps, device="cpu", callbacks=callbacks)
    assert isinstance(solved, LatticeField)
    return solved


def _described(field: LatticeField, problem: Problem, strength: float, found: Strength | None, seconds: float) -> LatticeField:
    assert field.record is not None
    about = {
        "strength": strength,
        "strength_by": "given" if found is None else "views that were kept out",
        "tried": [] if found is None else found.tried,
        "total_seconds": seconds,
    }
    field.record = replace(
        field.record, metrics={"quality": {"residual": relative_residual(problem, field)}}, fit=field.record.fit | about
    )
    return field
