"""Small things with known answers: analytic fields and tiny signals."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.signals.base import Signal
from ungrid.signals.video import from_frames


@dataclass(frozen=True)
class Analytic:
    """A function of coords [*, d] with its derivatives in closed form.

    Args:
        values: coords [*, d] → [*, c].
        gradient: → [*, c, d].
        laplacian: → [*, c].
        hessian: → [*, c, d, d].
    """

    values: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor], Tensor]
    laplacian: Callable[[Tensor], Tensor]
    hessian: Callable[[Tensor], Tensor]

    def __call__(self, coords: Tensor) -> Tensor:
        """Values [*, c] at coords [*, d]."""
        return self.values(coords)


def plane_wave(wave_vector: tuple[float, ...], phase: float = 0.0) -> Analytic:
    """sin(k·x + phase): gradient k cos, Laplacian −|k|² sin, Hessian −k kᵀ sin."""

    def vector(like: Tensor) -> Tensor:
        return torch.tensor(wave_vector, dtype=like.dtype, device=like.device)

    def angle(coords: Tensor) -> Tensor:
        return (coords * vector(coords)).sum(dim=-1, keepdim=True) + phase

    return Analytic(
        lambda x: angle(x).sin(),
        lambda x: (angle(x).cos() * vector(x))[..., None, :],
        lambda x: -vector(x).square().sum() * angle(x).sin(),
        lambda x: -angle(x).sin()[..., None, None] * torch.outer(vector(x), vector(x)),
    )


def gaussian_bump(center: tuple[float, ...], width: float) -> Analytic:
    """exp(−|x − center|² / (2 width²)): with r = (x − center) / width², gradient −r g, Hessian (r rᵀ − I / width²) g."""

    def offset(coords: Tensor) -> Tensor:
        return (coords - torch.tensor(center, dtype=coords.dtype, device=coords.device)) / width**2

    def bump(coords: Tensor) -> Tensor:
        return torch.exp(-0.5 * width**2 * offset(coords).square().sum(dim=-1, keepdim=True))

    def hessian(coords: Tensor) -> Tensor:
        r = offset(coords)
        flat = torch.eye(len(center), dtype=coords.dtype, device=coords.device) / width**2
        return ((r[..., :, None] * r[..., None, :] - flat) * bump(coords)[..., None])[..., None, :, :]

    return Analytic(
        bump,
        lambda x: (-offset(x) * bump(x))[..., None, :],
        lambda x: hessian(x).diagonal(dim1=-2, dim2=-1).sum(dim=-1),
        hessian,
    )


def disc(radius: float) -> Callable[[Tensor], Tensor]:
    """1 within `radius` of the origin, 0 beyond: [*, d] → [*, 1]. Its line integrals are chords."""
    return lambda coords: (coords.norm(dim=-1, keepdim=True) <= radius).to(coords.dtype)


def pixel_box(height: int = 12, width: int = 16) -> Box:
    """The box of a picture of H×W pixels: y in [0, H], x in [0, W], in px."""
    return Box(("y", "x"), ((0.0, float(height)), (0.0, float(width))), ("px", "px"))


def unit_box(dim: int) -> Box:
    """A box of up to four axes of unequal length, off the origin, in mm."""
    bounds = ((-1.0, 3.0), (0.5, 2.5), (-4.0, -1.0), (0.0, 0.5))
    return Box(("t", "z", "y", "x")[4 - dim :], bounds[:dim], ("mm",) * dim)


def tiny_picture(height: int = 12, width: int = 16, channels: tuple[str, ...] = ("r", "g", "b")) -> Signal:
    """A smooth picture in [0, 1]: a wave of its own direction in each channel."""
    grid = Grid(pixel_box(height, width), (height, width))
    y, x = (grid.points() / torch.tensor([float(height), float(width)])).unbind(-1)
    waves = [0.5 + 0.4 * torch.sin(6 * y + (2.0 + k) * x + k) for k in range(len(channels))]
    source = {"format": "PNG", "bit_depth": 8, "sample_format": "uint"}
    return Signal(torch.stack(waves, dim=-1), grid, "image", channels, source)


def tiny_film(n_frames: int = 6, height: int = 24, width: int = 32, rate: float = 25.0, channels: int = 3) -> Signal:
    """A smooth pattern in 8 bits that moves by a pixel a frame."""
    t, y, x = torch.meshgrid(*(torch.arange(float(n)) for n in (n_frames, height, width)), indexing="ij")
    waves = [0.5 + 0.4 * torch.sin(2 * torch.pi * ((x - t) / 32 + (1 + k) * y / 48)) for k in range(channels)]
    return from_frames((255 * torch.stack(waves, dim=-1)).round().byte(), rate)


@dataclass(frozen=True)
class Squares:
    """A job for `fit.jobs.run_jobs` that other processes can import: its number squared, after a while; some fail.

    Args:
        seconds: that it takes.
        failing: numbers of jobs that raise an error of ungrid's.
    """

    seconds: float = 0.0
    failing: tuple[int, ...] = ()

    def __call__(self, number: int) -> dict[str, int]:
        """The job of a number."""
        time.sleep(self.seconds)
        if number in self.failing:
            raise InputError(f"number {number} is bad")
        return {"square": number * number, "process": os.getpid()}
