"""The default for volumes: how many parameters, passes and samples a step, so that any volume is done in bounded time."""

import math
from dataclasses import dataclass, replace

from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.presets.least_squares import spline_field
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
