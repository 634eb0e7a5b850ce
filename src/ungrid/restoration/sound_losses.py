"""What was lost of a sound: peaks cut off, stretches missing, high frequencies; and what is still known of each sample."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.errors import InputError, ShapeError
from ungrid.signals.base import Signal
from ungrid.signals.kspace_file import read_array

FLOAT_STEP = 1e-6  # of the level, by which float samples may miss it
ALIKE = 3  # samples at the largest value, at least, for it to be a level and no mere peak


@dataclass(frozen=True, eq=False)
class Bounds:
    """Between what each sample lies: lower = upper where it is known.

    Args:
        lower: [n, c] what it is at least, -inf where nothing is known.
        upper: [n, c] what it is at most.
    """

    lower: Float[Tensor, "n c"]
    upper: Float[Tensor, "n c"]

    @property
    def known(self) -> Bool[Tensor, "n c"]:
        """Which samples are known."""
        return self.lower == self.upper

    def joined(self, other: "Bounds") -> "Bounds":
        """What is left to a sample of which either loss knows less."""
        return Bounds(torch.minimum(self.lower, other.lower), torch.maximum(self.upper, other.upper))

    def held(self, values: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """The nearest values within."""
        return torch.minimum(torch.maximum(values, self.lower), self.upper)


@dataclass(frozen=True)
class Clipping:
    """Peaks were cut off at a level: a sample at it was at least that.

    Args:
        level: in units of the samples (full scale is 1), above 0; None to take the largest value of each sign and channel.
    """

    level: float | None = None

    def __post_init__(self) -> None:
        if self.level is not None and not (math.isfinite(self.level) and self.level > 0):
            raise InputError(f"the level of clipping is {self.level}; expected a number above 0, as a share of full scale")

    def bounds(self, signal: Signal) -> Bounds:
        """What is known of the samples.

        Raises:
            InputError: no sample reaches the level, or none is below it; no level given, and none to be seen.
        """
        values = signal.values
        largest = float(values.abs().max())
        if self.level is None:
            high, low = _seen_level(values), -_seen_level(-values)
        else:
            high, low = torch.full((values.shape[1],), self.level), torch.full((values.shape[1],), -self.level)
        slack = _slack(signal, largest if self.level is None else self.level)
        above, below = values >= high - slack, values <= low + slack
        if not bool((above | below).any()):
            raise InputError(
                f"no sample reaches the clipping level {self.level:g}: the largest is {largest:g}; give a lower level"
                if self.level is not None
                else f"no clipping is to be seen: no {ALIKE} samples in a row share the largest value {largest:g}; give a level"
            )
        if not bool((~above & ~below).any()):
            raise InputError(f"all samples reach the clipping level {self.level}; nothing is left to restore from")
        return Bounds(values.masked_fill(below, -math.inf), values.masked_fill(above, math.inf))

    def describe(self, bounds: Bounds) -> str:
        """In words, for reports."""
        clipped = ~bounds.known
        level = f":{self.level:g}" if self.level is not None else ""
        return f"clipping{level} ({float(clipped.float().mean()):.1%} of samples)"


@dataclass(frozen=True, eq=False)
class Gaps:
    """Stretches are missing.

    Args:
        spans: (start, end) of each in seconds; samples whose time lies in [start, end).
        known: [n] booleans instead, which samples are known; an array, a tensor, or a path to .npy.
    """

    spans: Sequence[tuple[float, float]] = ()
    known: Any = None

    def bounds(self, signal: Signal) -> Bounds:
        """What is known of the samples.

        Raises:
            InputError, ShapeError: a gap that is none or lies outside, a mask of another length; nothing or everything missing.
        """
        known = _known(self.known, len(signal.values)) if self.known is not None else torch.ones(len(signal.values)).bool()
        times = signal.grid.axis_coords(0, dtype=torch.float64)
        end = signal.box.bounds[0][1]
        for start, stop in self.spans:
            if not (math.isfinite(start) and math.isfinite(stop) and 0 <= start < stop):
                raise InputError(f"a gap from {start:g} to {stop:g} s; expected START below END, both at least 0")
            if stop > end + 1 / 2 * signal.grid.spacing[0]:
                raise InputError(f"a gap from {start:g} to {stop:g} s lies outside of the sound, which ends at {end:g} s")
            inside = (times >= start) & (times < stop)
            if not bool(inside.any()):
                raise InputError(
                    f"a gap from {start:g} to {stop:g} s holds no sample; samples are {signal.grid.spacing[0]:g} s apart"
                )
            known = known & ~inside
        if bool(known.all()):
            raise InputError("no sample is missing; say which with spans of seconds, or a mask that is false there")
        if not bool(known.any()):
            raise InputError("all samples are missing; nothing is left to restore from")
        lost = ~known[:, None].expand_as(signal.values)
        return Bounds(signal.values.masked_fill(lost, -math.inf), signal.values.masked_fill(lost, math.inf))

    def describe(self, bounds: Bounds) -> str:
        """In words, for reports."""
        lost = ~bounds.known[:, 0]
        starts = int((lost[1:] & ~lost[:-1]).sum()) + int(lost[0])
        return f"gaps:{starts} ({int(lost.sum())} samples)"


def _seen_level(values: Tensor) -> Tensor:
    """[c] the largest value of each channel where some samples in a row have it, above 0; infinite where they have not."""
    level = values.amax(dim=0)
    at = values >= level
    runs = at.float().unfold(0, ALIKE, 1).amin(dim=-1).amax(dim=0) > 0 if len(values) >= ALIKE else torch.zeros_like(level)
    return torch.where((runs > 0) & (level > 0), level, math.inf)


def _slack(signal: Signal, level: float) -> float:
    """How far below the level a clipped sample may be: half a step of an integer file, rounding of a float one."""
    is_int = signal.source.get("sample_format") == "int"
    return 0.5 / 2 ** (int(signal.source.get("bit_depth", 16)) - 1) if is_int else FLOAT_STEP * level


def _known(mask: Any, n: int) -> Tensor:
    known = torch.as_tensor(read_array(Path(mask)) if isinstance(mask, str | os.PathLike) else mask)
    if known.shape != (n,):
        raise ShapeError(f"the mask has shape {tuple(known.shape)}; expected ({n},), one boolean a sample")
    if known.dtype != torch.bool:
        raise InputError(f"the mask holds {known.dtype}; expected booleans, true where a sample is known")
    return known
