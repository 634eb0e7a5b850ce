"""CoordConv: a convolution that sees where it is."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.networks.convolutional import check_kernels, convolve
from ungrid.networks.initialize import check_sizes


class CoordConv(nn.Module):
    """Convolution of the features and of each sample's coordinates: kernel ∗ [h, i, j, r] + shift.

    A convolution gives the same at every place, so it can hardly learn a map from coordinates to pixels or back; with the
    coordinates among its features it may depend on the place as much as it learns to. A layer to build networks of.

    Args:
        n_axes: of the grid, 1 to 3.
        in_dim: length of the features that come, 1 to 65536.
        out_dim: length of those that go.
        kernel_size: samples across the kernel, odd, 1 to 15.
        with_radius: whether the distance from the middle is a further feature.
        seed: of the initial kernel.

    Shape: features [*, *shape, in_dim] → [*, *shape, out_dim].
    Raises: InputError: a size out of range, or features of another shape.
    Differs from the paper: kernels start as N(0, 2 / fan_in), which the authors' code cuts at two standard deviations.
    """

    paper: ClassVar[str | None] = "liu2018coordconv"

    def __init__(self, n_axes: int, in_dim: int, out_dim: int, *, kernel_size: int = 1, with_radius: bool = False, seed: int = 0):
        super().__init__()
        check_sizes(in_dim, out_dim, 1, 0)
        check_kernels(n_axes, kernel_size, ("full",))
        self.n_axes, self.in_dim, self.out_dim = n_axes, in_dim, out_dim
        self.kernel_size, self.with_radius, self.seed = kernel_size, with_radius, seed
        rng = torch.Generator().manual_seed(seed)
        fan_in = in_dim + n_axes + with_radius
        kernel = torch.randn((out_dim, fan_in, *(kernel_size,) * n_axes), generator=rng)
        self.kernel = nn.Parameter(kernel.mul_(math.sqrt(2 / (fan_in * kernel_size**n_axes))))
        self.shift = nn.Parameter(torch.zeros(out_dim))

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        if features.ndim <= self.n_axes or features.shape[-1] != self.in_dim:
            raise InputError(
                f"features of shape {tuple(features.shape)}; expected {self.n_axes} axes, then {self.in_dim} features"
            )
        leading, shape = features.shape[: -1 - self.n_axes], features.shape[-1 - self.n_axes : -1]
        where = coordinate_features(shape, with_radius=self.with_radius, like=features)
        joined = torch.cat([features, where.expand(*leading, *where.shape)], dim=-1)
        values = convolve(joined.reshape(-1, *joined.shape[len(leading) :]).movedim(-1, 1), self.kernel, self.shift)
        return values.movedim(1, -1).reshape(*leading, *shape, self.out_dim)


def coordinate_features(
    shape: tuple[int, ...], *, with_radius: bool = False, like: Tensor | None = None
) -> Float[Tensor, "*shape features"]:
    """Coordinates of each sample of a grid, and on demand their distance from the middle.

    The outermost samples lie at -1 and 1, as the authors have it (and not at cell centers, as elsewhere here).

    Args:
        shape: samples along each axis; an axis of one sample lies at 0.
        with_radius: whether the distance √(i² + j²) is the last feature.
        like: a tensor whose dtype and device to take, or None for torch's defaults.
    """
    axes = [torch.linspace(-1, 1, n, dtype=torch.float64) if n > 1 else torch.zeros(1, dtype=torch.float64) for n in shape]
    where = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    where = where.to(torch.get_default_dtype() if like is None else like)
    return torch.cat([where, where.norm(dim=-1, keepdim=True)], dim=-1) if with_radius else where
