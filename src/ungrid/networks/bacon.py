"""BACON: a band-limited coordinate network with an output at each of several scales."""

import itertools
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.networks.base import Network
from ungrid.networks.initialize import check_sizes, linear, sine_start, uniform
from ungrid.networks.limits import check_count, check_numbers
from ungrid.networks.multiplicative import product

MAX_BANDWIDTH = 1e6  # whole frequencies up to twice this are exact in float32


class Bacon(Network):
    """BACON: z₁ = g₁(x), zₗ = gₗ(x) ∘ (Wₗ zₗ₋₁ + bₗ) with gₗ(x) = sin(πkₗx + φₗ), kₗ whole and fixed; yₗ = Vₗ zₗ + cₗ.

    Each output is a finite Fourier series of period 2, the normalized box, without a term above its limit in `band_limits`,
    whatever the weights. Coarse outputs can therefore be drawn small without aliasing: take `level_for` the drawing's samples.
    They cost less, too: the layers beyond are not evaluated. Takes bare coordinates (`Identity`); opposite sides of the box meet.

    Args:
        in_dim: d, length of a coordinate, 1 to 65536.
        out_dim: c, length of a value.
        width: of each layer.
        depth: number of layers, 1 to 256; the authors' `hidden_layers=4` is 5 here, since they do not count the first.
        bandwidth: highest frequency of the finest output along each axis, or one for all, in cycles per unit of the normalized
            coordinate; 0 to 10⁶. n samples across the box hold at most n / 4; the authors take that for a picture.
        layer_shares: of the bandwidth, one for each layer, adding up to 1; None for equal ones. The authors' for pictures and
            five layers are (1/8, 1/8, 1/4, 1/4, 1/4).
        output_layers: layers after which values are read, rising, from 1 to `depth`, which must be among them; None for all but
            the first (all, where there is but one). The authors' for pictures are (2, 3, 5).
        seed: of the frequencies, which are fixed and saved with the field, and of the initial weights.

    Shape: coords [*, d] in [-1, 1], of period 2 → values [*, c]: the finest output. `outputs` gives all.
    Raises: InputError: an argument out of range.
    Differs from the paper: coordinates there lie in [-0.5, 0.5]. Bands are rounded so that no output exceeds its share of the
        bandwidth; the authors' code rounds each layer's by itself, which is the same where they are whole.
    """

    paper = "lindell2022bacon"
    frequencies: Float[Tensor, "layers width d"]

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        width: int = 256,
        *,
        depth: int = 5,
        bandwidth: tuple[float, ...] = (64.0,),
        layer_shares: tuple[float, ...] | None = None,
        output_layers: tuple[int, ...] | None = None,
        seed: int = 0,
    ):
        super().__init__()
        check_sizes(in_dim, out_dim, width, depth, min_depth=1)
        check_numbers("bandwidth", bandwidth, (1, in_dim), 0, MAX_BANDWIDTH)
        self.in_dim, self.out_dim, self.width, self.depth = in_dim, out_dim, width, depth
        self.bandwidth, self.seed = tuple(bandwidth), seed
        self.layer_shares = None if layer_shares is None else tuple(layer_shares)
        self.output_layers = None if output_layers is None else tuple(output_layers)
        self.read_after = tuple(range(min(2, depth), depth + 1)) if self.output_layers is None else self.output_layers
        check_output_layers(self.read_after, depth)
        shares = (1 / depth,) * depth if self.layer_shares is None else self.layer_shares
        self.layer_bands = whole_bands(self.bandwidth, shares, in_dim, depth)
        rng = torch.Generator().manual_seed(seed)
        axes = [[torch.randint(-k, k + 1, (width,), generator=rng) for k in bands] for bands in self.layer_bands]
        frequencies = torch.stack([torch.stack(layer, dim=-1) for layer in axes])
        self.register_buffer("frequencies", frequencies.to(torch.get_default_dtype()))
        self.phases = nn.Parameter(uniform((depth, width), math.pi, rng))
        bound = math.sqrt(6 / width)  # keeps E z² at ½ from layer to layer
        self.hidden = nn.ModuleList(linear(sine_start(width, width, rng, bound=bound)) for _ in range(depth - 1))
        self.heads = nn.ModuleList(linear(sine_start(width, out_dim, rng, bound=bound)) for _ in self.read_after)

    @property
    def n_levels(self) -> int:
        """Number of outputs, from coarse to fine."""
        return len(self.read_after)

    @property
    def band_limits(self) -> tuple[tuple[float, ...], ...]:
        """Highest frequency of each output along each axis, coarse to fine, in cycles per unit of the normalized coordinate."""
        sums = [[sum(bands) for bands in zip(*self.layer_bands[:layer], strict=True)] for layer in self.read_after]
        return tuple(tuple(whole / 2 for whole in level) for level in sums)  # k cycles over the box, which is 2 long

    def level_for(self, shape: tuple[int, ...]) -> int:
        """The finest level that this many samples across the box along each axis hold without aliasing.

        Raises:
            InputError: even the coarsest has too high frequencies, or `shape` is not one number for each axis.
        """
        if len(shape) != self.in_dim:
            raise InputError(f"shape is {shape!r}, expected {self.in_dim} numbers of samples, one for each axis")
        fitting = [
            level
            for level, limits in enumerate(self.band_limits)
            if all(4 * limit <= n for limit, n in zip(limits, shape, strict=True))
        ]
        if not fitting:
            least = tuple(math.ceil(4 * limit) for limit in self.band_limits[0])
            raise InputError(
                f"{shape} samples are too few for the coarsest output, which needs {least}; draw with ungrid.render, which "
                f"averages over the area of a sample"
            )
        return fitting[-1]

    def forward(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch c"]:
        return self.at_level(features, self.n_levels - 1)

    def at_level(self, features: Float[Tensor, "*batch features"], level: int) -> Float[Tensor, "*batch c"]:
        """Values of one output, 0 for the coarsest; layers beyond it are not evaluated.

        Raises:
            InputError: no such level.
        """
        check_count("level", level, 0, self.n_levels - 1)
        layers = self.read_after[level]
        values: Tensor = self.heads[level](product(self._filters(features, layers), self.hidden[: layers - 1]))
        return values

    def outputs(self, features: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch levels c"]:
        """Values of all outputs, from coarse to fine."""
        first, *others = self._filters(features, self.depth).unbind(dim=-2)
        hidden_values = [first]
        for layer, filtered in zip(self.hidden, others, strict=True):
            hidden_values.append(filtered * layer(hidden_values[-1]))
        read = zip(self.heads, self.read_after, strict=True)
        return torch.stack([head(hidden_values[layer - 1]) for head, layer in read], dim=-2)

    def width_sum(self) -> int:
        """Sum of the layers' widths, filters and their angles included."""
        return super().width_sum() + 3 * self.depth * self.width

    def _filters(self, coords: Tensor, layers: int) -> Float[Tensor, "*batch layers width"]:
        """sin(πkx + φ) of the first layers."""
        phases = self.phases[:layers]
        turns = coords @ self.frequencies[:layers].flatten(0, 1).mT
        filters: Tensor = (math.pi * turns + phases.flatten()).sin().unflatten(-1, phases.shape)
        return filters


def whole_bands(
    bandwidth: tuple[float, ...], layer_shares: tuple[float, ...], in_dim: int, depth: int
) -> tuple[tuple[int, ...], ...]:
    """Highest whole frequency of each layer along each axis, in cycles over the box, so that no sum exceeds its share."""
    check_numbers("layer_shares", layer_shares, (depth,), 0, 1)
    if not math.isclose(sum(layer_shares), 1, abs_tol=1e-6):
        raise InputError(f"layer_shares add up to {sum(layer_shares):g}, expected 1")
    done = [sum(layer_shares[:layer]) for layer in range(depth)] + [1.0]
    per_axis = bandwidth * in_dim if len(bandwidth) == 1 else bandwidth
    sums = [[math.floor(2 * limit * share + 1e-6) for limit in per_axis] for share in done]  # 1e-6: thrice ⅓ counts as 1
    steps = itertools.pairwise(sums)
    return tuple(tuple(after - before for before, after in zip(*pair, strict=True)) for pair in steps)


def check_output_layers(output_layers: tuple[int, ...], depth: int) -> None:
    """Raise InputError unless the layers rise from at least 1 to exactly `depth`."""
    for layer in output_layers:
        check_count("an entry of output_layers", layer, 1, depth)
    if list(output_layers) != sorted(set(output_layers)) or not output_layers or output_layers[-1] != depth:
        raise InputError(
            f"output_layers is {output_layers!r}, expected rising numbers of layers that end with the depth, {depth}"
        )
