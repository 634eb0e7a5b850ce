"""The convolutional field: a network that sees a whole grid, and cubic convolution between its samples."""

import copy
import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.base import Encoding
from ungrid.encodings.limits import check_count
from ungrid.errors import InputError
from ungrid.fields.base import CACHE_POINTS, Field
from ungrid.fields.cubic_convolution import N_TAPS, SMOOTHNESS, Span, at_points, on_axes, places_on, span_of
from ungrid.networks.convolutional import ConvolutionalNetwork

MAX_SAMPLES = 2**26  # of the own grid: a file of few bytes may ask for any
MOST_POINTS = 2**18  # a chunk: the margins of larger ones save little more


class ConvolutionalField(Field):
    """values = scale · network(encoding of the own grid's coordinates) + offset at its samples, cubic convolution in between.

    The own grid has `shape` samples in the box. The network sees its tensor of coordinates, so neighbors share what they
    learn; with `Identity` as the encoding this is Conv-INR. It is one function of the coordinates, whatever grid is asked
    for: on the own grid or a block of it the network's values themselves, elsewhere interpolated (once continuously
    differentiable, linear beyond the outermost samples). So a finer rendering adds no detail. The same encoding and network
    in a field of another `shape` are another function: a kernel then spans another part of the box.

    `on(grid)` evaluates the samples that the grid needs, with the network's reach around them, so that chunks agree with the
    whole. A call with coords evaluates the whole own grid, for few points as for many. In training mode,
    batch norm's statistics are always those of the own grid under the current weights; when it is left, with `eval()`, they
    are kept, so values stay as they were. A new field has left it.

    Args:
        box: where the field lives, of 1 to 3 axes.
        shape: samples along each axis, 2 to 2²⁶ in all; those of the signal.
        encoding: coords → features: `Identity`, `FourierFeatures`, or a coarse `DenseGrid` which is so upsampled.
        network: features of a grid → raw values.
        value_scale: factor of each channel, or one for all.
        value_offset: added to each channel, or one for all.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: parts whose sizes do not fit together, or a shape out of range.
    Differs from the paper: it says nothing that we could read of values between the samples; the rule is ours.
    """

    paper = "cai2024convinr"

    def __init__(
        self,
        box: Box,
        shape: tuple[int, ...],
        encoding: Encoding,
        network: ConvolutionalNetwork,
        value_scale: tuple[float, ...] = (1.0,),
        value_offset: tuple[float, ...] = (0.0,),
    ):
        super().__init__()
        sizes = (encoding.in_dim, network.n_axes, len(shape), network.in_dim)
        if sizes != (box.dim, box.dim, box.dim, encoding.out_dim):
            raise InputError(
                f"parts do not fit: box of {box.dim} axes, shape of {len(shape)}, encoding {encoding.in_dim} → "
                f"{encoding.out_dim}, network of {network.n_axes} axes {network.in_dim} → {network.out_dim}"
            )
        for n in shape:
            check_count("each entry of shape", n, 1, MAX_SAMPLES)
        check_count("the number of samples", math.prod(shape), 2, MAX_SAMPLES)
        for name, given in (("value_scale", value_scale), ("value_offset", value_offset)):
            if len(given) not in (1, network.out_dim):
                raise InputError(f"{name} has {len(given)} entries; expected 1 or {network.out_dim}, one per channel")
        self.box, self.shape, self.encoding, self.network = box, tuple(shape), encoding, network
        self.value_scale, self.value_offset = tuple(value_scale), tuple(value_offset)
        self.out_dim = network.out_dim
        self.eval()

    @property
    def smoothness(self) -> float:
        """1: cubic convolution is once continuously differentiable, whatever network gives the samples."""
        return SMOOTHNESS

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords, from all samples."""
        positions = (coords + 1) * (coords.new_tensor(self.shape) / 2) - 0.5
        return at_points(self._samples([(0, n) for n in self.shape]), positions)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid, of the same axes; the network's own on the own grid and blocks of it."""
        positions = places_on(Grid(self.box, self.shape), grid)
        spans = [span_of(along, n) for along, n in zip(positions, self.shape, strict=True)]
        samples = self._samples(spans)
        return on_axes(samples, [along - first for along, (first, _) in zip(positions, spans, strict=True)])

    def fold(self) -> "ConvolutionalField":
        """A copy with one convolution for each layer, without branches and batch norms: smaller, faster, the same values.

        It is still a field that can be fitted, but not the same way. Its recipe and record are this field's.
        """
        settled = copy.deepcopy(self).eval()
        network = settled.network.folded()
        folded = ConvolutionalField(self.box, self.shape, settled.encoding, network, self.value_scale, self.value_offset)
        folded.recipe, folded.record = settled.recipe, settled.record
        return folded

    def train(self, mode: bool = True) -> "ConvolutionalField":
        """Enter or leave training mode; when it is left, batch norm's statistics become those of the own grid, and stay."""
        hollow = any(parameter.is_meta for parameter in self.parameters())  # built from a file, which has the statistics
        if self.training and not mode and self.network.normalize and not hollow:
            with torch.no_grad():
                self.network.settle(self._features([(0, n) for n in self.shape]))
        super().train(mode)
        return self

    def chunk_points(self, max_memory: int | None = None) -> int:
        """Points to evaluate at once within `max_memory` bytes, at least 1; the network's reach around them comes on top."""
        most = min(MOST_POINTS, max(CACHE_POINTS, math.prod(self.shape)))
        return most if max_memory is None else max(1, min(most, max_memory // self.bytes_per_point()))

    def width_sum(self) -> int:
        """Floats that one point needs: those of the parts, and of the samples around it."""
        corners: int = N_TAPS**self.box.dim
        return super().width_sum() + corners * (self.out_dim + 2)

    def _samples(self, spans: Sequence[Span]) -> Tensor:
        """Values of a block of the own grid [*block, c]."""
        whole = self.training and self.network.normalize  # statistics are those of all samples
        reach = max(self.shape) if whole else self.network.reach
        around = [(max(0, first - reach), min(n, end + reach)) for (first, end), n in zip(spans, self.shape, strict=True)]
        raw: Tensor = self.network(self._features(around))
        raw = raw[tuple(slice(first - low, end - low) for (first, end), (low, _) in zip(spans, around, strict=True))]
        return raw * _per_channel(self.value_scale, raw) + _per_channel(self.value_offset, raw)

    def _features(self, spans: Sequence[Span]) -> Tensor:
        """Features of a block of the own grid [*block, features]."""
        own = next(self.parameters())
        axes = []
        for (first, end), n in zip(spans, self.shape, strict=True):
            index = torch.arange(first, end, dtype=torch.float64, device=own.device)
            axes.append(((2 * index + 1) / n - 1).to(own.dtype))
        return self.encoding.on_axes(axes)


def _per_channel(numbers: tuple[float, ...], like: Tensor) -> Tensor | float:
    return numbers[0] if len(numbers) == 1 else torch.tensor(numbers, dtype=like.dtype, device=like.device)
