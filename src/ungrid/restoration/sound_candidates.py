"""The candidates that can tell what was lost of a sound, in one table by name."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.classical.autoregressive import MOST_UNKNOWN, autoregressive
from ungrid.classical.autoregressive import paper as autoregressive_paper
from ungrid.classical.cubic_gaps import across_gaps
from ungrid.restoration.candidates import CLASSICAL, FIELD, JOINT, Estimate
from ungrid.restoration.sparse_sound import papers as sparse_papers
from ungrid.restoration.sparse_sound import sparse_sound

FRAME: Final = 0.093  # seconds of a frame: 4,096 samples at 44.1 kHz
CONTEXT = 4096  # samples on either side of what is lost, which a model is made of
ORDER = 1024
SHORT_CONTEXT, SHORT_ORDER = 1024, 256  # for sound that changes fast, such as speech
NEAR = 512  # samples between gaps that have one model, which would otherwise be of too much
MOST_WINDOW = 2**18  # samples worked on at once


class Stretch(NamedTuple):
    """One channel of a sound, or a part of it, and between what its samples lie.

    Args:
        observed: samples within the bounds.
        lower: what they are at least, -inf where nothing is known.
        upper: what they are at most; equal to `lower` where they are known.
        rate: samples a second.
    """

    observed: Float[Tensor, " n"]
    lower: Float[Tensor, " n"]
    upper: Float[Tensor, " n"]
    rate: float

    @property
    def known(self) -> Bool[Tensor, " n"]:
        """Which samples are known."""
        return self.lower == self.upper

    @property
    def is_free(self) -> bool:
        """Whether of each lost sample nothing is known, as in a gap; otherwise some have a bound, as above a clipping level."""
        lost = ~self.known
        return not bool((self.lower.isfinite() | self.upper.isfinite())[lost].any())

    def part(self, where: slice) -> "Stretch":
        """A part of it."""
        return Stretch(self.observed[where], self.lower[where], self.upper[where], self.rate)

    def held(self, values: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """The nearest values within the bounds."""
        return torch.minimum(torch.maximum(values, self.lower), self.upper)


class SoundCandidate(NamedTuple):
    """One way to tell lost samples: its name for a person, its kind, what it serves, and the function of a stretch."""

    said: str
    kind: Literal["field", "classical", "joint"]
    serves: Callable[[Stretch], bool]
    restore: Callable[[Stretch], Estimate]


def windows(known: Bool[Tensor, " n"], context: int = CONTEXT, together: int = 2 * CONTEXT) -> Iterator[tuple[slice, slice]]:
    """Around what is lost, as far as its context reaches: the samples to work on, and the part of these that is the result.

    What lies no further apart than `together` is worked on together, up to 262,144 samples.
    """
    lost = (~known).nonzero()[:, 0]
    if not len(lost):
        return
    breaks = (lost.diff() > together).nonzero()[:, 0]
    firsts = torch.cat([lost[:1], lost[breaks + 1]]).tolist()
    lasts = torch.cat([lost[breaks], lost[-1:]]).tolist()
    for first, last in zip(firsts, lasts, strict=True):
        for start in range(first, last + 1, MOST_WINDOW):
            inner = slice(start, min(start + MOST_WINDOW, last + 1))
            yield slice(max(0, inner.start - context), min(len(known), inner.stop + context)), inner


def in_windows(
    stretch: Stretch, restore: Callable[[Stretch], tuple[Tensor, str]], context: int = CONTEXT, together: int = 2 * CONTEXT
) -> tuple[Tensor, str]:
    """A stretch restored window by window; known samples stay."""
    values, reasons = stretch.observed.clone(), []
    for outer, inner in windows(stretch.known, context, together):
        found, reason = restore(stretch.part(outer))
        values[inner] = found[inner.start - outer.start : inner.stop - outer.start]
        reasons.append(reason)
    return torch.where(stretch.known, stretch.observed, values), ", ".join(dict.fromkeys(reasons))


def _sparse(factor: float) -> Callable[[Stretch], Estimate]:
    """A field that is sparse in frames of a length."""

    def restore(stretch: Stretch) -> Estimate:
        size = max(64, 2 ** round(math.log2(factor * FRAME * stretch.rate)))
        values, reason = in_windows(stretch, lambda part: sparse_sound(*part[:3], size))
        return Estimate(values, reason, sparse_papers)

    return restore


def _model(context: int, order: int) -> Callable[[Stretch], Estimate]:
    """An autoregressive model of as many samples on either side, and of that order at most."""

    def restore(stretch: Stretch) -> Estimate:
        def filled(part: Stretch) -> tuple[Tensor, str]:
            few = max(1, min(order, int(part.known.sum()) // 3))
            return autoregressive(part.observed, part.known, order=few), "rounds"

        return Estimate(*in_windows(stretch, filled, context, NEAR), (autoregressive_paper,))

    return restore


def _mean(stretch: Stretch) -> Estimate:
    """Half each of a model and of a sparse field: their errors differ."""
    model, field = _model(CONTEXT, ORDER)(stretch), _sparse(1.0)(stretch)
    return Estimate((model.values + field.values) / 2, f"{model.stopped_by}, {field.stopped_by}", (*model.papers, *field.papers))


def _polynomial(*, cubic: bool) -> Callable[[Stretch], Estimate]:
    def restore(stretch: Stretch) -> Estimate:
        return Estimate(stretch.held(across_gaps(stretch.observed, stretch.known, cubic=cubic)), "interpolation")

    return restore


def _as_it_is(stretch: Stretch) -> Estimate:
    return Estimate(stretch.held(stretch.observed), "projection")


def _any(stretch: Stretch) -> bool:
    return True


def _has_model(stretch: Stretch) -> bool:
    """Whether gaps are few enough for one system of equations each."""
    each = windows(stretch.known, CONTEXT, NEAR)
    return stretch.is_free and all(int((~stretch.known[outer]).sum()) <= MOST_UNKNOWN for outer, _ in each)


def _has_bounds(stretch: Stretch) -> bool:
    return not stretch.is_free


# the first that serves is taken where nothing can be hidden to judge them by
SOUND_CANDIDATES: Mapping[str, SoundCandidate] = {
    "sparse_mean": SoundCandidate("mean of a sparse field and an autoregressive model", JOINT, _has_model, _mean),
    "sparse_field": SoundCandidate("field that is sparse in frames of 93 ms", FIELD, _any, _sparse(1.0)),
    "sparse_field_long": SoundCandidate("field that is sparse in frames of 186 ms", FIELD, _any, _sparse(2.0)),
    "sparse_field_short": SoundCandidate("field that is sparse in frames of 46 ms", FIELD, _any, _sparse(0.5)),
    "autoregressive": SoundCandidate("autoregressive model", CLASSICAL, _has_model, _model(CONTEXT, ORDER)),
    "autoregressive_short": SoundCandidate(
        "autoregressive model of what is near", CLASSICAL, _has_model, _model(SHORT_CONTEXT, SHORT_ORDER)
    ),
    "cubic_gaps": SoundCandidate("cubic interpolation", CLASSICAL, _any, _polynomial(cubic=True)),
    "linear_gaps": SoundCandidate("linear interpolation", CLASSICAL, lambda stretch: stretch.is_free, _polynomial(cubic=False)),
    "projection": SoundCandidate("the clipped sound itself", CLASSICAL, _has_bounds, _as_it_is),
}
