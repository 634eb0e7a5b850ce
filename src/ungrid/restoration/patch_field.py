"""A field that is likely under the noise and under a mixture prior of its patches, learned from the noisy picture itself."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.classical.nonlocal_bayes import decorrelating
from ungrid.classical.total_variation import total_variation
from ungrid.terms.patch_mixture import PatchMixture, grouped, n_groups_for

papers = ("zoran2011learning", "houdard2018high", "facciolo2017conservative")
SIDE = 7  # pixels of a patch
LEARNED_FROM = 30_000  # patches, at most
ROUNDS = 6  # of expectation and maximization
START_WEIGHT = 0.7  # of total variation, in sigmas: the patches of that are what is first grouped
BINDING = (4.0, 16.0)  # of the field to its patches, round by round, in units of 1 / sigma²
BAND = 2**16  # patches worked on at once


@torch.no_grad()
def patch_field(values: Float[Tensor, "y x c"], sigma: float, rng: torch.Generator) -> Float[Tensor, "y x c"]:
    """Samples of a lattice field near argmin_x |x − y|² / 2 sigma² − Σ_p log p(P_p x), p a mixture of Gaussians of patches.

    The mixture is learned from the noisy patches by expectation and maximization, the noise being taken off its covariances
    (houdard2018high), so that it needs no other picture. The field is linear in its parameters, and half-quadratic splitting
    (zoran2011learning) finds them: in turn the likeliest patches behind those of the field, and the field nearest to samples
    and patches, bound ever tighter. Last, what varies slowly is set right by the same done to means of 2×2 samples, whose
    patches reach twice as far with half the noise (facciolo2017conservative): 0.5 dB on a smooth picture at 50 levels. No step
    looks at the truth.

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
    found = _of_one_scale(plane, sigma, rng)
    if min(plane.shape) < 4 * SIDE:
        return found
    error = _of_one_scale(_halved(plane), sigma / 2, rng) - _halved(found)
    spread = functional.interpolate(_blurred(error)[None, None], scale_factor=2, mode="bilinear")[0, 0]
    return found + spread[: plane.shape[0], : plane.shape[1]]


def _halved(plane: Tensor) -> Tensor:
    """Means of 2×2 samples; the last row or column of an odd number counts twice."""
    height, width = plane.shape
    even = functional.pad(plane[None, None], (0, width % 2, 0, height % 2), mode="replicate")
    return functional.avg_pool2d(even, 2)[0, 0]


def _blurred(plane: Tensor) -> Tensor:
    """Weights 1, 2, 1 along both axes: what is left varies slowly."""
    taps = plane.new_tensor([0.25, 0.5, 0.25])
    wide = functional.pad(plane[None, None], (1, 1, 1, 1), mode="replicate")
    return functional.conv2d(wide, torch.outer(taps, taps)[None, None])[0, 0]


def _of_one_scale(plane: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
    side = min(SIDE, *plane.shape)
    mixture = _learned(plane, side, sigma, rng)
    found = _likeliest(plane, side, mixture, sigma)
    for binding in BINDING:
        field = (plane + binding * found) / (1 + binding)
        found = _likeliest(field, side, mixture, sigma / math.sqrt(binding))
    return found


def _learned(plane: Tensor, side: int, sigma: float, rng: torch.Generator) -> PatchMixture:
    """The mixture of a plane's patches, from some of them; their first groups are those of a smoother picture's patches."""
    smooth = total_variation(plane[..., None], START_WEIGHT * sigma).values[..., 0]
    down, across = (n - side + 1 for n in plane.shape)
    n = down * across
    some = torch.arange(n) if n <= LEARNED_FROM else torch.randint(n, (LEARNED_FROM,), generator=rng)
    places = (some // across, some % across)
    patches, starts = (_centered(every.unfold(0, side, 1).unfold(1, side, 1)[places].flatten(1))[0] for every in (plane, smooth))
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
