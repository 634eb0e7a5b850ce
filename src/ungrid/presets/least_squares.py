"""The least-squares spline of a whole volume, and how much of it is enough: which blocks of nodes a refined spline keeps.

On each level the spline nearest to the volume is found by one small matrix an axis, in seconds; what a level adds to the next
coarser is orthogonal to that. So the energy of a block of nodes tells what is lost without it, and those that lose most for
their number are kept. On the finest level nothing is left over: all blocks together pass through every sample.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.encodings.bit_packing import packed_size
from ungrid.fields.refined_spline import RefinedSpline
from ungrid.fields.refinement import (
    Shape,
    along_axes,
    block_shape,
    block_size,
    blocked,
    level_bases,
    level_shapes,
    level_weights,
    refine,
    taken,
)

RIDGE = 1e-12  # decides where a level has more nodes than there are samples
ROUNDING = 1.6e-4  # of a weight, root mean square, where it is stored as float16


class Layers(NamedTuple):
    """A volume as a sum over levels of a spline, the finest first.

    Args:
        nodes: of each level [*nodes, c], for values in units of their scale.
        energies: of each level's blocks [blocks]: squares over all samples and channels that are lost without a block.
        shape: samples along each axis.
    """

    nodes: list[Tensor]
    energies: list[Tensor]
    shape: Shape

    @property
    def least(self) -> int:
        """Blocks of the coarsest level, all of which are kept."""
        return len(self.energies[-1])


class Kept(NamedTuple):
    """Which blocks of each level are kept, and the squares over all samples and channels that are expected to be missed."""

    blocks: list[Tensor]
    missed: float


@torch.no_grad()
def layers(values: Float[Tensor, "*shape c"]) -> Layers:
    """Take the values apart into what each level adds."""
    shape = tuple(values.shape[:-1])
    shapes, weights = level_shapes(shape), level_weights(shape)
    nodes, energies = [], []
    for bases in level_bases(shape):
        solvers = [torch.linalg.solve(basis.T @ basis + RIDGE * torch.eye(basis.shape[1]), basis.T) for basis in bases]
        nodes.append(along_axes(values, solvers))
    for level, weight in enumerate(weights):
        if level + 1 < len(shapes):
            nodes[level] -= refine(nodes[level + 1], shapes[level])
        energies.append(blocked(nodes[level]).square_().sum(dim=(1, 2)).mul_(weight))
    return Layers(nodes, energies, shape)


def keep_blocks(found: Layers, most_params: float, allowed: float = 0.0) -> Kept:
    """The blocks whose energies are largest, until they are enough or there is no room for more.

    Args:
        found: the levels.
        most_params: parameters, at most, where a byte of what says which blocks are kept counts as half a one.
        allowed: squares that may be missed.
    """
    size = block_size(len(found.shape)) * found.nodes[0].shape[-1]
    bits = sum(packed_size(math.prod(block_shape(nodes)), 1) for nodes in level_shapes(found.shape))
    room = max(0, int((most_params - bits / 2) // size) - found.least)
    *fine, coarsest = found.energies
    flat = torch.cat(fine) if fine else coarsest.new_zeros(0)
    energies, order = flat.sort(descending=True)
    left = energies.double().flip(0).cumsum(0).flip(0)  # without this block and all that have less
    n = min(room, int((left > allowed).sum()))
    kept = torch.zeros(len(flat), dtype=torch.bool).index_fill_(0, order[:n], True)
    blocks = [*kept.split([len(each) for each in fine]), torch.ones(len(coarsest), dtype=torch.bool)]
    return Kept(blocks, float(left[n]) if n < len(left) else 0.0)


@torch.no_grad()
def refined_spline(
    box: Box,
    found: Layers,
    blocks: list[Bool[Tensor, "_"]],
    *,
    value_scale: tuple[float, ...],
    value_offset: tuple[float, ...],
) -> RefinedSpline:
    """The field that keeps these blocks of a volume.

    Args:
        box: where the volume lives.
        found: its levels.
        blocks: which of each are kept.
        value_scale, value_offset: the values that the levels were found for, times the scale, plus the offset, are the volume's.
    """
    counts = tuple(int(kept.sum()) for kept in blocks)
    channels = found.nodes[0].shape[-1]
    field = RefinedSpline(box, channels, found.shape, counts, value_scale=value_scale, value_offset=value_offset)
    field.keep(blocks)
    for rows, nodes, kept in zip(field.nodes, found.nodes, blocks, strict=True):
        rows.copy_(taken(nodes, kept))
    return field


def rounding_energy(found: Layers, blocks: list[Bool[Tensor, "_"]]) -> float:
    """Squares over all samples and channels that storing the nodes as float16 is expected to add."""
    kept = zip(found.energies, blocks, strict=True)
    return ROUNDING**2 * sum(float(energies[which].sum(dtype=torch.float64)) for energies, which in kept)
