"""Named settings of convolutional fields: over coordinates alone, over Fourier features, over a coarse feature grid."""

from ungrid.domain.box import Box
from ungrid.encodings.base import Encoding
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.identity import Identity
from ungrid.fields.base import Field
from ungrid.fields.convolutional import ConvolutionalField
from ungrid.fields.record import Recipe
from ungrid.networks.convolutional import ConvolutionalNetwork


def conv_inr(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    width: int = 32,
    depth: int = 10,
    branches: tuple[str, ...] = ("full",),
    seed: int = 0,
) -> Field:
    """Conv-INR: 3×3 convolutions with batch norm and ReLU over the tensor of coordinates (cai2024convinr).

    The paper has no code, and its settings could not be read: ten hidden layers of 32 channels are those of another's code,
    and the descent is ours, Adam at 1e-3 with a cosine schedule on the whole grid, 500 steps.

    Args:
        box: where the field lives, of 1 to 3 axes.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        width, depth: of the network's hidden layers.
        branches: of each hidden layer, which `field.fold()` makes one: ("full", "point", "identity") are RepVGG's.
        seed: of the weights.
    """
    return _convolutional(box, out_dim, shape, Identity(box.dim), width, depth, branches, seed, rate=1e-3)


def conv_fourier(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    n_frequencies: int = 32,
    bandwidth: float = 5.0,
    width: int = 32,
    depth: int = 4,
    seed: int = 0,
) -> Field:
    """Convolutions as decoder of random Fourier features of the grid's coordinates (tancik2020fourier).

    The network is that of `conv_inr` (cai2024convinr), less deep, since the features bring the detail. Sizes and rate are
    ours: Adam at 3e-3 with a cosine schedule on the whole grid, 500 steps.

    Args:
        box: where the field lives, of 1 to 3 axes.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        n_frequencies: m, random frequencies.
        bandwidth: their standard deviation, in cycles per unit of the normalized coordinate.
        width, depth: of the network's hidden layers.
        seed: of frequencies and weights.
    """
    encoding = FourierFeatures(box.dim, n_frequencies, bandwidth=bandwidth, seed=seed)
    return _convolutional(box, out_dim, shape, encoding, width, depth, ("full",), seed)


def conv_grid(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    cells_per_sample: float = 0.25,
    n_features: int = 8,
    width: int = 32,
    depth: int = 4,
    seed: int = 0,
) -> Field:
    """Convolutions as decoder of a coarse grid of learned features, upsampled linearly (cai2024convinr).

    The network and the descent are those of `conv_fourier`; sizes are ours, and the features start as uniform in ±0.1, since
    a batch norm follows soon.

    Args:
        box: where the field lives, of 1 to 3 axes.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        cells_per_sample: of the feature grid, along each axis.
        n_features: of each of its nodes.
        width, depth: of the network's hidden layers.
        seed: of grid and weights.
    """
    shape = shape or one_per_unit(box)
    cells = tuple(max(1, round(n * cells_per_sample)) for n in shape)
    encoding = DenseGrid(box.dim, (cells,), n_features, init_scale=0.1, seed=seed)
    return _convolutional(box, out_dim, shape, encoding, width, depth, ("full",), seed)


def one_per_unit(box: Box) -> tuple[int, ...]:
    """Samples along each axis where there is one per unit of the box, at least one: a picture's pixels."""
    return tuple(max(1, round(extent)) for extent in box.extent)


def _convolutional(
    box: Box,
    out_dim: int,
    shape: tuple[int, ...] | None,
    encoding: Encoding,
    width: int,
    depth: int,
    branches: tuple[str, ...],
    seed: int,
    *,
    rate: float = 3e-3,
) -> Field:
    network = ConvolutionalNetwork(box.dim, encoding.out_dim, out_dim, width, depth=depth, branches=branches, seed=seed)
    field = ConvolutionalField(box, shape or one_per_unit(box), encoding, network, (0.5,), (0.5,))
    field.recipe = Recipe(learning_rate=rate, schedule="cosine", steps=500, order="tiles")
    return field
