"""Polynomials across what is lost of a sound: the plainest interpolation of gaps and clipped peaks."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@torch.no_grad()
def across_gaps(observed: Float[Tensor, " n"], known: Bool[Tensor, " n"], *, cubic: bool = True) -> Float[Tensor, " n"]:
    """Each run of lost samples filled by the cubic through both ends that has the slopes of the sound there, or by a line.

    A slope is that of the two known samples at an end; beside a lone known sample it is the line's own. Before the first known
    sample and after the last the value stays.

    Args:
        observed: a sound.
        known: which of its samples are known, at least one.
        cubic: False for lines.

    Shape: [n] → [n], known samples as they were.
    """
    at = torch.arange(len(observed))
    there = at[known]
    after = torch.searchsorted(there, at[~known])
    left, right = there[(after - 1).clamp_min(0)], there[after.clamp_max(len(there) - 1)]
    first, last = observed[left].double(), observed[right].double()
    width = (right - left).clamp_min(1).double()
    t = ((at[~known] - left) / width).clamp(0, 1)
    filled = torch.where(after == 0, last, first + t * (last - first))
    if cubic:
        line = (last - first) / width
        inner = (left < right).double()
        rise = torch.where(_is_known(known, left - 1), first - observed[(left - 1).clamp_min(0)].double(), line) - line
        fall = torch.where(_is_known(known, right + 1), observed[(right + 1).clamp_max(len(known) - 1)].double() - last, line)
        filled = filled + inner * width * (rise * t * (1 - t) ** 2 - (fall - line) * t**2 * (1 - t))
    values = observed.clone()
    values[~known] = filled.to(observed)
    return values


def _is_known(known: Tensor, at: Tensor) -> Tensor:
    return known[at.clamp(0, len(known) - 1)] & (at >= 0) & (at < len(known))
