"""How far a shot is shifted against another of the same scene, to hundredths of a pixel."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.fields.lattice import LatticeField

papers = ("kuglin1975phase", "lucas1981iterative", "keys1981cubic")
SMALLEST = 16  # pixels along each side of a shot
ROUNDS, STILL, LONGEST = 30, 1e-4, 1.0  # of Gauss–Newton; steps in pixels that end it, and that it takes at most
SMOOTHED = 1.0  # standard deviation, in pixels, of what shots are smoothed by: folded detail moves otherwise than the scene
BORDER = 4  # pixels that are not compared
LOW_PASS = 0.15  # cycles per pixel, of the Gaussian over phases: fine ones are noise and folded detail
LEAST_OVERLAP = 0.25  # of a shot
LEAST_LIKENESS = 0.7  # correlation of what overlaps


class Shift(NamedTuple):
    """Pixel p of a shot shows what the reference shows at p + (down, across).

    Args:
        down, across: in pixels.
        likeness: correlation with the reference where the two overlap.
    """

    down: float
    across: float
    likeness: float = 1.0


@torch.no_grad()
def find_shift(reference: Float[Tensor, "y x"], shot: Float[Tensor, "y x"], *, name: str = "the shot") -> Shift:
    """The shift of a shot: phase correlation finds whole pixels, Gauss–Newton on smoothed intensities the rest.

    Args:
        reference: a picture in gray.
        shot: of the same size and exposure.
        name: of the shot in errors.

    Raises:
        InputError: pictures too small, or of different things.
    """
    if min(shot.shape) < SMALLEST:
        raise InputError(
            f"shots are aligned from {SMALLEST}×{SMALLEST} pixels on; got {shot.shape[0]}×{shot.shape[1]}: give larger ones"
        )
    found = _refined(_smooth(reference.double()), _smooth(shot.double()), _whole_shift(reference.double(), shot.double()))
    overlap = math.prod(max(0.0, 1 - abs(by) / n) for by, n in zip(found[:2], shot.shape, strict=True))
    if overlap < LEAST_OVERLAP or not found.likeness >= LEAST_LIKENESS:
        raise InputError(
            f"{name} does not show what the first one does: at best they overlap by {overlap:.0%} with a correlation of "
            f"{found.likeness:.2f}, expected {LEAST_OVERLAP:.0%} and {LEAST_LIKENESS} or more; leave it out"
        )
    return found


def _whole_shift(reference: Tensor, shot: Tensor) -> tuple[int, int]:
    """The shift in whole pixels at which the phases of two spectra agree best."""
    window = torch.outer(*(torch.hann_window(n, periodic=False) for n in shot.shape)).to(shot)
    first, second = (torch.fft.rfft2((plane - plane.mean()) * window) for plane in (reference, shot))
    cross = first * second.conj()
    squared = torch.fft.fftfreq(shot.shape[0])[:, None] ** 2 + torch.fft.rfftfreq(shot.shape[1]) ** 2
    kept = torch.exp(-squared / (2 * LOW_PASS**2)).to(shot)
    peak = torch.fft.irfft2(cross / cross.abs().clamp_min(1e-12) * kept, s=tuple(shot.shape))
    at = divmod(int(peak.argmax()), shot.shape[1])
    down, across = (k if k <= n // 2 else k - n for k, n in zip(at, shot.shape, strict=True))
    return down, across


def _refined(reference: Tensor, shot: Tensor, start: tuple[int, int]) -> Shift:
    """Least squares over the shift, by the normal equations of the reference's slopes."""
    shape = shot.shape
    points = torch.stack(torch.meshgrid(*(torch.arange(n) for n in shape), indexing="ij"), dim=-1).to(shot) + 0.5
    inner = tuple(slice(BORDER, n - BORDER) for n in shape)
    points, seen = points[inner].reshape(-1, 2), shot[inner].flatten()
    planes = torch.stack([reference, *torch.gradient(reference)])
    shift, likeness = points.new_tensor(start), math.nan
    for _ in range(ROUNDS):
        at = points + shift
        inside = ((at >= BORDER) & (at <= at.new_tensor(shape) - BORDER)).all(dim=-1)
        if int(inside.sum()) < SMALLEST:
            return Shift(float(shift[0]), float(shift[1]), 0.0)
        value, *slopes = _sampled(planes, at[inside])
        design, own = torch.stack(slopes, dim=-1), seen[inside]
        likeness = float(torch.corrcoef(torch.stack([own, value]))[0, 1])
        step = torch.linalg.lstsq(design.T @ design, design.T @ (own - value)[:, None]).solution[:, 0]
        step = torch.nan_to_num(step).clamp(-LONGEST, LONGEST)
        shift = shift + step
        if float(step.abs().max()) < STILL:
            break
    return Shift(float(shift[0]), float(shift[1]), likeness)


def _sampled(planes: Float[Tensor, "c y x"], at: Float[Tensor, "n 2"]) -> Float[Tensor, "c n"]:
    """Cubic convolution at places in pixels from the corner."""
    height, width = planes.shape[1:]
    box = Box(("y", "x"), ((0.0, float(height)), (0.0, float(width))), ("px", "px"))
    found: Tensor = LatticeField.of(box, planes.movedim(0, -1))(at).detach().movedim(-1, 0)
    return found


def _smooth(plane: Tensor) -> Tensor:
    reach = math.ceil(4 * SMOOTHED)
    taps = torch.exp(-(torch.arange(-reach, reach + 1).to(plane) ** 2) / (2 * SMOOTHED**2))
    taps = taps / taps.sum()
    wide = functional.pad(plane[None, None], (reach,) * 4, mode="replicate")
    return functional.conv2d(functional.conv2d(wide, taps[None, None, None]), taps[None, None, :, None])[0, 0]
