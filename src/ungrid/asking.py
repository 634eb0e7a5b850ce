"""The public function that asks a field for values and derivatives at places, in chunks."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ungrid.differentiate import gradient, hessian, jacobian, laplacian
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.uncertain import UncertainField
from ungrid.spec import lookup

DERIVATIVES: dict[str, Callable[[Field, Tensor], Tensor]] = {
    "gradient": gradient,
    "jacobian": jacobian,
    "laplacian": laplacian,
    "hessian": hessian,
}


def query(
    field: Field, coords: Any, *, derivative: str | None = None, deviation: bool = False, max_memory: int | None = None
) -> Tensor:
    """Values [n, c] of a field at coords [n, d], or a derivative there, evaluated in chunks without gradients.

    Args:
        field: what is asked.
        coords: [n, d] in the units of the box; converted to the field's dtype.
        derivative: "gradient" or "jacobian" [n, c, d], "laplacian" [n, c], "hessian" [n, c, d, d]; None for values.
        deviation: ask for standard deviations [n, c] instead, of a field fitted with uncertainty.
        max_memory: bytes that this may take beyond the result.

    Raises:
        InputError: deviations of a field that has none, or of derivatives.
    """
    if deviation and (derivative is not None or not isinstance(field, UncertainField)):
        why = "those of derivatives are not known" if derivative is not None else "fit it with --uncertainty, or ug.uncertainty"
        raise InputError(f"this field has no standard deviations to give: {why}")
    ask = field if derivative is None else _derivative_of(field, derivative)
    ask = field.deviation if deviation and isinstance(field, UncertainField) else ask
    plain = derivative is None and not deviation
    points = torch.as_tensor(coords, dtype=torch.float64 if plain else field.coords_dtype).to(next(field.parameters()).device)
    size = field.chunk_points(max_memory) if plain else max(1, field.chunk_points(max_memory) // 8)
    with torch.no_grad():
        # numbers, not a tensor: a field of many tiles makes use of all their digits
        return torch.cat([ask(part.cpu().numpy() if plain else part) for part in points.split(size)]).cpu()


def _derivative_of(field: Field, name: str) -> Callable[[Tensor], Tensor]:
    derivative = lookup(name, DERIVATIVES, "derivative")
    return lambda coords: derivative(field, coords)
