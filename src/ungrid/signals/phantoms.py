"""Pictures given by formulas: truth for tests, at any size."""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.signals.base import Signal
from ungrid.signals.image import picture_signal

Formula = Callable[[Tensor], Tensor]  # normalized coords [*, 2] as (y, x) in [-1, 1] → gray values [*]

# intensity, half-axes along x and y, center x and y, rotation in degrees: Toft's variant of Shepp and Logan's head
ELLIPSES = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)
# half-axis along z and center z of the ellipsoids of which these are the middle section
DEPTHS = (
    (0.81, 0.0),
    (0.78, 0.0),
    (0.22, 0.0),
    (0.28, 0.0),
    (0.41, -0.15),
    (0.05, 0.25),
    (0.05, 0.25),
    (0.05, 0.0),
    (0.02, 0.0),
    (0.02, 0.0),
)


def shepp_logan(size: int, *, supersample: int = 4) -> Signal:
    """The modified Shepp–Logan head, size × size, each pixel the mean of supersample² points; values in [0, 1]."""
    return draw(head, size, supersample=supersample)


def siemens_star(size: int, *, spokes: int = 16) -> Signal:
    """A smooth star, ½ + ½ cos(spokes · angle) within the unit disc: frequencies grow without bound to the middle."""
    return draw(lambda at: star(at, spokes), size)


def zone_plate(size: int, *, cycles: float = 0.25) -> Signal:
    """½ + ½ cos(k r²): the local frequency grows from 0 in the middle to `cycles` per pixel at the edges' middles."""
    return draw(lambda at: 0.5 + 0.5 * torch.cos(math.pi / 2 * cycles * size * at.square().sum(dim=-1)), size)


def checkerboard(size: int, *, squares: int = 8) -> Signal:
    """Black and white squares, `squares` along each axis."""
    return draw(lambda at: ((at + 1) * (squares / 2)).floor().clamp_max(squares - 1).sum(dim=-1) % 2, size)


def draw(formula: Formula, size: int, *, supersample: int = 1) -> Signal:
    """A gray picture of a formula, size × size; each pixel the mean of supersample² points of its square."""
    n = size * supersample
    axis = (2 * torch.arange(n, dtype=torch.float64) + 1) / n - 1
    points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)
    values = formula(points).unflatten(0, (size, supersample)).unflatten(2, (size, supersample)).mean(dim=(1, 3))
    return picture_signal(values.float()[..., None], {"bit_depth": 32, "sample_format": "uint", "transfer": "srgb"}, {})


def head(coords: Float[Tensor, "*batch 2"], ellipses: Sequence[Sequence[float]] = ELLIPSES) -> Float[Tensor, "*batch"]:
    """The modified Shepp–Logan head, or one of other ellipses, at normalized (y, x), y downward; values clipped to [0, 1]."""
    y, x = -coords[..., 0], coords[..., 1]
    values = torch.zeros_like(x)
    for intensity, a, b, x0, y0, degrees in ellipses:
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        u, v = (x - x0) * c + (y - y0) * s, (y - y0) * c - (x - x0) * s
        values = values + intensity * ((u / a).square() + (v / b).square() <= 1)
    return values.clamp(0, 1)


def star(coords: Float[Tensor, "*batch 2"], spokes: int) -> Float[Tensor, "*batch"]:
    """½ + ½ cos(spokes · angle) within the unit disc, ½ outside."""
    angle = torch.atan2(coords[..., 0], coords[..., 1])
    inside = coords.square().sum(dim=-1) <= 1
    return torch.where(inside, 0.5 + 0.5 * torch.cos(spokes * angle), 0.5)
