"""A field that is its own samples: what a reconstruction on a grid solves for, made continuous."""

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.limits import check_count
from ungrid.errors import ShapeError
from ungrid.fields.base import Field
from ungrid.fields.cubic_convolution import N_TAPS, SMOOTHNESS, at_points, on_axes, places_on, span_of

MAX_SAMPLES = 2**31  # of all channels


class LatticeField(Field):
    """values = cubic convolution (keys1981cubic) of samples that are the parameters.

    The lattice has `shape` cell-centered samples in the box. On it, and on blocks of it, the values are the parameters
    themselves, to the bit, so a measurement that sees these samples is linear in the field's parameters, and as cheap as on an
    array. In between they are once continuously differentiable; beyond the outermost samples linear.

    Args:
        box: where the field lives.
        shape: samples along each axis.
        out_dim: channels.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: ShapeError: a shape of another number of axes. InputError: a size out of range.
    """

    paper = "keys1981cubic"

    def __init__(self, box: Box, shape: tuple[int, ...], out_dim: int):
        super().__init__()
        if len(shape) != box.dim:
            raise ShapeError(f"a lattice on axes {box.axes} needs that many sizes; got {tuple(shape)}")
        for n in shape:
            check_count("each entry of shape", n, 1, MAX_SAMPLES)
        check_count("out_dim", out_dim, 1, 2**16)
        check_count("the number of values", math.prod(shape) * out_dim, 1, MAX_SAMPLES)
        self.box, self.shape, self.out_dim = box, tuple(shape), out_dim
        self.samples = nn.Parameter(torch.zeros(*shape, out_dim))

    @classmethod
    def of(cls, box: Box, samples: Float[Tensor, "*shape c"]) -> "LatticeField":
        """The field of given samples, which are copied."""
        field = cls(box, tuple(samples.shape[:-1]), samples.shape[-1]).to(samples.dtype)
        with torch.no_grad():
            field.samples.copy_(samples)
        return field

    @property
    def lattice(self) -> Grid:
        """Where the samples lie."""
        return Grid(self.box, self.shape)

    @property
    def smoothness(self) -> float:
        """1, of cubic convolution."""
        return SMOOTHNESS

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return at_points(self.samples, (coords + 1) * (coords.new_tensor(self.shape) / 2) - 0.5)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid of the same axes; the samples themselves on the lattice and blocks of it."""
        positions = places_on(self.lattice, grid)
        spans = [span_of(along, n) for along, n in zip(positions, self.shape, strict=True)]
        seen = self.samples[tuple(slice(first, end) for first, end in spans)]
        return on_axes(seen, [along - first for along, (first, _) in zip(positions, spans, strict=True)])

    def width_sum(self) -> int:
        """Floats that one point needs: the samples around it, their rows and weights."""
        corners: int = N_TAPS**self.box.dim
        return corners * (self.out_dim + 2)
