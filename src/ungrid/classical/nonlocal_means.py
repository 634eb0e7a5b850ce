"""Averages over places that look alike."""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor

SEARCH = 5  # samples to each side
PATCH = 1  # samples to each side of a patch's middle


@torch.no_grad()
def nonlocal_means(
    values: Float[Tensor, "*shape c"], deviation: float, *, search: int = SEARCH, patch: int = PATCH
) -> Float[Tensor, "*shape c"]:
    """Each sample the mean of those around it, weighted by exp(−d² / deviation²), d² the mean squared difference of the patches
    around both (buades2005nonlocal). The picture wraps.

    Args:
        values: of a picture or volume.
        deviation: how far patches may differ, in units of the values; 0 leaves all as it is.
        search: samples to each side that are looked at.
        patch: samples to each side of a patch's middle.
    """
    if deviation <= 0:
        return values.clone()
    axes = tuple(range(values.ndim - 1))
    total, weights = values.clone(), torch.ones_like(values[..., :1])
    offsets = itertools.product(range(-search, search + 1), repeat=len(axes))
    for offset in offsets:
        if offset <= (0,) * len(axes):
            continue  # each pair once: what is near to one is near to the other
        other = values.roll(offset, axes)
        distance = (values - other).square().sum(dim=-1, keepdim=True)
        for axis in axes:
            distance = torch.stack([distance.roll(k, axis) for k in range(-patch, patch + 1)]).mean(dim=0)
        weight = torch.exp(distance.div_(-(deviation**2)))
        back = tuple(-k for k in offset)
        turned = weight.roll(back, axes)
        total += weight * other + turned * values.roll(back, axes)
        weights += weight + turned
    return total / weights
