"""Encodings made of encodings: side by side, or opened from coarse to fine."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.encodings.base import Encoding
from ungrid.encodings.limits import check_number
from ungrid.errors import InputError

MAX_PARTS = 64


class Concatenate(Encoding):
    """Several encodings of the same coordinates, side by side: γ(x) = [γ₁(x), γ₂(x), …].

    Args:
        encodings: 1 to 64 encodings of equal `in_dim`.

    Shape: coords [*, d] in [-1, 1] → features [*, sum of the parts' features], in the order given.
    Raises: InputError: no part, too many, or parts of different `in_dim`.
    """

    def __init__(self, encodings: tuple[Encoding, ...]):
        super().__init__()
        in_dims = {part.in_dim for part in encodings}
        if not 1 <= len(encodings) <= MAX_PARTS or len(in_dims) != 1:
            raise InputError(
                f"got {len(encodings)} encodings with in_dim {sorted(in_dims)}, expected 1 to {MAX_PARTS} with the same in_dim"
            )
        self.parts = nn.ModuleList(encodings)
        self.in_dim, self.out_dim = encodings[0].in_dim, sum(part.out_dim for part in encodings)
        self.smoothness = min(part.smoothness for part in encodings)

    @property
    def encodings(self) -> tuple[Encoding, ...]:
        """The parts, in order."""
        return tuple(self.parts)  # type: ignore[arg-type]

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        return torch.cat([part(coords) for part in self.encodings], dim=-1)

    def on_axes(self, axis_coords: list[Float[Tensor, "_"]]) -> Float[Tensor, "*shape features"]:
        """Each part's features on the grid of the given axis coordinates, side by side."""
        return torch.cat([part.on_axes(axis_coords) for part in self.encodings], dim=-1)

    def octaves(self) -> Float[Tensor, " features"] | None:
        """The parts' octaves, each above its own lowest; None if any part has none."""
        octaves = [part.octaves() for part in self.encodings]
        known = [part for part in octaves if part is not None]
        return torch.cat(known) if len(known) == len(octaves) else None


class CoarseToFine(Encoding):
    """An encoding whose features open from coarse to fine while fitting: mask = (1 - cos π·clip(α - octave, 0, 1)) / 2.

    α grows from 1 at `start` to 1 + the highest octave at `end`, so the lowest octave is always open. Keeps detail from being
    fitted before poses, deformations or shape are right. Fully open until `anneal` is first called.

    Args:
        encoding: any whose `octaves()` are known.
        start: progress of the fit, 0 to 1, at which the second octave begins to open.
        end: progress at which everything is open (the mask is exactly 1); start < end ≤ 1.

    Shape: coords [*, d] in [-1, 1] → features [*, features of `encoding`].
    Raises: InputError: an encoding without octaves, or not 0 ≤ start < end ≤ 1.
    Differs from the paper: octaves of any encoding, not only integer ones. Around `Frequency(…, include_coords=True)` it is
        the window of Nerfies and BARF, where the coordinates are always open; without them the first octave is.
    """

    paper = "park2021nerfies"
    progress: Float[Tensor, ""]
    feature_octaves: Float[Tensor, " features"]

    def __init__(self, encoding: Encoding, start: float = 0.0, end: float = 1.0):
        super().__init__()
        check_number("start", start, 0, 1)
        check_number("end", end, 0, 1)
        if start >= end:
            raise InputError(f"start is {start} and end is {end}, expected start < end")
        octaves = encoding.octaves()
        if octaves is None:
            raise InputError(f"{type(encoding).__name__} has no octaves to open one by one; mask an encoding that has")
        self.encoding, self.start, self.end = encoding, start, end
        self.in_dim, self.out_dim, self.smoothness = encoding.in_dim, encoding.out_dim, encoding.smoothness
        self.register_buffer("feature_octaves", octaves)
        self.register_buffer("progress", torch.ones(()))

    def anneal(self, progress: float) -> None:
        """Open the features for this fraction of the fit done, 0 to 1."""
        check_number("progress", progress, 0, 1)
        self.progress.fill_(progress)

    def mask(self) -> Float[Tensor, " features"]:
        """How open each feature is now, 0 to 1."""
        done = ((self.progress - self.start) / (self.end - self.start)).clamp(0, 1)
        opening = (1 + done * self.feature_octaves.max() - self.feature_octaves).clamp(0, 1)
        window = (1 - torch.cos(torch.pi * opening)) / 2
        is_over = self.progress >= self.end - 1e-6  # progress is rounded to the buffer's precision
        return torch.where(is_over, torch.ones_like(window), window)

    def forward(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch features"]:
        features: Tensor = self.encoding(coords)
        return self.mask() * features

    def on_axes(self, axis_coords: list[Float[Tensor, "_"]]) -> Float[Tensor, "*shape features"]:
        """The masked features on the grid of the given axis coordinates."""
        return self.mask() * self.encoding.on_axes(axis_coords)

    def octaves(self) -> Float[Tensor, " features"]:
        """Those of the encoding inside."""
        return self.feature_octaves
