"""Non-local Bayes: patches of a picture that are alike, as draws of one Gaussian (Lebrun, Buades, Morel 2013)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.errors import InputError, ShapeError

paper = "lebrun2013nonlocal"


@dataclass(frozen=True)
class Settings:
    """How patches are grouped; what did best on kodim05, and on bird and baby of Set5.

    Args:
        patch: pixels across.
        least: patches in a group.
        most: patches in a group of a flat place, where many are as like as the first.
        stride: pixels between the patches that groups are formed around.
        around: such patches along each side of a tile; they share one window of search.
        margin: pixels beyond the tile in which alike ones are looked for.
        likeness: of the further patches in a group: root mean square difference in the first estimate, in units of sigma.
    """

    patch: int = 8
    least: int = 60
    most: int = 160
    stride: int = 3
    around: int = 8
    margin: int = 14
    likeness: float = 0.3


class Tile(NamedTuple):
    """A part of a picture: rows and columns of its window, and [r] the places of the patches that groups are formed around, as
    numbers of patches in the window."""

    rows: slice
    columns: slice
    centers: Tensor


@torch.no_grad()
def nonlocal_bayes(
    values: Float[Tensor, "y x c"],
    sigma: float,
    *,
    pilot: Float[Tensor, "y x c"] | None = None,
    settings: Settings | None = None,
) -> Float[Tensor, "y x c"]:
    """Estimate of a picture under white Gaussian noise, from groups of patches that are alike: collaborative, as BM3D is.

    Around every third pixel the patches of the neighborhood that are most like the one there form a group, which is taken as
    draws of one Gaussian; each is replaced by its likeliest value, and all estimates of a pixel are averaged. This is done
    twice: the second time likeness and Gaussians are those of the first estimate.

    Args:
        values: noisy samples of a picture; any number of channels, c.
        sigma: of the noise, in units of the values, 0 or more.
        pilot: another estimate of the picture, which takes the place of the first step's.
        settings: of the groups.

    Shape: [y, x, c] → [y, x, c] of the same type. Pictures smaller than a patch have smaller patches.

    Raises:
        ShapeError: not a picture, or a pilot of another shape.
        InputError: a sigma out of range.

    Differs from the paper: in the first step a group's singular values are shrunk as gavish2017optimal does, which knows how far
        noise spreads them, where the paper takes the noise off all variances alike and tests for flat areas; both steps see
        each decorrelated channel alone, with groups common to all, where the paper's second step joins them; patches of 8
        pixels at all levels; groups around every third pixel, where the paper passes over what a group before has covered.
    """
    if values.dim() != 3 or not values.numel():
        raise ShapeError(f"expected a picture [y, x, c]; got shape {tuple(values.shape)}")
    if pilot is not None and pilot.shape != values.shape:
        raise ShapeError(f"the pilot has shape {tuple(pilot.shape)}, the picture {tuple(values.shape)}; they must be equal")
    if not (math.isfinite(sigma) and sigma >= 0):
        raise InputError(f"sigma is {sigma}; expected 0 or more")
    if sigma == 0 or min(values.shape[:2]) < 2:
        return values.clone()
    settings = settings or Settings()
    mixing = decorrelating(values)
    planes = (values @ mixing.T).movedim(-1, 0)
    first = (pilot @ mixing.T).movedim(-1, 0) if pilot is not None else _step(planes, planes[:1], None, sigma, settings)
    second = _step(planes, first, first, sigma, settings)
    return second.movedim(0, -1) @ mixing


def decorrelating(values: Float[Tensor, "*shape c"]) -> Float[Tensor, "c c"]:
    """Orthonormal mixing of channels, after which they have little in common: the DCT over them; of red, green and blue the mean
    and two differences. Mixed values are values @ mixing.T."""
    c = values.shape[-1]
    k = torch.arange(c, dtype=torch.float64, device=values.device)
    mixing = torch.cos(math.pi / c * (k + 0.5) * k[:, None]) * math.sqrt(2 / c)
    mixing[0] = math.sqrt(1 / c)
    return mixing.to(values.dtype)


def _step(planes: Tensor, guide: Tensor, pilot: Tensor | None, sigma: float, settings: Settings) -> Tensor:
    """One of the two steps: groups of what is alike in `guide` [g, y, x], Gaussians of the planes or of a pilot [c, y, x]."""
    side = min(settings.patch, *planes.shape[1:])
    total, counts = torch.zeros_like(planes), planes.new_zeros(planes.shape[1:])
    for tile in _tiles((planes.shape[1], planes.shape[2]), side, settings):
        window = (slice(None), tile.rows, tile.columns)
        group, share = _alike(_patches(guide[window], side).flatten(1), tile.centers, sigma, settings, exact=pilot is not None)
        noisy = _patches(planes[window], side)  # [patches, c, d]
        sums, weights = torch.zeros_like(noisy), noisy.new_zeros(len(noisy))
        for channel in range(len(planes)):
            own = noisy[:, channel][group]
            if pilot is None:
                found = _shrunk(own, sigma)
            else:
                found = _likeliest(
                    own, _patches(pilot[channel : channel + 1, tile.rows, tile.columns], side)[:, 0][group], share, sigma
                )
            sums[:, channel].index_add_(0, group.flatten(), (found * share[..., None]).flatten(0, 1))
        weights.index_add_(0, group.flatten(), share.flatten())
        shape = tuple(total[window].shape[1:])
        total[window] += _overlapped(sums, shape, side)
        counts[tile.rows, tile.columns] += _overlapped(weights[:, None, None].expand(-1, 1, side * side), shape, side)[0]
    return total / counts


def _tiles(shape: tuple[int, int], side: int, settings: Settings) -> Iterator[Tile]:
    """Tiles of the places where groups are formed, each with its window of search."""
    along = []
    for n in shape:
        places = list(range(0, n - side + 1, min(settings.stride, side)))
        along.append([*places, n - side] if places[-1] != n - side else places)
    runs = [[places[at : at + settings.around] for at in range(0, len(places), settings.around)] for places in along]
    for rows in runs[0]:
        for columns in runs[1]:
            windows = [
                slice(max(0, places[0] - settings.margin), min(n, places[-1] + settings.margin + side))
                for places, n in zip((rows, columns), shape, strict=True)
            ]
            wide = windows[1].stop - windows[1].start - side + 1
            down, across = (torch.tensor(places) - window.start for places, window in zip((rows, columns), windows, strict=True))
            yield Tile(windows[0], windows[1], (down[:, None] * wide + across).flatten())


def _patches(planes: Tensor, side: int) -> Tensor:
    """[c, h, w] → [patches, c, d], row by row."""
    return planes.unfold(1, side, 1).unfold(2, side, 1).flatten(3).flatten(1, 2).movedim(0, 1)


def _overlapped(patches: Tensor, shape: tuple[int, ...], side: int) -> Tensor:
    """[patches, c, d] → [c, h, w]: what overlaps is added."""
    columns = patches.flatten(1).T[None]
    return functional.fold(columns, (shape[0], shape[1]), side)[0]


def _alike(patches: Tensor, centers: Tensor, sigma: float, settings: Settings, *, exact: bool) -> tuple[Tensor, Tensor]:
    """[r, n] numbers of the patches most like those at the centers, and [r, n] what each counts: 1, or 0 for one that is beyond
    the least number and not alike enough."""
    patches = patches - patches.mean()
    centers = centers.to(patches.device)
    sizes = patches.square().sum(dim=1)
    distances = sizes - 2 * patches[centers] @ patches.T  # less the center's own size
    distances.scatter_(
        1, centers[:, None], -math.inf
    )  # it is in its own group, however many are equal to it: each pixel has an estimate
    n = min(settings.most if exact else settings.least, len(patches))
    nearest = distances.topk(n, dim=1, largest=False)
    share = torch.ones_like(nearest.values)
    if exact:
        squared = (nearest.values + sizes[centers, None]) / patches.shape[1]
        share = (squared <= (settings.likeness * sigma) ** 2).to(patches.dtype)
        share[:, : settings.least] = 1
    return nearest.indices, share


def _shrunk(group: Tensor, sigma: float) -> Tensor:
    """Groups [r, n, d], their singular values less what noise adds to them, and 0 where noise alone may give them."""
    mean = group.mean(dim=1, keepdim=True)
    centered = group - mean
    n, d = max(group.shape[1] - 1, 1), group.shape[2]
    variances, axes = torch.linalg.eigh(centered.transpose(1, 2) @ centered / n)
    ratio, spread = d / n, variances / sigma**2
    gain = ((spread - ratio - 1).square() - 4 * ratio).clamp_min(0).sqrt() / spread.clamp_min(1e-9)
    gain = torch.where(spread > (1 + math.sqrt(ratio)) ** 2, gain, 0.0)
    found: Tensor = mean + centered @ ((axes * gain[:, None]) @ axes.transpose(1, 2))
    return found


def _likeliest(group: Tensor, pilot: Tensor, share: Tensor, sigma: float) -> Tensor:
    """Groups [r, n, d] of noisy patches as the likeliest draws of the Gaussians of a pilot's."""
    weight = (share / share.sum(dim=1, keepdim=True))[..., None]
    centered = pilot - (weight * pilot).sum(dim=1, keepdim=True)
    covariance = (weight * centered).transpose(1, 2) @ centered
    noisy = covariance + sigma**2 * torch.eye(group.shape[2], dtype=group.dtype, device=group.device)
    gain = torch.cholesky_solve(covariance, torch.linalg.cholesky(noisy))
    mean = (weight * group).sum(dim=1, keepdim=True)
    return mean + (group - mean) @ gain
