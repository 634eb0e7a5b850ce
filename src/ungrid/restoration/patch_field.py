"""A field that is likely under the noise and under a mixture prior of its patches, learned from the noisy picture itself."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.classical.nonlocal_bayes import decorrelating
from ungrid.classical.total_variation import total_variation
from ungrid.terms.patch_mixture import PatchMixture, grouped, n_groups_for

papers = ("zoran2011learning", "houdard2018high")
SIDE = 7  # pixels of a patch
LEARNED_FROM = 60_000  # patches, at most
ROUNDS = 6  # of expectation and maximization
START_WEIGHT = 0.7  # of total variation, in sigmas: the patches of that are what is first grouped
BINDING = (4.0, 16.0)  # of the field to its patches, round by round, in units of 1 / sigma²
BAND = 2**16  # patches worked on at once


@torch.no_grad()
def patch_field(values: Float[Tensor, "y x c"], sigma: float, rng: torch.Generator) -> Float[Tensor, "y x c"]:
    """Samples of a lattice field near argmin_x |x − y|² / 2 sigma² − Σ_p log p(P_p x), p a mixture of Gaussians of patches.

    The mixture is learned from the noisy patches by expectation and maximization, the noise being taken off its covariances
    (houdard2018high), so that it needs no other picture. The field is linear in its parameters, and half-quadratic splitting
    (zoran2011learning) finds them: in turn the likeliest patches behind those of the field, and the field nearest to samples and
    patches, bound ever tighter. No step looks at the truth, and the rounds are few and fixed.

    Args:
        values: noisy samples of a picture.
        sigma: of the noise, 0 or more.
        rng: draws the patches to learn from, and the first centers of their groups.

    Shape: [y, x, c] → [y, x, c]. Each decorrelated channel has a mixture of its own.
    """
    if sigma == 0 or min(values.shape[:2]) < 2:
        return values.clone()
    mixing = decorrelating(values)
    planes = (values @ mixing.T).movedim(-1, 0)
    return torch.stack([_of_plane(plane, sigma, rng) for plane in planes], dim=-1) @ mixing


def _of_plane(plane: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
    side = min(SIDE, *plane.shape)
    mixture = _learned(plane, side, sigma, rng)
    found = _likeliest(plane, side, mixture, sigma)
    for binding in BINDING:
        field = (plane + binding * found) / (1 + binding)
        found = _likeliest(field, side, mixture, sigma / math.sqrt(binding))
    return found


def _learned(plane: Tensor, side: int, sigma: float, rng: torch.Generator) -> PatchMixture:
    """The mixture of a plane's patches, from some of them; their first groups are those of a smoother picture's patches."""
    noisy = plane.unfold(0, side, 1).unfold(1, side, 1).flatten(0, 1)
    some = torch.randperm(len(noisy), generator=rng)[:LEARNED_FROM].to(plane.device)
    smooth = total_variation(plane[..., None], START_WEIGHT * sigma).values[..., 0]
    patches, starts = (
        _centered(every.flatten(1))[0]
        for every in (noisy[some], smooth.unfold(0, side, 1).unfold(1, side, 1).flatten(0, 1)[some])
    )
    n_groups = min(n_groups_for(*patches.shape), len(patches))
    groups = grouped(starts, n_groups, rng)
    return PatchMixture.of_groups(patches, groups, n_groups, sigma).learned(patches, sigma, ROUNDS)


def _likeliest(plane: Tensor, side: int, mixture: PatchMixture, sigma: float) -> Tensor:
    """[y, x]: the mean of all overlapping patches, each the expected one behind the plane's own, band by band."""
    total, counts = torch.zeros_like(plane), torch.zeros_like(plane)
    wide = plane.shape[1] - side + 1
    rows = max(1, BAND // wide)
    for first in range(0, plane.shape[0] - side + 1, rows):
        band = slice(first, min(first + rows + side - 1, plane.shape[0]))
        patches, means = _centered(plane[band].unfold(0, side, 1).unfold(1, side, 1).flatten(0, 1).flatten(1))
        found = mixture.expected(patches, sigma) + means
        for of, into in ((found, total), (torch.ones_like(found), counts)):
            into[band] += functional.fold(of.T[None], tuple(plane[band].shape), side)[0, 0]
    return total / counts


def _centered(patches: Tensor) -> tuple[Tensor, Tensor]:
    means = patches.mean(dim=1, keepdim=True)
    return patches - means, means
