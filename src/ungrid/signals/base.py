"""The signal: values on a grid, and what their source knew."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import ShapeError

ALPHA = "a"
RANGES = {"image": (0.0, 1.0), "video": (0.0, 1.0), "audio": (-1.0, 1.0)}  # of integer samples, by kind; others are as measured


def root_mean_square(values: Tensor) -> float:
    """Of all values, in float64; 1 where they are 0."""
    return math.sqrt(float(values.double().square().mean())) or 1.0


def peak_to_peak(values: Tensor) -> float:
    """Highest less lowest of all values; 1 where they are equal."""
    return float(values.max() - values.min()) or 1.0


PEAKS: dict[str, Callable[[Tensor], float]] = {"image": lambda _: 1.0, "video": lambda _: 1.0, "audio": root_mean_square}
OWN_PEAKS = ("series", "sphere")  # kinds whose channels are different quantities, in units of their own


def peak_of(kind: str, values: Tensor) -> float:
    """What PSNR of values of a kind is measured against, see `Signal.peak`."""
    return PEAKS.get(kind, peak_to_peak)(values)


def color_channels(channels: Sequence[str]) -> list[int]:
    """Indices of the channels that are not alpha: what quality is measured on, and what tone curves bend."""
    return [i for i, name in enumerate(channels) if name != ALPHA]


@dataclass(frozen=True)
class Outline:
    """A signal without its values: what a writer needs to know before the first of them.

    Args:
        grid, kind, channels, source, blobs: as in `Signal`.
    """

    grid: Grid
    kind: str
    channels: tuple[str, ...]
    source: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Signal:
    """Values on a regular grid.

    Args:
        values: [*grid.shape, c], floating point, in the range that the kind has by convention (`RANGES`), or as measured.
        grid: where the values lie; its box gives axes and units.
        kind: a name in `ungrid.signals.MODALITIES`: "image", "audio", "series", "video", "volume" or "sphere".
        channels: name of each channel, e.g. ("r", "g", "b", "a").
        source: plain values (JSON) that the file knew and that writing needs: format, bit depth, sizes, dates …
        blobs: what the file knew as bytes, by name, e.g. {"icc_profile": …}.
        known: [*grid.shape] which samples the source has, or [*grid.shape, c] which values; None for all. Values elsewhere are
            finite, and mean nothing.
        places: [*grid.shape, d] where the samples lie, float64, of those that do not lie at the grid's points, such as a series
            of irregular times: the grid then says how many there are and in which box. None for the grid's points.

    Raises:
        ShapeError: values that do not have the grid's shape plus one axis of channels, or `known` or `places` without that shape.
    """

    values: Tensor
    grid: Grid
    kind: str
    channels: tuple[str, ...]
    source: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    known: Tensor | None = None
    places: Tensor | None = None

    def __post_init__(self) -> None:
        expected = (*self.grid.shape, len(self.channels))
        if tuple(self.values.shape) != expected or not self.values.is_floating_point():
            raise ShapeError(
                f"a signal on a grid of {self.grid.shape} with channels {self.channels} needs floating-point values of "
                f"shape {expected}; got {self.values.dtype} of shape {tuple(self.values.shape)}"
            )
        known, places = self.known, self.places
        if known is not None and (known.dtype != torch.bool or tuple(known.shape) not in (self.grid.shape, expected)):
            raise ShapeError(f"known has {known.dtype} of shape {tuple(known.shape)}; expected booleans {self.grid.shape}")
        where = (*self.grid.shape, self.box.dim)
        if places is not None and (places.dtype != torch.float64 or tuple(places.shape) != where):
            raise ShapeError(f"places have {places.dtype} of shape {tuple(places.shape)}; expected float64 {where}")

    @property
    def box(self) -> Box:
        """Where the signal lives."""
        return self.grid.box

    @property
    def out_dim(self) -> int:
        """c, the number of channels."""
        return len(self.channels)

    @property
    def n_values(self) -> int:
        """Of all channels together."""
        return self.values.numel()

    @property
    def outline(self) -> Outline:
        """All but the values."""
        return Outline(self.grid, self.kind, self.channels, self.source, self.blobs)

    @property
    def value_range(self) -> tuple[float, float] | None:
        """Lowest and highest value that can be shown or heard; None where values are as measured, or of float samples."""
        return None if self.source.get("sample_format") == "float" else RANGES.get(self.kind)

    def shown(self, values: Tensor) -> Tensor:
        """Values clipped to the range that can be shown, as they are where there is none."""
        return values if self.value_range is None else values.clamp(*self.value_range)

    @property
    def measured_channels(self) -> list[int]:
        """Indices of the channels that quality is measured on: all but a picture's or film's alpha."""
        return color_channels(self.channels) if self.kind in ("image", "video") else list(range(self.out_dim))

    @property
    def peak(self) -> float:
        """What PSNR is measured against: 1 for pictures and films, the root mean square for sound (PSNR is then the SNR), the
        source's peak to peak for all else; 1 where that is 0."""
        return peak_of(self.kind, self.known_values)

    @property
    def known_values(self) -> Tensor:
        """[*shape, c]; or [n, c] of the samples that are known, [n] where single values of them are."""
        return self.values if self.known is None else self.values[self.known]

    @property
    def known_samples(self) -> Tensor | None:
        """[*shape] which samples have at least one value that is known; None for all."""
        return self.known.any(dim=-1) if self.known is not None and self.known.shape == self.values.shape else self.known

    @property
    def peaks(self) -> list[float]:
        """What each channel's error is measured against: its own peak to peak where channels are different quantities, else
        `peak` for all."""
        if self.kind not in OWN_PEAKS:
            return [self.peak] * self.out_dim
        return [peak_of(self.kind, self.known_channel(channel)) for channel in range(self.out_dim)]

    def known_channel(self, channel: int) -> Tensor:
        """The values of one channel that are known [n]."""
        values, known = self.values[..., channel], self.known
        if known is None:
            return values.flatten()
        return values[known[..., channel] if known.shape == self.values.shape else known]

    @property
    def is_linear(self) -> bool:
        """Whether values are proportional to light; if not, they are encoded by the sRGB curve."""
        return self.source.get("transfer") == "linear"

    def describe(self) -> str:
        """One line for a person: kind, size, channels, and what the file was."""
        size = "×".join(str(n) for n in reversed(self.grid.shape))
        origin = " ".join(str(self.source[key]) for key in ("bit_depth", "format") if key in self.source)
        origin = origin.replace(" ", "-bit ", 1) if "bit_depth" in self.source else origin
        return f"{self.kind} of {size} samples, channels {' '.join(self.channels)}" + (f", {origin}" if origin else "")

    def with_values(self, values: Tensor) -> "Signal":
        """The same grid and metadata with other values of the same shape [*shape, c]."""
        return replace(self, values=values)
