"""Equations of physics as residuals for `Equation`: functions of (field, coords) that are 0 where the equation holds.

Derivatives are per unit of the box. Where there is time, it is the axis "t". A wave number, speed or diffusivity is a number, a
function of coords [n, d] → [n, 1], or the name of an unknown of a `WithUnknowns` field, which is found with the solution.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.differentiate import gradient, hessian, jacobian, laplacian
from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.shapes import FieldLike

Residual = Callable[[FieldLike, Tensor], Tensor]
Function = Callable[[Tensor], Tensor]
Coefficient = float | str | Function
TIME = "t"


def poisson(source: Function | float = 0.0) -> Residual:
    """Δu = source.

    Args:
        source: coords [n, d] → [n, c], or a number; 0 is Laplace's equation.
    """

    def residual(field: FieldLike, coords: Tensor) -> Float[Tensor, "n c"]:
        found: Tensor = laplacian(field, coords) - _of(source, field, coords)
        return found

    return residual


def heat(axes: Sequence[str], diffusivity: Coefficient = 1.0) -> Residual:
    """∂u/∂t = diffusivity · Δu.

    Args:
        axes: of the box, one of them "t".
        diffusivity: in the box's units, such as mm²/s.
    """
    time, space = _time_and_space(axes)

    def residual(field: FieldLike, coords: Tensor) -> Float[Tensor, "n c"]:
        slopes, curvatures = gradient(field, coords), hessian(field, coords)
        found: Tensor = slopes[..., time] - _of(diffusivity, field, coords) * _trace(curvatures, space)
        return found

    return residual


def wave(axes: Sequence[str], speed: Coefficient = 1.0) -> Residual:
    """∂²u/∂t² = speed² · Δu.

    Args:
        axes: of the box, one of them "t".
        speed: in the box's units.
    """
    time, space = _time_and_space(axes)

    def residual(field: FieldLike, coords: Tensor) -> Float[Tensor, "n c"]:
        curvatures = hessian(field, coords)
        found: Tensor = curvatures[..., time, time] - _of(speed, field, coords) ** 2 * _trace(curvatures, space)
        return found

    return residual


def eikonal(speed: Coefficient = 1.0) -> Residual:
    """|∇u|² · speed² = 1: u is the time at which a front arrives, or at speed 1 a distance.

    Args:
        speed: of the front, in the box's units.
    """

    def residual(field: FieldLike, coords: Tensor) -> Float[Tensor, "n c"]:
        found: Tensor = gradient(field, coords).square().sum(dim=-1) * _of(speed, field, coords) ** 2 - 1.0
        return found

    return residual


def helmholtz(wavenumber: Coefficient, source: Function | float = 0.0, *, layer: "AbsorbingLayer | None" = None) -> Residual:
    """Δu + wavenumber² · u = source for a complex u, whose real and imaginary part are the field's two channels.

    Args:
        wavenumber: 2π / wavelength, per unit of the box.
        source: coords [n, d] → [n, 2], or a number.
        layer: along the box's faces, in which waves that go out die away without coming back; None for none.
    """

    def residual(field: FieldLike, coords: Tensor) -> Float[Tensor, "n 2"]:
        spread = laplacian(field, coords) if layer is None else layer.spread(field, coords)
        found: Tensor = spread + _of(wavenumber, field, coords) ** 2 * field(coords) - _of(source, field, coords)
        return found

    return residual


class AbsorbingLayer:
    """A perfectly matched layer along all faces of a box: coordinates that become complex, so that waves die away
    (berenger1994pml).

    ∂ᵢ becomes (1 / sᵢ) ∂ᵢ with sᵢ = 1 + i · strength · (depth / width)², where depth is how far a point lies in the layer.

    Args:
        box: its faces.
        width: of the layer along each axis, in the box's units.
        strength: a0; the SIREN paper has 5.
    """

    paper = "berenger1994pml"

    def __init__(self, box: Box, width: float, strength: float = 5.0):
        if not 0 < width < min(box.extent) / 2:
            raise InputError(f"the layer is {width} wide; expected more than 0 and less than half of the box, {box.extent}")
        self.box, self.width, self.strength = box, width, strength

    def inverse_stretch(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n d 2"]:
        """Real and imaginary part of 1 / sᵢ."""
        depths = []
        for axis, (low, high) in enumerate(self.box.bounds):
            place = coords[:, axis]
            depths.append((torch.maximum(low + self.width - place, place - high + self.width) / self.width).clamp_min(0.0))
        imaginary = self.strength * torch.stack(depths, dim=-1).square()
        size = 1 + imaginary.square()
        return torch.stack([1 / size, -imaginary / size], dim=-1)

    def spread(self, field: FieldLike, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n 2"]:
        """Σᵢ (1 / sᵢ) ∂ᵢ ((1 / sᵢ) ∂ᵢ u)."""
        factors = self.inverse_stretch(coords)
        total = torch.zeros_like(coords[:, :2])
        for axis in range(coords.shape[-1]):

            def flux(places: Tensor, axis: int = axis) -> Tensor:
                return _times(self.inverse_stretch(places)[:, axis], jacobian(field, places)[..., axis])

            total = total + _times(factors[:, axis], jacobian(flux, coords)[..., axis])
        return total


def _times(first: Tensor, second: Tensor) -> Tensor:
    """Product of complex numbers given as [..., 2]."""
    product: Tensor = torch.view_as_real(torch.view_as_complex(first.contiguous()) * torch.view_as_complex(second.contiguous()))
    return product


def _of(coefficient: Any, field: Any, coords: Tensor) -> Any:
    """A number, a function at the coords, or the field's unknown of that name."""
    if isinstance(coefficient, str):
        return field.unknown(coefficient)
    return coefficient(coords) if callable(coefficient) else coefficient


def _trace(curvatures: Tensor, space: Sequence[int]) -> Tensor:
    return torch.stack([curvatures[..., axis, axis] for axis in space]).sum(dim=0)


def _time_and_space(axes: Sequence[str]) -> tuple[int, list[int]]:
    if TIME not in axes or len(axes) < 2:
        raise InputError(f'the box has the axes {tuple(axes)}; an equation in time needs an axis "t" and one of space at least')
    return axes.index(TIME), [k for k, axis in enumerate(axes) if axis != TIME]
