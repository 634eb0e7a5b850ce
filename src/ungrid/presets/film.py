"""Films: the default's grid of three axes, sized and scheduled for passes over millions of samples, and SIREN's own setting."""

import math
from dataclasses import dataclass, replace

from ungrid.domain.box import Box
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.identity import Identity
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.presets.choice import Choice, sized
from ungrid.signals.base import Signal

SHRINK = 0.99  # step of the search for a resolution
SAMPLED = 38e-4  # of all pixels in a batch of SIREN's
LEAST_BATCH, MOST_BATCH = 4_096, 2**19
LEAST_STEPS = 512  # of a film of few samples


@dataclass(frozen=True)
class FilmEffort:
    """A point of the default's frontier for films.

    Args:
        passes: over all samples of a short film.
        most_samples: that are drawn in all, which bounds the seconds of a long one.
        steps: among which they are divided, as far as batches allow.
        params_per_value: grid parameters for each value of the film.
        most_params: of a long film, which bounds the bytes and the seconds of a step.
    """

    passes: int
    most_samples: int
    steps: int
    params_per_value: float
    most_params: int


FILM_EFFORTS = {
    "fast": FilmEffort(8, 2**26, 768, 0.03, 2**22),
    "balanced": FilmEffort(32, 2**28, 1_536, 0.06, 2**24),
    "best": FilmEffort(64, 2**30, 4_096, 0.12, 2**26),
}


def siren_video(
    box: Box,
    out_dim: int,
    *,
    width: int = 1024,
    depth: int = 4,
    first_omega: float = 30.0,
    hidden_omega: float = 30.0,
    seed: int = 0,
) -> Field:
    """SIREN for a film, as in its authors' `train_video.py` (sitzmann2020siren).

    Four sine layers of 1,024 (the script's `num_hidden_layers=3` counts those after the first), omega 30; Adam at 1e-4 on 0.38 %
    of all pixels, drawn anew at each of 100,000 steps; values in [-1, 1], here scaled to [0, 1]. For a GPU: a step on seven
    seconds of bikes.mp4 takes 28 seconds of one core of a processor.

    Args:
        box: where the field lives, one unit a sample.
        out_dim: channels.
        width: of the hidden layers.
        depth: number of hidden layers.
        first_omega, hidden_omega: frequency factors ω₀.
        seed: of the weights.
    """
    network = Siren(box.dim, out_dim, width, depth=depth, first_omega=first_omega, hidden_omega=hidden_omega, seed=seed)
    field = EncodedField(box, Identity(box.dim), network, (0.5,), (0.5,))
    batch = max(1, int(SAMPLED * math.prod(box.extent)))
    field.recipe = Recipe(learning_rate=1e-4, steps=100_000, batch_size=batch, order="uniform")
    return field


def film_grid(
    box: Box,
    out_dim: int,
    *,
    shape: tuple[int, ...] | None = None,
    params_per_value: float = 0.06,
    n_levels: int = 4,
    time_share: float = 2.0,
    interpolation: str = "linear",
    width: int = 32,
    depth: int = 2,
    seed: int = 0,
) -> Field:
    """A multiresolution dense grid of time and space and a small ReLU network: the default for films.

    The idea is the dense multiresolution grid of instant-ngp (mueller2022instant); sizes and recipe are ours.

    Args:
        box: where the field lives; its first axis is time.
        out_dim: channels.
        shape: samples of the film along each axis; for None, one per unit of the box.
        params_per_value: grid parameters for each value of the film; above 0.
        n_levels: of the grid, each twice as fine as the last.
        time_share: cells of a frame's time, in cells of a pixel; above 0.
        interpolation: "linear", "smoothstep" or "cubic".
        width, depth: of the network's hidden layers.
        seed: of grid and weights.
    """
    shape = shape or tuple(max(1, round(extent)) for extent in box.extent)
    n_beyond = 3 if interpolation == "cubic" else 1
    levels = film_levels(shape, params_per_value * out_dim / 2, n_levels, time_share, n_beyond)
    encoding = DenseGrid(box.dim, levels, 2, interpolation=interpolation, seed=seed)
    network = Mlp(encoding.out_dim, out_dim, width, depth=depth, seed=seed)
    field = EncodedField(box, encoding, network, (1.0,), (0.5,))
    field.recipe = Recipe(learning_rate=3e-2, schedule="cosine", steps=1000, batch_size=2**16, betas=(0.9, 0.99), epsilon=1e-15)
    return field


def film_levels(
    shape: tuple[int, ...], nodes_per_sample: float, n_levels: int, time_share: float, n_beyond: int
) -> tuple[tuple[int, ...], ...]:
    """Cells per axis of each level, coarse to fine by factors of two, so that the nodes fill a share of the samples.

    At most one cell for each sample and at least one along each axis. The first axis, time, has `time_share` times as many cells
    for each of its samples as the others. A level has `n_beyond` nodes more than cells on each axis.
    """
    fraction, most = 1.0, nodes_per_sample * math.prod(shape)
    while True:
        fractions = [fraction / 2**level for level in reversed(range(n_levels))]
        levels = [
            tuple(max(1, min(n, round(n * part * (1.0 if axis else time_share)))) for axis, n in enumerate(shape))
            for part in fractions
        ]
        n_nodes = sum(math.prod(cells + n_beyond for cells in level) for level in levels)
        if n_nodes <= most or max(levels[-1]) == 1:
            return tuple(levels)
        fraction *= SHRINK


def film_field(signal: Signal, effort: FilmEffort, params_per_value: float, seed: int = 0) -> Field:
    """The default's field for a film, with the batches and steps of the effort.

    Args:
        signal: the film.
        effort: how many samples are drawn, and how many parameters there may be.
        params_per_value: of the grid, at most.
        seed: of the weights.
    """
    share = max(1e-9, min(params_per_value, effort.most_params / signal.values.numel()))
    field = film_grid(signal.box, signal.out_dim, shape=signal.grid.shape, params_per_value=share, seed=seed)
    field.recipe = film_recipe(field, min(effort.passes * signal.grid.size, effort.most_samples), effort)
    return field


def film_recipe(field: Field, drawn: int, effort: FilmEffort) -> Recipe:
    """The field's recipe with so many samples drawn in all, in the batches and steps of the effort."""
    assert field.recipe is not None
    batch = max(LEAST_BATCH, min(MOST_BATCH, drawn // effort.steps))
    return replace(field.recipe, batch_size=batch, steps=max(LEAST_STEPS, round(drawn / batch)))


def choose_film(signal: Signal, effort: str, *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """The default for films, see `film_grid`; arguments and errors as of `presets.auto.choose`."""
    level = FILM_EFFORTS[effort]
    field = sized(signal, lambda share: film_field(signal, level, share, seed), level.params_per_value, max_bytes)
    recipe = field.recipe
    assert recipe is not None
    reason = (
        f"{effort}: a dense grid of time and space and a 2×32 network, {field.n_params:,} parameters "
        f"({field.n_params / signal.values.numel():.3f} per value), {recipe.steps} steps of {recipe.batch_size:,} samples"
    )
    return Choice(field, "float16", "none", reason)
