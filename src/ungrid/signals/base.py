"""The signal: values on a grid, and what their source knew."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import ShapeError

ALPHA = "a"


def color_channels(channels: Sequence[str]) -> list[int]:
    """Indices of the channels that are not alpha: what quality is measured on, and what tone curves bend."""
    return [i for i, name in enumerate(channels) if name != ALPHA]


@dataclass(frozen=True, eq=False)
class Signal:
    """Values on a regular grid.

    Args:
        values: [*grid.shape, c], floating point, in the range that the kind has by convention (pictures: 0 to 1).
        grid: where the values lie; its box gives axes and units.
        kind: "image", "audio", "series", "video" or "volume".
        channels: name of each channel, e.g. ("r", "g", "b", "a").
        source: plain values (JSON) that the file knew and that writing needs: format, bit depth, sizes, dates …
        blobs: what the file knew as bytes, by name, e.g. {"icc_profile": …}.

    Raises:
        ShapeError: values that do not have the grid's shape plus one axis of channels.
    """

    values: Tensor
    grid: Grid
    kind: str
    channels: tuple[str, ...]
    source: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = (*self.grid.shape, len(self.channels))
        if tuple(self.values.shape) != expected or not self.values.is_floating_point():
            raise ShapeError(
                f"a signal on a grid of {self.grid.shape} with channels {self.channels} needs floating-point values of "
                f"shape {expected}; got {self.values.dtype} of shape {tuple(self.values.shape)}"
            )

    @property
    def box(self) -> Box:
        """Where the signal lives."""
        return self.grid.box

    @property
    def out_dim(self) -> int:
        """c, the number of channels."""
        return len(self.channels)

    @property
    def is_float(self) -> bool:
        """Whether the source's samples were floating point, of no fixed range; integers lie in [0, 1]."""
        return self.source.get("sample_format") == "float"

    @property
    def is_linear(self) -> bool:
        """Whether values are proportional to light; if not, they are encoded by the sRGB curve."""
        return self.source.get("transfer") == "linear"

    def describe(self) -> str:
        """One line for a person: kind, size, channels, and what the file was."""
        size = "×".join(str(n) for n in reversed(self.grid.shape))
        origin = " ".join(str(self.source[key]) for key in ("bit_depth", "format") if key in self.source)
        origin = origin.replace(" ", "-bit ", 1)
        return f"{self.kind} of {size} samples, channels {' '.join(self.channels)}" + (f", {origin}" if origin else "")

    def with_values(self, values: Tensor) -> "Signal":
        """The same grid and metadata with other values of the same shape [*shape, c]."""
        return replace(self, values=values)
