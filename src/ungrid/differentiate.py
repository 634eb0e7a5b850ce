"""Exact derivatives of any field, by automatic differentiation, in the units of its box.

A field's value at a point depends on that point alone, so one backward pass gives a derivative at all points at once.
Results can be differentiated again wherever gradients are enabled; under `torch.no_grad()` they are detached and the
graph is freed. Where a field is not smooth (ReLU, linear interpolation) these are the derivatives between its kinks.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import ShapeError
from ungrid.shapes import Coords, FieldLike, Values


def gradient(field: FieldLike, coords: Coords) -> Float[Tensor, "*batch c d"]:
    """First derivatives of each channel along each axis, ∂value_c / ∂coord_d, per unit of the box.

    One forward and c backward passes. The same numbers as `jacobian`, under the name that fits scalar channels.
    """
    return jacobian(field, coords)


def jacobian(field: FieldLike, coords: Coords) -> Float[Tensor, "*batch c d"]:
    """The matrix ∂value_c / ∂coord_d at each point, per unit of the box. One forward and c backward passes."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        points, values = _evaluate(field, coords)
        rows = [_slope(values[..., c], points, again) for c in range(values.shape[-1])]
        return _finish(torch.stack(rows, dim=-2), again)


def divergence(field: FieldLike, coords: Coords) -> Float[Tensor, "*batch 1"]:
    """Σ_i ∂value_i / ∂coord_i of a vector field with as many channels as axes, per unit of the box.

    Raises:
        ShapeError: the field does not have one channel per axis.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        points, values = _evaluate(field, coords)
        _check_vector(values, points, "divergence")
        parts = [_slope(values[..., i], points, again)[..., i] for i in range(points.shape[-1])]
        return _finish(torch.stack(parts, dim=-1).sum(dim=-1, keepdim=True), again)


def curl(field: FieldLike, coords: Coords) -> Float[Tensor, "*batch r"]:
    """Rotation of a vector field, per unit of the box.

    On axes (x, y, z): (∂v_z/∂y − ∂v_y/∂z, ∂v_x/∂z − ∂v_z/∂x, ∂v_y/∂x − ∂v_x/∂y). On two axes, the scalar
    ∂v_1/∂coord_0 − ∂v_0/∂coord_1. Channels follow the axes' order; for axes in the order (z, y, x), which is
    left-handed, the sign is opposite to the curl in (x, y, z).

    Shape: coords [*, 3] → [*, 3]; coords [*, 2] → [*, 1].

    Raises:
        ShapeError: the field is not a vector field on two or three axes.
    """
    slopes = jacobian(field, coords)
    channels, axes = slopes.shape[-2:]
    if channels != axes or axes not in (2, 3):
        raise ShapeError(f"curl needs a field of 2 or 3 axes with one channel per axis; got {axes} axes, {channels} channels")
    pairs = [(0, 1)] if axes == 2 else [(1, 2), (2, 0), (0, 1)]
    return torch.stack([slopes[..., j, i] - slopes[..., i, j] for i, j in pairs], dim=-1)


def laplacian(field: FieldLike, coords: Coords) -> Values:
    """Sum of second derivatives of each channel, Σ_i ∂²value_c / ∂coord_i², per squared unit of the box.

    Exact, 1 + d backward passes per channel. Zero almost everywhere for a ReLU network or a linear grid, which
    therefore cannot be fitted to Laplacians: use a smooth one.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        points, values = _evaluate(field, coords)
        sums = []
        for c in range(values.shape[-1]):
            slope = _slope(values[..., c], points, True)
            seconds = [_slope(slope[..., i], points, again)[..., i] for i in range(points.shape[-1])]
            sums.append(torch.stack(seconds).sum(dim=0))
        return _finish(torch.stack(sums, dim=-1), again)


def hessian(field: FieldLike, coords: Coords) -> Float[Tensor, "*batch c d d"]:
    """All second derivatives of each channel, ∂²value_c / ∂coord_i ∂coord_j, per squared unit of the box.

    1 + d backward passes per channel. Symmetric where the second derivatives are continuous.
    """
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        points, values = _evaluate(field, coords)
        matrices = []
        for c in range(values.shape[-1]):
            slope = _slope(values[..., c], points, True)
            matrices.append(torch.stack([_slope(slope[..., i], points, again) for i in range(points.shape[-1])], dim=-2))
        return _finish(torch.stack(matrices, dim=-3), again)


def _evaluate(field: FieldLike, coords: Tensor) -> tuple[Tensor, Tensor]:
    """Points that carry gradients, and the field's values there. The caller's tensor is left as it is."""
    if hasattr(field, "as_coords"):  # a `Field` takes lists and arrays, too, and says what is wrong with a tensor
        coords = field.as_coords(coords)
    points = coords if coords.requires_grad else coords.detach().requires_grad_(True)
    return points, field(points)


def _slope(values: Tensor, points: Tensor, again: bool) -> Tensor:
    """∂values/∂points [*, d], zero where the values do not depend on the points."""
    if not values.requires_grad:
        return torch.zeros_like(points)
    (slope,) = torch.autograd.grad(
        values.sum(), points, create_graph=again, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return slope


def _finish(result: Tensor, again: bool) -> Tensor:
    return result if again else result.detach()


def _check_vector(values: Tensor, points: Tensor, what: str) -> None:
    if values.shape[-1] != points.shape[-1]:
        raise ShapeError(
            f"{what} needs a field with one channel per axis; got {points.shape[-1]} axes and {values.shape[-1]} channels"
        )
