"""A blur that is not known: its kernel, and whether the picture itself bears it out."""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.errors import InputError
from ungrid.restoration.blind_kernel import SMALLEST, blind_kernel
from ungrid.restoration.blind_kernel import papers as kernel_papers

papers = (*kernel_papers, "whittle1953estimation", "field1987relations")
SIDE, LEAST_SIDE, MOST_SIDE = 35, 5, 75  # samples along a kernel: where nothing is said, and at all
WINDOW = 400  # samples along each axis, of the part of a large picture that is looked at
EARNED = 0.1  # nats per frequency: what a kernel must tell of the half that it was not found on
LOWEST = 0.03  # cycles per sample, below which a spectrum is what the scene is
EXPONENT = 2.0  # of a sharp photograph's power, which falls as |f|⁻² (field1987relations)


class Blind(NamedTuple):
    """A kernel, and what speaks for it without the truth.

    Args:
        kernel: [side, side], its sum 1, its center of mass in the middle.
        evidence: what the kernel found in one half of the picture tells of the other half's spectrum, in nats per frequency
            over no blur; about 1 where it is found well, 0 or less where it explains nothing.
    """

    kernel: Float[Tensor, "side side"]
    evidence: float

    @property
    def is_trusted(self) -> bool:
        """Whether the kernel explains what it was not found on."""
        return self.evidence >= EARNED

    def warnings(self) -> list[str]:
        """What speaks against the estimate, in a sentence for a person; none where nothing does."""
        if self.is_trusted:
            return []
        return [
            (
                f"the blur found in one half of the picture explains the other little better than none does (evidence "
                f"{self.evidence:.2f}, expected {EARNED} or more): do not trust it, the picture as it is may be better"
            )
        ]

    def describe(self) -> dict[str, Any]:
        """For reports: size, deviations along the main axes in samples, the longer one's direction, and what speaks for it."""
        longer, shorter, degrees = extent(self.kernel)
        return {
            "size": list(self.kernel.shape),
            "sigma": [round(longer, 3), round(shorter, 3)],
            "degrees": round(degrees, 1),
            "evidence": round(self.evidence, 3),
            "trusted": self.is_trusted,
        }


@torch.no_grad()
def find_blur(values: Float[Tensor, "y x c"], side: int | None = None) -> Blind:
    """The blur of a picture, found from itself alone, and checked by halves.

    Of a large picture the part with the most edges is looked at: the blur is taken to be the same everywhere.

    Args:
        values: a picture without alpha.
        side: samples along each side of the kernel, odd; None for 35, or what a small picture allows.

    Raises:
        InputError: a side out of range, a picture too small or without edges.
    """
    plane = _window(values.mean(dim=-1))
    side = _side(side, tuple(plane.shape))
    first, second = _halves(plane)
    kernel = blind_kernel(plane, side)
    of_first, of_second = (blind_kernel(half, side) for half in (first, second))
    told = [
        misfit_of_spectrum(half) - misfit_of_spectrum(half, other) for half, other in ((first, of_second), (second, of_first))
    ]
    return Blind(trimmed(kernel), sum(told) / 2)


def extent(kernel: Float[Tensor, "rows columns"]) -> tuple[float, float, float]:
    """Standard deviations of a kernel along its main axes, the longer first, and the longer one's direction in degrees from the
    x axis upwards, 0 to 180."""
    y, x = (torch.arange(n).to(kernel) - n // 2 for n in kernel.shape)
    of_y, of_x = kernel.sum(1), kernel.sum(0)
    y, x = y - (of_y * y).sum(), x - (of_x * x).sum()
    yy, xx, xy = float((of_y * y**2).sum()), float((of_x * x**2).sum()), float((kernel * y[:, None] * x).sum())
    middle, half = (yy + xx) / 2, math.hypot((yy - xx) / 2, xy)
    degrees = math.degrees(0.5 * math.atan2(-2 * xy, xx - yy)) % 180
    return math.sqrt(middle + half), math.sqrt(max(0.0, middle - half)), degrees


def misfit_of_spectrum(plane: Float[Tensor, "y x"], kernel: Float[Tensor, "rows columns"] | None = None) -> float:
    """Negative log-likelihood per frequency of a picture's power, in nats, if it is c · |kernel's response|² / |f|² + noise with
    the c and the white noise that suit it best (whittle1953estimation).

    Sharp photographs fall off as |f|⁻² whatever they show (field1987relations), so that what is missing in theirs tells a blur.
    """
    height, width = plane.shape
    window = torch.outer(torch.hann_window(height), torch.hann_window(width)).to(plane)
    power = torch.fft.rfft2((plane - plane.mean()) * window).abs().square() / window.square().sum()
    squared = torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.rfftfreq(width) ** 2
    counted = ((squared > LOWEST**2) & (squared < 0.25)).to(plane.device)
    response = torch.ones_like(power) if kernel is None else torch.fft.rfft2(kernel, s=(height, width)).abs().square()
    power, shape = power[counted], (response / squared.to(plane).clamp_min(1e-9) ** (EXPONENT / 2))[counted]
    floor, level = float(power.median()), float(power.mean() / shape.mean())
    misfits = [
        float((expected.log() + power / expected).mean())
        for noise in torch.linspace(-4, 1, 11).exp().tolist()
        for light in torch.linspace(-2, 2.5, 19).exp().tolist()
        for expected in [(level * light * shape + floor * noise).clamp_min(1e-30)]
    ]
    return min(misfits)


def trimmed(kernel: Float[Tensor, "side side"]) -> Float[Tensor, "smaller smaller"]:
    """The kernel without the dark margin that it has on all sides."""
    middle = kernel.shape[0] // 2
    rows, columns = torch.nonzero(kernel, as_tuple=True)
    reach = int(torch.stack([rows, columns]).sub(middle).abs().max())
    return kernel[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1].contiguous()


def _side(side: int | None, shape: tuple[int, ...]) -> int:
    allowed = min(
        MOST_SIDE, (min(min(shape), max(shape) // 2) // 2 - 1) | 1
    )  # of the halves, whose sides are twice that at least
    if min(shape) < SMALLEST or allowed < LEAST_SIDE:
        raise InputError(
            f"a blur is found in a picture of {2 * SMALLEST}×{2 * SMALLEST} samples at least; got {shape[0]}×{shape[1]}; "
            f"say the blur, such as gaussian:2"
        )
    if side is None:
        return min(SIDE, allowed)
    if side % 2 == 0 or not LEAST_SIDE <= side <= allowed:
        raise InputError(f"the blur's side is {side}; expected an odd number from {LEAST_SIDE} to {allowed} for this picture")
    return side


def _window(plane: Tensor) -> Tensor:
    """The part of a picture, of `WINDOW` samples along each axis, where the edges are strongest."""
    height, width = (min(n, WINDOW) for n in plane.shape)
    if (height, width) == tuple(plane.shape):
        return plane
    smooth = functional.avg_pool2d(plane[None, None], 4)
    edges = functional.pad(smooth.diff(dim=-1).square(), (0, 1)) + functional.pad(smooth.diff(dim=-2).square(), (0, 0, 0, 1))
    energy = functional.avg_pool2d(edges.sqrt(), (height // 4, width // 4), stride=8)[0, 0]
    top, left = (32 * int(at) for at in divmod(int(energy.argmax()), energy.shape[1]))
    return plane[top : top + height, left : left + width]


def _halves(plane: Tensor) -> tuple[Tensor, Tensor]:
    axis = 0 if plane.shape[0] >= plane.shape[1] else 1
    n = plane.shape[axis]
    return plane.narrow(axis, 0, n // 2), plane.narrow(axis, n - n // 2, n // 2)
