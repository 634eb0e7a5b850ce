"""The default for volumes: how many parameters, passes and samples a step, so that any volume is done in bounded time."""

import math
from dataclasses import dataclass, replace

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.presets.choice import Choice, sized
from ungrid.presets.least_squares import MOST_CHANNELS, spline_field
from ungrid.signals.base import Signal

LEAST_NODES = 4  # of a cubic axis, also where it has fewer samples
LEAST_BATCH, MOST_BATCH = 4_096, 32_768
MOST_FOCUSED = 2**21  # samples: looking where a larger volume is wrong takes longer than it saves
BATCHES = 1_500  # of a fit, at least, until a batch has its least size


@dataclass(frozen=True)
class VolumeEffort:
    """A point of the frontier for volumes.

    Args:
        passes: over all samples, at most.
        most_seen: samples seen in all, at most: what bounds the time of a large volume.
        params_per_value: grid parameters for each value, at most.
    """

    passes: int
    most_seen: int
    params_per_value: float


VOLUME_EFFORTS = {
    "fast": VolumeEffort(6, 12_000_000, 0.45),
    "balanced": VolumeEffort(16, 40_000_000, 0.7),
    "best": VolumeEffort(48, 240_000_000, 0.9),
}


def build_volume(signal: Signal, params_per_value: float, seed: int) -> Field:
    """The field of a volume, before it begins at its spline; more parameters where it is a few samples thin or has few times."""
    known = signal.known_values.flatten(0, -2).double()
    ranges = []
    for mean, spread in zip(known.mean(dim=0).tolist(), known.std(dim=0, correction=0).tolist(), strict=True):
        half = spread if spread > 0 else 0.5
        ranges.append((mean - half, mean + half))
    return spline_field(
        signal.box,
        signal.out_dim,
        shape=signal.grid.shape,
        params_per_value=params_per_value * math.prod(max(1.0, LEAST_NODES / n) for n in signal.grid.shape),
        value_ranges=tuple(ranges),
        seed=seed,
    )


def schedule_volume(recipe: Recipe, n_samples: int, effort: str) -> Recipe:
    """The recipe with batches and steps for a volume of so many samples: all its passes, or as many as time allows."""
    level = VOLUME_EFFORTS[effort]
    seen = min(level.passes * n_samples, level.most_seen)
    batch = int(max(LEAST_BATCH, min(MOST_BATCH, seen / BATCHES)))
    order = "focused" if n_samples <= MOST_FOCUSED else "shuffled"
    return replace(recipe, order=order, batch_size=min(batch, max(1, n_samples)), steps=max(100, round(seen / batch)))


def choose_volume(signal: Signal, effort: str, *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """The default for volumes: a grid of cubic levels, begun at the signal's spline; arguments as of `presets.auto.choose`.

    Of a volume with gaps, only what is known is fitted.

    Raises:
        InputError: no room in the bytes, or more channels than a spline is begun for; a published setting takes them.
    """
    if signal.out_dim > MOST_CHANNELS:
        raise InputError(
            f"the default for volumes takes up to {MOST_CHANNELS} channels, this has {signal.out_dim}; say --preset dense_grid"
        )
    level = VOLUME_EFFORTS[effort]
    field = sized(signal, lambda share: build_volume(signal, max(share, 1e-9), seed), level.params_per_value, max_bytes)
    assert field.recipe is not None
    recipe = field.recipe = schedule_volume(field.recipe, signal.grid.size, effort)
    estimates = "none" if signal.known is not None else "spline"
    reason = (
        f"{effort}: a dense grid of 4 levels and a small network, {field.n_params:,} parameters "
        f"({field.n_params / signal.values.numel():.2f} per value), {recipe.steps} steps of {recipe.batch_size:,} samples; "
        f"{WHY[estimates]}, from their spline on"
    )
    return Choice(field, "float16", estimates, reason, from_spline=True)


WHY = {"none": "fitted to what is known", "spline": "fitted to samples and to the cubic spline between them"}
