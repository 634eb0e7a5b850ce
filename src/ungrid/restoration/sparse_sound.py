"""The sound of fewest waves that is consistent with what was heard of it."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.terms.gabor import GaborFrame

papers = ("kitic2015sparsity", "zaviska2021survey")
MOST_ITERATIONS = 200
CLOSE = 1e-3  # ‖A x − z‖ / ‖A x‖ at which waves and samples agree


class Sparse(NamedTuple):
    """The samples of the field, and what ended the search: "converged" or "iterations"."""

    values: Tensor
    stopped_by: str


@torch.no_grad()
def sparse_sound(observed: Float[Tensor, " n"], lower: Float[Tensor, " n"], upper: Float[Tensor, " n"], size: int) -> Sparse:
    """Samples x between two bounds with few waves in each frame, by the alternating directions of SPADE (kitic2015sparsity).

    Each round keeps the k largest waves of a frame of A x + u, then takes the nearest samples within the bounds; k grows by one
    a round, until waves and samples agree. The frame is tight, so each half is exact (zaviska2021survey). Unlike theirs the
    frames are not solved apart: the bounds hold for the sound and not for each frame's own copy of it.

    Args:
        observed: samples to begin at, in the bounds.
        lower: what the samples are at least; equal to `upper` where they are known, -inf where nothing is.
        upper: what they are at most.
        size: samples of a frame.
    """
    frame = GaborFrame(len(observed), size)
    values = observed.clone()
    seen = frame.A(values)
    dual = torch.zeros_like(seen)
    n_waves = seen.shape[1]
    for round_ in range(min(MOST_ITERATIONS, n_waves - 1)):
        wanted = seen + dual
        sizes = wanted.abs()
        least = sizes.kthvalue(n_waves - 1 - round_, dim=1, keepdim=True).values
        waves = wanted * (sizes > least)
        dual = wanted - waves
        values = torch.minimum(torch.maximum(frame.A_adjoint(waves - dual), lower), upper)
        seen = frame.A(values)
        apart = float((seen - waves).abs().square().sum())
        if math.sqrt(apart) <= CLOSE * math.sqrt(float(seen.abs().square().sum())):
            return Sparse(values, "converged")
    return Sparse(values, "iterations")
