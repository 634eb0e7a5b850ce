"""`solve`: from what a linear sensor measured to the field that it saw."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.fields.lattice import LatticeField
from ungrid.fields.record import Record
from ungrid.fit.callbacks import Callback
from ungrid.fit.convex_solver import Convex, relative_residual
from ungrid.fit.problem import Problem
from ungrid.fit.strength import Strength, by_heldout, by_noise
from ungrid.measurements.linear import LinearMeasurement, LinearOperator, OnGrid
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.smoothness import AtLeast, TotalVariation
from ungrid.verbs import fit


def solve(
    measurements: Any,
    operator: LinearOperator,
    box: Box | Grid | None = None,
    *,
    shape: Sequence[int] | None = None,
    noise: float | None = None,
    strength: float | None = None,
    least: float | None = None,
    weight: Any = 1.0,
    steps: int | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback] | None = None,
) -> LatticeField:
    """The field whose samples on a grid an operator saw: least squares with total variation, solved as the convex problem it is.

    Minimizes ½ mean weight · |A x − measurements|² + strength · mean |∇x| over the samples x of a `LatticeField`.

    Args:
        measurements: what was seen, of the shape that `operator.A` gives; real or complex; a tensor or an array.
        operator: an object with `A(values [*shape, c])` and `A_adjoint`, on tensors, linear and each other's adjoint; one of
            `ungrid.measurements`, or your own.
        box: where the field lives, or a grid in it; None for an operator that has a grid.
        shape: samples along each axis, with a box.
        noise: standard deviation of a measured number (after its weight: of √weight · number). Total variation is then as strong
            as the noise allows. None where it is not known: then a tenth of the measurements is kept out to find the strength.
        strength: of total variation, in units of the values; 0 for none; None to find it.
        least: no value is below it; None for no bound.
        weight: of each measured number, 1 / variance at best; one number or a tensor that broadcasts.
        steps: iterations at most.
        device: "auto", "cpu" or "cuda". The field comes back on the CPU.
        callbacks: objects that watch; None for a progress bar where standard error is a terminal.

    Returns:
        the field, with `metrics["quality"]["residual"]`, ‖A x − y‖ / ‖y‖, and in its record the strength and how it was found.

    Raises:
        InputError, ShapeError: operator, grid and measurements that do not go together, or numbers out of range.
    """
    measured = torch.as_tensor(measurements)
    sensor = _on_grid(operator, box, shape)
    _check(measured, noise, strength, least)
    weights = weight if isinstance(weight, float | int) else torch.as_tensor(weight)
    values = _adjoint(sensor, measured)
    field = LatticeField(sensor.grid.box, sensor.grid.shape, values.shape[-1]).to(values.dtype)
    misfit = LinearMisfit(sensor, measured, weight=weights)
    bounds = () if least is None else (AtLeast(sensor.grid, least),)
    found = _strength_of(misfit, bounds, values, noise) if strength is None else None
    if found is not None:
        with torch.no_grad():
            field.samples.copy_(found.values)
    strength = found.factor if found is not None else strength or 0.0
    smooth = (TotalVariation(sensor.grid, strength),) if strength > 0 else ()
    problem = Problem((misfit, *smooth, *bounds))
    field.record = Record("image" if field.box.dim == 2 else "volume", sensor.grid.shape, _channels(field.out_dim))
    solved = fit(field, problem, steps=steps, device=device, callbacks=callbacks)
    assert isinstance(solved, LatticeField)
    return _described(solved, problem, strength, found, noise)


def _strength_of(misfit: LinearMisfit, bounds: tuple[AtLeast, ...], values: Tensor, noise: float | None) -> Strength:
    """Of total variation: by the noise where it is known, else by measurements that are kept out."""
    problem = Convex((misfit,), (TotalVariation(misfit.measurement.grid, 1.0), *bounds))
    start = torch.zeros_like(values)
    return by_heldout(problem, start=start) if noise is None else by_noise(problem, noise, start=start)


def _on_grid(operator: LinearOperator, box: Box | Grid | None, shape: Sequence[int] | None) -> LinearMeasurement:
    if isinstance(operator, LinearMeasurement):
        if box is not None and (box if isinstance(box, Grid) else Grid(box, operator.grid.shape)) != operator.grid:
            raise InputError("this operator has a grid of its own; leave box and shape out, or give it another grid")
        return operator
    if isinstance(box, Grid):
        return OnGrid(operator, box)
    if box is None or shape is None:
        raise InputError("an operator of your own needs a box and a shape: solve(measurements, operator, box, shape=(64, 64))")
    return OnGrid(operator, Grid(box, tuple(shape)))


def _check(measured: Tensor, noise: float | None, strength: float | None, least: float | None) -> None:
    if not (measured.is_floating_point() or measured.is_complex()) or not measured.numel():
        raise InputError(
            f"measurements hold {measured.dtype} of shape {tuple(measured.shape)}; expected floats or complex numbers"
        )
    if not bool(torch.isfinite(torch.view_as_real(measured) if measured.is_complex() else measured).all()):
        raise InputError("some measurements are NaN or infinite; leave them out of the operator, or give them a weight of 0")
    for name, value in (("noise", noise), ("strength", strength)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name} is {value}; expected a number of at least 0")
    if least is not None and not math.isfinite(least):
        raise InputError(f"least is {least}; expected a finite number")


def _adjoint(sensor: LinearMeasurement, measured: Tensor) -> Tensor:
    """The adjoint of what was measured, which also says how many channels there are."""
    values = sensor.A_adjoint(measured)
    if values.ndim != len(sensor.grid.shape) + 1 or values.shape[:-1] != sensor.grid.shape:
        raise ShapeError(f"A_adjoint gave a shape of {tuple(values.shape)}; expected {(*sensor.grid.shape, 'c')}")
    seen = sensor.A(values)
    if seen.shape != measured.shape:
        raise ShapeError(f"A gives a shape of {tuple(seen.shape)}, and measurements have {tuple(measured.shape)}")
    return values


def _channels(n: int) -> tuple[str, ...]:
    return ("value",) if n == 1 else tuple(f"c{k}" for k in range(n))


def _described(
    field: LatticeField, problem: Problem, strength: float, found: Strength | None, noise: float | None
) -> LatticeField:
    """The field with its residual and what was chosen in its record."""
    assert field.record is not None
    how = "given" if found is None else "held-out measurements" if noise is None else "the noise"
    quality = {"residual": relative_residual(problem, field)}
    found_by = {"strength": strength, "strength_by": how, "tried": [] if found is None else found.tried}
    field.record = replace(field.record, metrics={"quality": quality}, fit=field.record.fit | found_by)
    return field
