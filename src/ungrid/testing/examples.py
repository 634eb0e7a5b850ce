"""One small example of each entry of the name tables, for the contract checks."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.scanners import FanBeam
from ungrid.domain.tiling import local_box
from ungrid.encodings.base import Encoding
from ungrid.encodings.codebook_grid import CodebookGrid
from ungrid.encodings.combine import CoarseToFine, Concatenate
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.dictionary import FactorGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.frequency import Frequency, LogFrequency
from ungrid.encodings.hash_grid import HashGrid
from ungrid.encodings.identity import Identity
from ungrid.encodings.planes import Planes
from ungrid.encodings.radial import Radial
from ungrid.encodings.sphere_coords import SphereCoords
from ungrid.encodings.split_axis import SplitAxis
from ungrid.encodings.tensor_grid import TensorCP, TensorVM
from ungrid.fields.adapted import AdaptedField
from ungrid.fields.algebra import Blended, Product, Stitched, Sum
from ungrid.fields.base import Field
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.encoded import EncodedField
from ungrid.fields.ensemble import EnsembleField
from ungrid.fields.laplace import LaplaceField
from ungrid.fields.lattice import LatticeField
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.placed import Cropped, Transformed, Warped
from ungrid.fields.primitives import GaussianMixture
from ungrid.fields.refined_spline import RefinedSpline
from ungrid.fields.refinement import block_shape, level_shapes
from ungrid.fields.residual import ResidualField
from ungrid.fields.solids import Extended, Shell, Solid
from ungrid.fields.spline import SplineField
from ungrid.fields.tiled import TiledField
from ungrid.fields.unknowns import WithUnknowns
from ungrid.measurements.derivatives import Gradient, Laplacian
from ungrid.measurements.footprint import Footprint
from ungrid.measurements.fourier import FourierSamples
from ungrid.measurements.line_integrals import LineIntegral
from ungrid.measurements.linear import Chain, Combined, LinearMeasurement, OnGrid, Samples, Stack
from ungrid.measurements.multiscale import MultiscaleValues
from ungrid.measurements.values import PointValues
from ungrid.networks.bacon import Bacon
from ungrid.networks.base import Network
from ungrid.networks.convolutional import ConvolutionalNetwork
from ungrid.networks.cppn import Cppn
from ungrid.networks.finer import Finer
from ungrid.networks.finer_gauss import FinerGauss
from ungrid.networks.finer_wire import FinerWire
from ungrid.networks.gauss import Gauss
from ungrid.networks.hosc import Hosc
from ungrid.networks.incode import Incode
from ungrid.networks.mlp import Mlp
from ungrid.networks.multiplicative import FourierFilterNetwork, GaborFilterNetwork
from ungrid.networks.palette import CosinePalette
from ungrid.networks.sinc import Sinc
from ungrid.networks.siren import Siren
from ungrid.networks.wire import Wire
from ungrid.testing.toys import pixel_box, unit_box

EncodingMaker = Callable[[int, int], Encoding]
NetworkMaker = Callable[[int, int, int], Network]
FieldMaker = Callable[[Box, int, int], Field]


def spline_field(box: Box, out_dim: int, seed: int = 0) -> SplineField:
    """A spline of uneven cells along the box's first axis, with random nodes."""
    field = SplineField(Box(box.axes[:1], box.bounds[:1], box.units[:1]), out_dim, 9, 4, scale=0.5)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        field.nodes.copy_(torch.randn(field.nodes.shape, generator=rng))
        field.get_buffer("codes").copy_(torch.randint(0, 24, field.get_buffer("codes").shape, generator=rng))
    return field


def lattice_field(box: Box, out_dim: int, seed: int = 0) -> LatticeField:
    """Random samples, of unequal numbers along the axes."""
    rng = torch.Generator().manual_seed(seed)
    return LatticeField.of(box, torch.randn(*range(5, 5 + box.dim), out_dim, generator=rng))


def refined_field(box: Box, out_dim: int, seed: int = 0) -> RefinedSpline:
    """A spline of two levels, half of the blocks of the finer kept, with random nodes."""
    shape = (11, 4, 9, 3)[: box.dim]
    counts = [math.prod(block_shape(nodes)) for nodes in level_shapes(shape)]
    kept = [count // 2 for count in counts[:-1]] + counts[-1:]
    field = RefinedSpline(box, out_dim, shape, tuple(kept), value_scale=(0.5,), value_offset=(0.1,))
    rng = torch.Generator().manual_seed(seed)
    field.keep([torch.randperm(count, generator=rng) < n for count, n in zip(counts, kept, strict=True)])
    with torch.no_grad():
        for nodes in field.nodes:
            nodes.copy_(torch.randn(nodes.shape, generator=rng))
    return field


def encoded_field(encoding: Encoding, out_dim: int = 2, *, box: Box | None = None, seed: int = 0) -> EncodedField:
    """An encoding with a small smooth network behind it, on a box of unequal axes."""
    network = Mlp(encoding.out_dim, out_dim, 8, depth=1, activation="tanh", seed=seed)
    return EncodedField(box or unit_box(encoding.in_dim), encoding, network)


def wave_field(box: Box, out_dim: int, seed: int) -> EncodedField:
    """A small smooth field on a box: a part for fields that are made of fields."""
    encoding = FourierFeatures(box.dim, 2, bandwidth=0.3, seed=seed)
    return EncodedField(box, encoding, Mlp(4, out_dim, 3, depth=1, activation="tanh", seed=seed))


def wider_box(box: Box) -> Box:
    """A box that contains another, by one unit below and two above on each axis."""
    return Box(box.axes, tuple((low - 1.0, high + 2.0) for low, high in box.bounds), box.units)


def narrower_box(box: Box) -> Box:
    """The middle of a box: a quarter of each side is cut off at both ends."""
    return Box(box.axes, tuple((low + (high - low) / 4, high - (high - low) / 4) for low, high in box.bounds), box.units)


def _scaled_field(box: Box, out_dim: int, seed: int) -> EncodedField:
    """Few smooth features, a sine layer, a scale of each channel."""
    encoding, network = (
        FourierFeatures(box.dim, 3, bandwidth=0.3, seed=seed),
        Siren(6, out_dim, 6, depth=1, first_omega=2.0, seed=seed),
    )
    return EncodedField(box, encoding, network, tuple(0.5 + k for k in range(out_dim)), (0.25,))


ENCODING_EXAMPLES: dict[str, EncodingMaker] = {
    "CoarseToFine": lambda d, seed: CoarseToFine(FourierFeatures(d, 3, bandwidth=0.5, seed=seed), 0.1, 0.8),
    "Concatenate": lambda d, seed: Concatenate((Identity(d), DenseGrid(d, ((1,) * d,), interpolation="cubic", seed=seed))),
    "DenseGrid": lambda d, seed: DenseGrid(d, ((1,) * d, (2,) * d), 1, interpolation="cubic", seed=seed),
    "FourierFeatures": lambda d, seed: FourierFeatures(d, 4, bandwidth=0.5, seed=seed),
    "Frequency": lambda d, seed: Frequency(d, 2, include_coords=True),
    "HashGrid": lambda d, seed: HashGrid(
        d, 2, 2, log2_hashmap_size=5, base_resolution=3, per_level_scale=1.7, interpolation="smoothstep", seed=seed
    ),
    "Identity": lambda d, seed: Identity(d),
    "LogFrequency": lambda d, seed: LogFrequency(d, 3, 2.0),
    "CodebookGrid": lambda d, seed: CodebookGrid(
        d, ((1,) * d, (2,) * d), 2, index_bits=2, interpolation="cubic", indexing="soft", seed=seed
    ),
    "FactorGrid": lambda d, seed: FactorGrid(
        d, (3,) * d, (2, 3), (2, 1), ((0.75,) * d, (1.5,) * d), mapping="triangle", coefficient_start=0.5
    ),
    "Radial": lambda d, seed: Radial(d, n_fold=min(d, 2), latent_dim=2, seed=seed),
    "Planes": lambda d, seed: Planes(
        d, ((2,) * d, (3,) * d), 2, interpolation="cubic", time_axis=0 if d == 3 else None, seed=seed
    ),
    "SphereCoords": lambda d, seed: SphereCoords(
        FourierFeatures(3 + max(0, d - 3), 4, bandwidth=0.3, seed=seed), d, (-90.0, 90.0), (-180.0, 180.0)
    ),
    "SplitAxis": lambda d, seed: SplitAxis(d, 4, depth=2, n_terms=2, first_omega=3.0, hidden_omega=2.0, seed=seed),
    "TensorCP": lambda d, seed: TensorCP(d, (3,) * d, 4, interpolation="cubic", seed=seed),
    "TensorVM": lambda d, seed: TensorVM(d, (3,) * d, 2, interpolation="cubic", seed=seed),
}

NETWORK_EXAMPLES: dict[str, NetworkMaker] = {
    "Finer": lambda d, c, seed: Finer(d, c, 6, depth=2, first_omega=3.0, hidden_omega=2.0, first_bias_scale=1.0, seed=seed),
    "FinerGauss": lambda d, c, seed: FinerGauss(d, c, 6, depth=2, scale=1.5, omega=2.0, seed=seed),
    "FinerWire": lambda d, c, seed: FinerWire(d, c, 6, depth=2, scale=1.0, wave_omega=1.5, omega=2.0, seed=seed),
    "Gauss": lambda d, c, seed: Gauss(d, c, 6, depth=2, std=0.5, seed=seed),
    "Hosc": lambda d, c, seed: Hosc(
        d, c, 6, depth=2, betas=(1.5, 0.8), learn_beta=True, first_omega=3.0, hidden_omega=2.0, seed=seed
    ),
    "Incode": lambda d, c, seed: Incode(
        d, c, 6, depth=2, first_omega=3.0, hidden_omega=2.0, code_dim=3, harmonizer_widths=(4,), seed=seed
    ),
    "Mlp": lambda d, c, seed: Mlp(d, c, 6, depth=2, activation="tanh", output_activation="softplus", skips=(1,), seed=seed),
    "Sinc": lambda d, c, seed: Sinc(d, c, 6, depth=2, omega=3.0, seed=seed),
    "Siren": lambda d, c, seed: Siren(d, c, 6, depth=2, first_omega=3.0, hidden_omega=2.0, seed=seed),
    "Wire": lambda d, c, seed: Wire(d, c, 6, depth=2, first_omega=3.0, hidden_omega=2.0, scale=1.5, seed=seed),
    "Bacon": lambda d, c, seed: Bacon(d, c, 6, depth=2, bandwidth=(1.0,), seed=seed),
    "FourierFilterNetwork": lambda d, c, seed: FourierFilterNetwork(d, c, 6, depth=2, input_scale=4.0, seed=seed),
    "GaborFilterNetwork": lambda d, c, seed: GaborFilterNetwork(d, c, 6, depth=2, input_scale=4.0, seed=seed),
    "CosinePalette": lambda d, c, seed: CosinePalette(
        Cppn(d, 2, 6, depth=1, activations=("sine", "tanh"), seed=seed), c, seed=seed
    ),
}

FIELD_EXAMPLES: dict[str, FieldMaker] = {
    "EncodedField": lambda box, c, seed: EncodedField(
        box,
        FourierFeatures(box.dim, 3, bandwidth=0.3, seed=seed),
        Siren(6, c, 6, depth=1, first_omega=2.0, seed=seed),
        tuple(0.5 + k for k in range(c)),
        (0.25,),
    ),
    "MultiscaleField": lambda box, c, seed: MultiscaleField(
        box, Bacon(box.dim, c, 6, depth=3, bandwidth=(1.5,), output_layers=(1, 3), seed=seed), 1
    ),
    "ConvolutionalField": lambda box, c, seed: ConvolutionalField(
        box,
        (4, 5, 3)[: box.dim],
        Identity(box.dim),
        ConvolutionalNetwork(box.dim, box.dim, c, 3, depth=2, branches=("full", "lines", "point", "identity"), seed=seed),
        tuple(0.5 + k for k in range(c)),
        (0.25,),
    ),
    "GaussianMixture": lambda box, c, seed: GaussianMixture(box, c, 5, shape=(3, 4, 2)[: box.dim], seed=seed),
    "Sum": lambda box, c, seed: Sum((wave_field(box, c, seed), wave_field(box, 1, seed + 1)), (1.5, -2.0), (0.25,)),
    "Product": lambda box, c, seed: Product((wave_field(box, c, seed), wave_field(box, 1, seed + 1))),
    "Blended": lambda box, c, seed: Blended(*(wave_field(box, n, seed + n) for n in (c, c, 1))),
    "Stitched": lambda box, c, seed: Stitched(
        wave_field(box, c, seed), wave_field(box, c, seed + 1), box.axes[-1], 0.5 * sum(box.bounds[-1]), 0.5 * box.extent[-1]
    ),
    "Solid": lambda box, c, seed: Solid((wave_field(box, c, seed), wave_field(box, c, seed + 1)), "difference", 0.3),
    "Shell": lambda box, c, seed: Shell(wave_field(box, c, seed), 0.3),
    "Extended": lambda box, c, seed: Extended(wave_field(narrower_box(box), c, seed), box),
    "Cropped": lambda box, c, seed: Cropped(wave_field(wider_box(box), c, seed), box),
    "Transformed": lambda box, c, seed: Transformed(
        wave_field(pixel_box(), c, seed), box, tuple(tuple(1.0 + row - k for k in range(box.dim + 1)) for row in range(2))
    ),
    "Warped": lambda box, c, seed: Warped(wave_field(box, c, seed), wave_field(box, box.dim, seed + 1)),
    "ResidualField": lambda box, c, seed: ResidualField(wave_field(box, c, seed), wave_field(box, c, seed + 1), 0.5),
    "LatticeField": lambda box, c, seed: lattice_field(box, c, seed),
    "RefinedSpline": lambda box, c, seed: refined_field(box, c, seed),
    "SplineField": lambda box, c, seed: spline_field(box, c, seed),
    "WithUnknowns": lambda box, c, seed: WithUnknowns(wave_field(box, c, seed), ("speed", "loss"), (0.5, -2.0)),
    "TiledField": lambda box, c, seed: TiledField(
        box,
        wave_field(local_box(box.axes), c, seed),
        (3, 1, 2)[: box.dim],
        0.25,
        wave_field(wider_box(box), c, seed + 1),
        (4, 5, 3)[: box.dim],
    ),
    "AdaptedField": lambda box, c, seed: AdaptedField(encoded_field(Identity(box.dim), c, box=box, seed=seed), 1, seed=seed),
    "LaplaceField": lambda box, c, seed: LaplaceField(_scaled_field(box, c, seed), (0.25,) * box.dim),
    "EnsembleField": lambda box, c, seed: EnsembleField(
        tuple(_scaled_field(box, c, seed + k) for k in (0, 100)), (0.25,) * box.dim
    ),
}

PRESET_EXAMPLES: dict[str, dict[str, Any]] = {
    "siren": {"width": 6, "depth": 2},
    "siren_video": {"width": 6, "depth": 2},
    "siren_audio": {"width": 6, "depth": 2, "first_omega": 30.0},
    "sine": {"width": 6, "depth": 2},
    "fourier_mlp": {"n_frequencies": 4, "bandwidth": 0.5, "width": 6, "depth": 1},
    "relu_pe_mlp": {"n_frequencies": 2, "max_octave": 1.5, "width": 6, "depth": 1},
    "dense_grid": {"params_per_value": 0.1, "n_levels": 2, "width": 4, "depth": 1},
    "hash_grid": {"n_levels": 2, "log2_hashmap_size": 4, "base_resolution": 2, "width": 4, "depth": 1},
    "wire": {"width": 6, "depth": 2, "omega": 3.0, "scale": 2.0},
    # with exact gradients: as their authors fit them, these three descend along other ones
    "finer": {"width": 6, "depth": 2, "first_omega": 3.0, "hidden_omega": 3.0, "alpha_gradient": True},
    "finer_gauss": {"width": 6, "depth": 2, "scale": 1.5, "omega": 2.0, "alpha_gradient": True},
    "finer_wire": {"width": 6, "depth": 2, "scale": 1.0, "wave_omega": 1.5, "omega": 2.0, "alpha_gradient": True},
    "gauss": {"width": 6, "depth": 2, "std": 0.5},
    "sinc": {"width": 6, "depth": 2, "omega": 3.0},
    "hosc": {"width": 6, "depth": 2, "omega": 3.0},
    "incode": {
        "width": 6,
        "depth": 2,
        "first_omega": 3.0,
        "hidden_omega": 3.0,
        "code_dim": 3,
        "harmonizer_widths": (4,),
    },
    "fourier_filter": {"width": 6, "depth": 2, "input_scale": 4.0},
    "gabor_filter": {"width": 6, "depth": 2, "input_scale": 4.0},
    "bacon": {"width": 6},
    "spline_network": {"width": 4, "depth": 1, "n_intervals": 4},
    "conv_inr": {"width": 3, "depth": 2, "branches": ("full", "point", "identity")},
    "conv_fourier": {"n_frequencies": 2, "bandwidth": 0.5, "width": 3, "depth": 1},
    "conv_grid": {"cells_per_sample": 0.3, "n_features": 2, "width": 3, "depth": 1},
    "vqad": {"n_levels": 2, "n_features_per_level": 2, "index_bits": 2, "indexing": "soft", "width": 4},
    "factor_field": {
        "shape": (80, 96),
        "params_per_sample": 1e-3,
        "basis_resolutions": (32, 48),
        "basis_dims": (1, 1),
        "mapping": "triangle",
        "width": 4,
    },
    "gaussian_image": {"n_gaussians": 6},
    "cppn": {"width": 6, "depth": 2},
    "coordx": {"width": 4, "depth": 2, "tail_depth": 1},
    "k_planes": {"params_per_value": 0.5, "n_levels": 2, "n_features": 2, "width": 4},
    "tri_plane": {"params_per_value": 0.5, "n_features": 2, "width": 4},
    "tensorf_cp": {"n_components": 3, "width": 4},
    "tensorf_vm": {"n_components": 3, "width": 4},
}

MEASUREMENT_EXAMPLES: dict[str, Callable[..., Any]] = {
    "PointValues": PointValues,
    "Gradient": Gradient,
    "Laplacian": Laplacian,
    "MultiscaleValues": MultiscaleValues,
}


class Doubled:
    """An operator of no library: twice the values, each beside the next."""

    def A(self, values: Tensor) -> Tensor:
        """[*shape, c] → the same."""
        return 2 * values + values.roll(1, 0)

    def A_adjoint(self, seen: Tensor) -> Tensor:
        """The adjoint."""
        return 2 * seen + seen.roll(-1, 0)


def some_samples(grid: Grid) -> Samples:
    """All samples but every third."""
    return Samples(grid, (torch.arange(grid.size) % 3 > 0).reshape(grid.shape))


def some_rays(grid: Grid) -> LineIntegral:
    """A fan beam of few views around the middle of the grid's box."""
    (axis, size) = (tuple(sum(ends) / 2 for ends in grid.box.bounds), max(grid.box.extent))
    return LineIntegral(grid, FanBeam((0.3, 1.9, 4.0), 7, (axis[0], axis[1]), size / 4, None, 2 * size, size))


def some_frequencies(grid: Grid) -> FourierSamples:
    """Two coils that see every third frequency."""
    coils = torch.complex(torch.linspace(-1, 1, 2 * grid.size), torch.linspace(0, 1, 2 * grid.size)).reshape(2, *grid.shape)
    return FourierSamples(grid, mask=(torch.arange(grid.size) % 3 == 0).reshape(grid.shape), coils=coils)


# name → its measurement on a grid
LINEAR_EXAMPLES: dict[str, Callable[[Grid], LinearMeasurement]] = {
    "Chain": lambda grid: Chain(Doubled(), some_samples(grid)),
    "Combined": lambda grid: Combined([some_samples(grid), OnGrid(Doubled(), grid)], [0.5, -2.0]),
    "Footprint": lambda grid: Footprint(grid, 2, torch.full((7, 3), 1 / 21)),
    "LineIntegral": some_rays,
    "FourierSamples": some_frequencies,
    "OnGrid": lambda grid: OnGrid(Doubled(), grid),
    "Samples": some_samples,
    "Stack": lambda grid: Stack([some_samples(grid), OnGrid(Doubled(), grid)], [(*grid.shape, 2), (*grid.shape, 2)]),
}


def example(name: str, examples: Mapping[str, Any], kinds: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """The example of a table's entry; of a kind that has none, one that is built small by its own argument names.

    Args:
        name: of the entry.
        examples: of this module.
        kinds: the name table, or None where every entry needs an example.

    Raises:
        AssertionError: there is none; the message says where to write one.
    """
    if kinds is not None and name not in examples:
        return _small(kinds[name])
    assert name in examples, (
        f"{name!r} is in a name table but has no example: add small constructor arguments for it to the examples in "
        f"ungrid/testing/examples.py, so that the contract checks can build it"
    )
    return examples[name]


def _small(kind: Callable[..., Any]) -> Callable[..., Any]:
    """(sizes …, seed) → the part, with the small width and depth, and the seed, that its constructor takes."""
    taken = inspect.signature(kind).parameters

    def make(*sizes_and_seed: Any) -> Any:
        *sizes, seed = sizes_and_seed
        given = {"width": 6, "depth": 2, "seed": seed}
        return kind(*sizes, **{key: value for key, value in given.items() if key in taken})

    return make
