"""What the voxels of a stack of thick slices gather: means over boxes, or through the slice over a bell, of a finer volume."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.measurements.linear import LinearMeasurement

PROFILES = ("box", "gaussian")
HALF_WIDTHS = 2 * math.sqrt(2 * math.log(2))  # full width at half maximum of a Gaussian, in standard deviations


class SliceFootprint(LinearMeasurement):
    """Voxels of a stack on its grid, seen of a volume on a finer grid of the same world: along each axis a weighted mean.

    Along an axis on which both have the same cells nothing is done. Weights that reach beyond the volume are left out, and the
    rest counts as the whole.

    Args:
        grid: of the volume.
        stack: of the slices; its axes run along those of the volume.
        axis: through the slices.
        thickness: of a slice, in the units of that axis.
        profile: "box", or "gaussian", whose full width at half maximum the thickness then is.

    Shape: values [*grid.shape, c] → [*stack.shape, c].
    Raises: InputError: another number of axes, a profile that is none, slices that see nothing of the volume.
    """

    def __init__(self, grid: Grid, stack: Grid, axis: int, thickness: float, profile: str = "box"):
        if grid.box.dim != stack.box.dim or not 0 <= axis < grid.box.dim or profile not in PROFILES:
            raise InputError(f"a stack on axes {stack.box.axes} with a profile {profile!r}; expected {grid.box.axes}, {PROFILES}")
        self.grid, self.stack, self.axis, self.thickness, self.profile = grid, stack, axis, thickness, profile
        self._weights = [
            _weights(grid, stack, at, thickness if at == axis else None, profile if at == axis else "box")
            for at in range(grid.box.dim)
        ]

    def A(self, values: Float[Tensor, "*shape c"], /) -> Float[Tensor, "*slices c"]:
        """The voxels of a volume."""
        for at, weights in enumerate(self._weights):
            values = values if weights is None else _along(weights.to(values), values, at)
        return values

    def A_adjoint(self, seen: Float[Tensor, "*slices c"], /) -> Float[Tensor, "*shape c"]:
        """Each voxel spread over what it saw."""
        for at, weights in enumerate(self._weights):
            seen = seen if weights is None else _along(weights.T.to(seen), seen, at)
        return seen


def _along(weights: Tensor, values: Tensor, axis: int) -> Tensor:
    """Σ over one axis."""
    summed: Tensor = torch.tensordot(weights, values, dims=([1], [axis])).movedim(0, axis)
    return summed


def _weights(grid: Grid, stack: Grid, axis: int, thickness: float | None, profile: str) -> Tensor | None:
    """[voxels of the stack, cells of the volume] along an axis, rows of sum 1; None where the cells are the same."""
    width = stack.spacing[axis] if thickness is None else thickness
    same = stack.shape[axis] == grid.shape[axis] and all(
        abs(a - b) < 1e-6 * grid.spacing[axis] for a, b in zip(stack.box.bounds[axis], grid.box.bounds[axis], strict=True)
    )
    if same and thickness is None:
        return None
    low, high = grid.box.bounds[axis]
    edges = torch.linspace(low, high, grid.shape[axis] + 1, dtype=torch.float64)
    from_center = edges - stack.axis_coords(axis, dtype=torch.float64)[:, None]
    if profile == "gaussian":
        below = torch.special.ndtr(from_center * (HALF_WIDTHS / width))
    else:
        below = (from_center / width + 0.5).clamp(0, 1)
    weights: Tensor = below.diff(dim=1)
    seen = weights.sum(dim=1, keepdim=True)
    if bool((seen < 1e-3).any()):
        at = stack.box.axes[axis]
        raise InputError(
            f"voxels of a stack at {at} = {stack.box.bounds[axis]} lie outside of the volume, {grid.box.bounds[axis]}"
        )
    return weights / seen
