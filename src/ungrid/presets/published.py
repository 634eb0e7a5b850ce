"""Named settings: each builds the field of a paper, with the recipe its authors fitted it by."""

import math

from ungrid.domain.box import Box
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.frequency import LogFrequency
from ungrid.encodings.hash_grid import HashGrid
from ungrid.encodings.identity import Identity
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren


def siren(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 4,
    first_omega: float = 30.0,
    hidden_omega: float = 30.0,
    seed: int = 0,
) -> Field:
    """SIREN for a picture, as in its authors' notebook `explore_siren.ipynb` (sitzmann2020siren).

    Four sine layers of 256 (the notebook's `hidden_layers=3` counts those after the first), omega 30; Adam at 1e-4 on
    all samples at once, 500 steps. The notebook fits values in [-1, 1]; here the last layer is scaled to [0, 1].

    Args:
        box: where the field lives.
        out_dim: channels.
        width: of the hidden layers.
        depth: number of hidden layers.
        first_omega, hidden_omega: frequency factors ω₀.
        seed: of the weights.
    """
    network = Siren(box.dim, out_dim, width, depth=depth, first_omega=first_omega, hidden_omega=hidden_omega, seed=seed)
    field = EncodedField(box, Identity(box.dim), network, (0.5,), (0.5,))
    field.recipe = Recipe(learning_rate=1e-4, steps=500)
    return field


def siren_audio(
    box: Box,
    out_dim: int,
    *,
    width: int = 256,
    depth: int = 4,
    first_omega: float = 3000.0,
    hidden_omega: float = 30.0,
    seed: int = 0,
) -> Field:
    """SIREN for a sound, as in its authors' notebook `explore_siren.ipynb` (sitzmann2020siren).

    As `siren`, but for an omega of 3,000 in the first layer, which the authors took for seven seconds of music and twelve of
    speech, and 1,000 steps. The learning rate is that of their pictures; the sound's was not read.

    Args:
        box: where the field lives.
        out_dim: channels.
        width: of the hidden layers.
        depth: number of hidden layers.
        first_omega, hidden_omega: frequency factors ω₀; the first for the whole length of the sound.
        seed: of the weights.
    """
    field = siren(box, out_dim, width=width, depth=depth, first_omega=first_omega, hidden_omega=hidden_omega, seed=seed)
    field.recipe = Recipe(learning_rate=1e-4, steps=1000)
    return field


def sine(box: Box, out_dim: int, *, width: int = 128, depth: int = 4, first_omega: float = 30.0, seed: int = 0) -> Field:
    """A SIREN (sitzmann2020siren) half as wide, fitted by Muon (jordan2024muon): ours, for derivatives of any order, soon.

    Muon at 1e-3 with a cosine schedule, 1,000 steps of 8,192 samples. On a half of kodim03's middle 256×256 pixels, gray, it ends
    at 54.4 dB, and 32.3 dB on the other half; Adam at the best of its rates for each at 46.9 and 31.5 (docs/explain/defaults).

    Args:
        box: where the field lives.
        out_dim: channels.
        width, depth: of the hidden layers. A wider network remembers more and guesses worse.
        first_omega: ω of the first layer.
        seed: of the weights.
    """
    network = Siren(box.dim, out_dim, width, depth=depth, first_omega=first_omega, seed=seed)
    field = EncodedField(box, Identity(box.dim), network, (0.5,), (0.5,))
    field.recipe = Recipe(optimizer="muon", learning_rate=1e-3, schedule="cosine", steps=1000, batch_size=8192, betas=(0.9, 0.99))
    return field


def fourier_mlp(
    box: Box, out_dim: int, *, n_frequencies: int = 256, bandwidth: float = 5.0, width: int = 256, depth: int = 3, seed: int = 0
) -> Field:
    """Gaussian Fourier features and a ReLU network, as in the authors' 2-D picture experiment (tancik2020fourier).

    256 frequencies, σ = 10 on [0, 1) (5 on our [-1, 1]), three hidden layers of 256, sigmoid; Adam at 1e-3 on all
    samples at once, 2,000 steps of ½ squared error. σ was chosen by the authors on other natural pictures.

    Args:
        box: where the field lives.
        out_dim: channels.
        n_frequencies: m, random frequencies.
        bandwidth: standard deviation of the frequencies, in cycles per unit of the normalized coordinate.
        width, depth: of the network's hidden layers.
        seed: of frequencies and weights.
    """
    encoding = FourierFeatures(box.dim, n_frequencies, bandwidth=bandwidth, seed=seed)
    return _tancik(box, encoding, out_dim, width, depth, seed)


def relu_pe_mlp(
    box: Box, out_dim: int, *, n_frequencies: int = 128, max_octave: float = 6.0, width: int = 256, depth: int = 3, seed: int = 0
) -> Field:
    """A ReLU network on positional encoding, the "PE" row of the Fourier-features picture table (tancik2020fourier).

    128 log-spaced frequencies per axis up to 2⁶, otherwise as `fourier_mlp`.

    Args:
        box: where the field lives.
        out_dim: channels.
        n_frequencies: of each axis.
        max_octave: log₂ of the highest frequency, in cycles over the box.
        width, depth: of the network's hidden layers.
        seed: of the weights.
    """
    encoding = LogFrequency(box.dim, n_frequencies, max_octave)
    return _tancik(box, encoding, out_dim, width, depth, seed)


def dense_grid(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    params_per_value: float = 0.45,
    n_levels: int = 4,
    interpolation: str = "linear",
    width: int = 32,
    depth: int = 2,
    value_range: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
) -> Field:
    """A multiresolution dense grid and a small ReLU network: the default for pictures.

    The idea is the dense multiresolution grid of instant-ngp (mueller2022instant); the sizes are ours, measured on
    photographs: each level twice as fine as the last, the finest sized so that parameters stay below a given share of
    the signal's values; Adam at 3e-2 with a cosine schedule on shuffled batches.

    Args:
        box: where the field lives.
        out_dim: channels.
        shape: samples of the signal along each axis; for None, one per unit of the box.
        params_per_value: grid parameters for each value of the signal; above 0.
        n_levels: of the grid.
        interpolation: "linear", "smoothstep" or "cubic".
        width, depth: of the network's hidden layers.
        value_range: where most values lie; the network starts in its middle and speaks in units of its width.
        seed: of grid and weights.
    """
    shape = shape or tuple(max(1, round(extent)) for extent in box.extent)
    encoding = DenseGrid(
        box.dim,
        grid_levels(shape, out_dim, params_per_value, n_levels, n_beyond=3 if interpolation == "cubic" else 1),
        2,
        interpolation=interpolation,
        seed=seed,
    )
    network = Mlp(encoding.out_dim, out_dim, width, depth=depth, seed=seed)
    low, high = value_range
    field = EncodedField(box, encoding, network, (high - low,), ((low + high) / 2,))
    # 3e-2 ends 0.2 to 1.7 dB above 1e-2 on kodim05, kodim23 and camera, on held-out pixels too (docs/explain/defaults)
    field.recipe = Recipe(learning_rate=3e-2, schedule="cosine", steps=600, batch_size=8192, betas=(0.9, 0.99), epsilon=1e-15)
    return field


def hash_grid(
    box: Box,
    out_dim: int,
    *,
    n_levels: int = 16,
    log2_hashmap_size: int = 15,
    base_resolution: int = 16,
    per_level_scale: float = 1.5,
    width: int = 64,
    depth: int = 2,
    seed: int = 0,
) -> Field:
    """Multiresolution hash grid and a small ReLU network, as in tiny-cuda-nn's picture sample (mueller2022instant).

    The sample's `config_hash.json`: 16 levels of 2 features, tables of 2¹⁵, base 16, growth 1.5, two hidden layers of
    64; relative squared error, Adam at 1e-2 with β = (0.9, 0.99), ε = 1e-15, a squared-norm penalty of 1e-6, 1,000
    steps. Differs from it: batches of 2¹⁶ samples where the sample takes 2¹⁸ (a CPU's budget).

    Args:
        box: where the field lives.
        out_dim: channels.
        n_levels, log2_hashmap_size, base_resolution, per_level_scale: of the grid.
        width, depth: of the network's hidden layers.
        seed: of tables and weights.
    """
    encoding = HashGrid(
        box.dim,
        n_levels,
        2,
        log2_hashmap_size=log2_hashmap_size,
        base_resolution=base_resolution,
        per_level_scale=per_level_scale,
        seed=seed,
    )
    network = Mlp(encoding.out_dim, out_dim, width, depth=depth, seed=seed)
    field = EncodedField(box, encoding, network)
    field.recipe = Recipe(
        loss="relative_squared_error",
        learning_rate=1e-2,
        steps=1000,
        batch_size=2**16,
        betas=(0.9, 0.99),
        epsilon=1e-15,
        weight_decay=1e-6,
    )
    return field


def grid_levels(
    shape: tuple[int, ...], out_dim: int, params_per_value: float, n_levels: int, n_features: int = 2, n_beyond: int = 1
) -> tuple[tuple[int, ...], ...]:
    """Cells per axis of each level, coarse to fine by factors of two, so that the parameters fill a share of the values.

    Axes of unequal length get cells of equal size, at least one each. A level has `n_beyond` nodes more than cells on each axis.
    """
    dim, most = len(shape), params_per_value * math.prod(shape) * out_dim / n_features
    per_sample = (most / sum(2.0 ** (-dim * level) for level in range(n_levels)) / math.prod(shape)) ** (1 / dim)
    while True:
        levels = [tuple(max(1, round(n * per_sample / 2**level)) for n in shape) for level in reversed(range(n_levels))]
        n_nodes = sum(math.prod(cells + n_beyond for cells in level) for level in levels)
        if n_nodes <= most or max(levels[-1]) == 1:
            return tuple(levels)
        per_sample *= 0.99


def _tancik(box: Box, encoding: FourierFeatures | LogFrequency, out_dim: int, width: int, depth: int, seed: int) -> Field:
    network = Mlp(encoding.out_dim, out_dim, width, depth=depth, output_activation="sigmoid", initialization="glorot", seed=seed)
    field = EncodedField(box, encoding, network)
    field.recipe = Recipe(loss="half_squared_error", learning_rate=1e-3, steps=2000)
    return field
