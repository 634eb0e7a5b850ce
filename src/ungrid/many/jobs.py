"""Which items are fitted together: those of one shape, in stacks that fit into memory; all others one by one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ungrid.errors import UngridError
from ungrid.fit.state import WEIGHT_COPIES
from ungrid.many.items import Item, Source
from ungrid.presets.auto import EFFORTS
from ungrid.presets.many import can_stack, choose_many
from ungrid.presets.plan import AUTO, DEFAULT_EFFORT
from ungrid.signals.base import Signal

MOST_MEMBERS = 64  # 128 at once take as long for each, and a job that is killed loses more
USUAL_MEMORY = 2**29
SAMPLE_COPIES = 4  # of the values of a lattice: themselves, errors, weights, and the signals


@dataclass(frozen=True)
class Settings:
    """How each item is fitted; arguments as in `verbs.fit`.

    Args:
        preset, steps, max_seconds, target_psnr, seed, device: of each fit.
        max_memory: bytes that a fit or a stack of them may take.
    """

    preset: str = AUTO
    steps: int | None = None
    max_seconds: float | None = None
    target_psnr: float | None = None
    seed: int = 0
    device: str = "auto"
    max_memory: int | None = None

    @property
    def effort(self) -> str | None:
        """The point of the default's frontier, or None for a published setting, which is fitted one by one."""
        effort = DEFAULT_EFFORT if self.preset == AUTO else self.preset
        return effort if effort in EFFORTS else None


@dataclass(frozen=True)
class Job:
    """Items that are fitted in one go.

    Args:
        items: of one shape if they are a stack.
        is_stack: whether they are fitted together.
    """

    items: tuple[Item, ...]
    is_stack: bool


def plan_jobs(source: Source, items: Sequence[Item], settings: Settings) -> tuple[list[Job], dict[str, UngridError]]:
    """Jobs for all items that can be read, and what is wrong with the others, by name.

    Files are read once here for their shapes, one at a time, and once more when they are fitted: not all are held at once.
    """
    groups: dict[tuple[Any, ...], list[Item]] = {}
    most: dict[tuple[Any, ...], int] = {}
    bad: dict[str, UngridError] = {}
    for item in items:
        try:
            if source.is_uniform and most:
                ((key, members),) = most.items()  # the arrays of a stack are all as the first
            else:
                key, members = _group(source.signal(item), settings)
        except UngridError as error:
            bad[item.name] = error
            continue
        groups.setdefault(key, []).append(item)
        most[key] = members
    jobs = []
    for key, group in groups.items():
        together = most[key] > 1 and len(group) > 1
        size = _even(len(group), most[key]) if together else 1
        jobs += [Job(tuple(group[i : i + size]), together) for i in range(0, len(group), size)]
    return jobs, bad


def outline_of(signal: Signal) -> tuple[Any, ...]:
    """What signals of one stack have in common."""
    return (signal.kind, signal.grid.shape, signal.channels, signal.value_range, signal.known is None, str(signal.values.dtype))


def _group(signal: Signal, settings: Settings) -> tuple[tuple[Any, ...], int]:
    """The group of a signal, and how many of it are fitted together at most; 1 for one that is fitted alone."""
    if settings.effort is None or not can_stack(signal):
        return outline_of(signal), 1
    choice = choose_many(signal, settings.effort)
    batch = choice.field.recipe.batch_size if choice.field.recipe else None
    n_places = signal.grid.with_midpoints().size
    held = 4 * WEIGHT_COPIES * choice.field.n_params + 4 * SAMPLE_COPIES * n_places * (signal.out_dim + 1)
    held += (batch or n_places) * choice.field.bytes_per_point()
    room = (settings.max_memory or USUAL_MEMORY) // held
    return outline_of(signal), max(1, min(MOST_MEMBERS, room))


def _even(n: int, most: int) -> int:
    """Members of each of as few equal parts as n items need."""
    return math.ceil(n / math.ceil(n / most))
