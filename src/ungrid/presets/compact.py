"""Named settings of fields that are small in a file: codebooks, dictionaries, Gaussians."""

import math

from ungrid.domain.box import Box
from ungrid.encodings.codebook_grid import CodebookGrid
from ungrid.encodings.dictionary import FactorGrid
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.primitives import GaussianMixture
from ungrid.fields.record import Recipe
from ungrid.networks.mlp import Mlp
from ungrid.presets.published import grid_levels

BASIS_RESOLUTIONS = (32, 51, 70, 89, 108, 128)  # of the authors' `image.yaml`
BASIS_DIMS = (32, 32, 32, 16, 16, 16)


def vqad(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    nodes_per_sample: float = 0.25,
    n_levels: int = 4,
    n_features_per_level: int = 16,
    index_bits: int = 6,
    indexing: str = "straight_through",
    width: int = 64,
    depth: int = 1,
    seed: int = 0,
) -> Field:
    """A codebook grid and a small ReLU network, VQ-AD on a dense grid (takikawa2022variable).

    Of the paper: features of 16, indices of 6 bits, four levels that double; of its code: one hidden layer of 64. It fits
    radiance fields and shapes; the number of nodes, Adam at 1e-2 with a cosine schedule, and batches are ours, for pictures.
    Call `field.encoding.harden()` after the fit and before saving.

    Args:
        box: where the field lives.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        nodes_per_sample: nodes of all levels for each sample of the signal; above 0.
        n_levels, n_features_per_level, index_bits, indexing: of the grid.
        width, depth: of the network's hidden layers.
        seed: of grid and weights.
    """
    levels = grid_levels(_samples(box, shape), 1, nodes_per_sample, n_levels, n_features=1)
    encoding = CodebookGrid(box.dim, levels, n_features_per_level, index_bits=index_bits, indexing=indexing, seed=seed)
    network = Mlp(encoding.out_dim, out_dim, width, depth=depth, seed=seed)
    field = EncodedField(box, encoding, network)
    field.recipe = Recipe(learning_rate=1e-2, schedule="cosine", steps=1000, batch_size=2**16)
    return field


def factor_field(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    basis_resolutions: tuple[int, ...] = BASIS_RESOLUTIONS,
    basis_dims: tuple[int, ...] = BASIS_DIMS,
    params_per_sample: float = 1.36,
    mapping: str = "sawtooth",
    width: int = 64,
    depth: int = 1,
    seed: int = 0,
) -> Field:
    """A dictionary field and a small ReLU network, as in the authors' picture setting `image.yaml` (chen2023factor).

    Six bases of 32 to 128 nodes, each repeating as often as makes a node of a sample; coefficients of 0.001 on a grid that
    brings the parameters to 1,426,063 on 1024 × 1024; one hidden layer of 64. Adam at 2e-3, β = (0.9, 0.99), on 102,400 samples
    drawn uniformly, 10,000 steps. On smaller pictures bases shrink with the longer side, below 1024, so that they still repeat.
    Differs from it: linear interpolation, a bias in the last layer, colors as they are and not in linear light, and no slow
    decay of the loss by ten, to which Adam is all but blind.

    Args:
        box: where the field lives.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        basis_resolutions, basis_dims: nodes along each axis, and features, of each basis.
        params_per_sample: of bases, coefficients and network together, for each sample of the signal; above 0.
        mapping: of coordinates to a basis, "sawtooth" or "triangle".
        width, depth: of the network's hidden layers.
        seed: of the weights.
    """
    samples = _samples(box, shape)
    longest = max(samples)
    nodes = tuple(max(2, round(n * min(1.0, longest / 1024))) for n in basis_resolutions)
    periods = tuple(tuple(n / size for n in samples) for size in nodes)
    in_bases = sum(n**box.dim * dim for n, dim in zip(nodes, basis_dims, strict=True))
    left = params_per_sample * math.prod(samples) - in_bases
    per_axis = (max(left / sum(basis_dims), 8.0**box.dim) / math.prod(samples)) ** (1 / box.dim)
    coefficients = tuple(max(2, round(n * per_axis)) for n in samples)
    encoding = FactorGrid(box.dim, coefficients, nodes, basis_dims, periods, mapping=mapping)
    network = Mlp(encoding.out_dim, out_dim, width, depth=depth, seed=seed)
    field = EncodedField(box, encoding, network)
    field.recipe = Recipe(learning_rate=2e-3, steps=10_000, batch_size=102_400, order="uniform", betas=(0.9, 0.99))
    return field


def gaussian_image(
    box: Box, out_dim: int, *, shape: tuple[int, ...] | None = None, n_gaussians: int = 5000, seed: int = 0
) -> Field:
    """A sum of anisotropic Gaussians, as in the authors' picture fits with Cholesky factors (zhang2024gaussianimage).

    Their scripts fit 800 to 9,000 Gaussians to pictures of 768 × 512, whole at every step, 50,000 steps at 1e-3 that halve at
    20,000 and 40,000; we take 5,000 of them. Differs from it: Adam and an exponential schedule for Adan and two halvings. Say
    `represent(signal, order="tiles")` where the problem is your own; call `field.start_from(signal.values)` for a quicker fit.

    Args:
        box: where the field lives, of 1 to 3 axes.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        n_gaussians: how many.
        seed: of the start.
    """
    field = GaussianMixture(box, out_dim, n_gaussians, shape=shape, seed=seed)
    field.recipe = Recipe(learning_rate=1e-3, schedule="exponential", steps=50_000, order="tiles")
    return field


def _samples(box: Box, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    return shape or tuple(max(1, round(extent)) for extent in box.extent)
