"""What a scanner measured, made ready to be inverted: whose phases count from where, how many coils, how much noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.fit.convex import conjugate_gradients
from ungrid.kernels.nufft import name_of
from ungrid.measurements.coils import sensitivities
from ungrid.measurements.fourier import FourierSamples, to_complex
from ungrid.measurements.kspace import KSpace, is_hermitian, is_hollow, read_kspace
from ungrid.measurements.kspace_noise import noise_level

LEAST_STRENGTH = 1e-3  # of total variation, as a share of the picture's range: what it takes to fill in what was not sampled
OF_NOISE = 0.7  # of the noise's deviation: the strength where there is noise; 0.5 to 1 differ by 0.2 dB
SILENT = 2e-3  # of the range: less noise than this is none
BRIGHTEST = 0.995  # share of samples that are darker than the range's end
ENOUGH = 1.5  # samples of all coils for a pixel, from which averaging two pictures gains
FIRST_STEPS = 8  # of conjugate gradients, to know the range
Origin = Literal["auto", "center", "corner"]


@dataclass(frozen=True, eq=False)
class Scan:
    """What is to be inverted, and what was found out about it.

    Args:
        kspace: its phases counted from the picture's middle.
        sensor: that gave it.
        measured: what the sensor saw, of the shape that it gives.
        noise: standard deviation of the real and of the imaginary part of a sample.
        scale: the range of the picture's magnitude.
        told: of all this, for reports.
    """

    kspace: KSpace
    sensor: FourierSamples
    measured: Tensor
    noise: float
    scale: float
    told: dict[str, Any]

    @property
    def is_silent(self) -> bool:
        """Whether there is hardly any noise."""
        return self.noise < SILENT * self.scale

    @property
    def can_refine(self) -> bool:
        """Whether meeting the samples exactly does no harm: they are of one coil, without noise.

        Of several coils it amplifies what is wrong with the sensitivities: 7 dB were lost by it at an eighth of the lines.
        """
        return self.is_silent and self.kspace.n_coils == 1

    @property
    def can_average(self) -> bool:
        """Whether total variation and wavelets, both well determined, are worth averaging: several coils, without noise, that
        together sampled more of a mask than the picture's number of pixels.

        At an eighth of the lines by eight coils it lost 0.5 dB, along radial readouts 4 dB, as wavelets do not converge there.
        """
        enough = self.kspace.share * self.kspace.n_coils >= ENOUGH
        return self.is_silent and self.kspace.n_coils > 1 and self.kspace.mask is not None and enough

    @property
    def strength(self) -> float:
        """Of total variation, in units of the picture, for a misfit of ½ Σ |A x − y|²."""
        return max(LEAST_STRENGTH * self.scale, OF_NOISE * self.noise)


def read_scan(kspace: Any, *, mask: Any = None, trajectory: Any = None, shape: Sequence[int] | None = None) -> KSpace:
    """k-space from arrays or tensors, checked, in single precision; arguments as in `measurements.kspace.read_kspace`."""
    tensor = _tensor(kspace)
    tensor = tensor.to(torch.complex64) if tensor.is_complex() else tensor
    known, points = (None if each is None else _tensor(each) for each in (mask, trajectory))
    return read_kspace(tensor, mask=known, trajectory=points, shape=shape)


def scan_of(
    kspace: KSpace,
    *,
    coils: Any = None,
    noise: float | None = None,
    real: bool | None = None,
    origin: Origin = "auto",
) -> Scan:
    """What is to be inverted: k-space with its sensor, its noise and its range; arguments as in `mri`.

    Raises:
        InputError, ShapeError: coils that do not match, or that cannot be found; numbers out of range.
    """
    if noise is not None and not (math.isfinite(noise) and noise >= 0):
        raise InputError(f"noise is {noise}; expected a number of at least 0")
    if origin not in ("auto", "center", "corner"):
        raise InputError(f"origin is {origin!r}; expected auto, center or corner")
    kspace, counted_from = _centered(kspace, origin)
    deviation = noise_level(kspace) if noise is None else noise
    maps, coils_by = _coils(kspace, coils)
    is_real = real if real is not None else is_hermitian(kspace, deviation)
    grid = grid_of(kspace.shape)
    sensor = kspace.sensor(grid, maps, real=is_real)
    measured = kspace.samples if maps is not None else kspace.samples[0]
    told = {
        "noise": deviation,
        "noise_by": "estimated" if noise is None else "given",
        "coils": kspace.n_coils,
        "coils_by": coils_by,
        "origin": counted_from,
        "real": is_real,
        "sampled": round(kspace.share, 6),
        "transform": "fft" if sensor.transform is None else name_of(sensor.transform),
    }
    return Scan(kspace, sensor, measured, deviation, _range_of(sensor, measured), told)


def _tensor(given: Any) -> Tensor:
    """An array, also one that cannot be written to, as a tensor."""
    is_locked = isinstance(given, np.ndarray) and not given.flags.writeable
    return torch.as_tensor(given.copy() if is_locked else given)


def grid_of(shape: Sequence[int]) -> Grid:
    """The picture's samples, in pixels; a volume's in mm of one each."""
    axes, unit = ("z", "y", "x")[-len(shape) :], "px" if len(shape) == 2 else "mm"
    return Grid(Box(axes, tuple((0.0, float(n)) for n in shape), (unit,) * len(shape)), tuple(shape))


def _centered(kspace: KSpace, origin: str) -> tuple[KSpace, str]:
    """The samples with phases counted from the picture's middle."""
    if origin == "auto":
        sensor = kspace.sensor(grid_of(kspace.shape))
        parts = [_size(sensor, kspace, samples) for samples in kspace.samples]
        origin = "corner" if is_hollow(torch.stack(parts).square().sum(dim=0).sqrt()) else "center"
    return (kspace.shifted(1.0) if origin == "corner" else kspace), origin


def _size(sensor: FourierSamples, kspace: KSpace, samples: Tensor) -> Tensor:
    """Size of what the adjoint makes of one coil's samples; near frequency 0, where a trajectory is dense, they count less."""
    if kspace.trajectory is not None:
        samples = samples * kspace.frequencies.norm(dim=-1).clamp_min(0.5).to(samples.real)
    return to_complex(sensor.A_adjoint(samples)).abs()


def _coils(kspace: KSpace, coils: Any) -> tuple[Tensor | None, str]:
    """The coils' sensitivities, and where they come from."""
    if coils is not None:
        maps = _tensor(coils)
        if tuple(maps.shape) != (kspace.n_coils, *kspace.shape):
            expected = f"({kspace.n_coils}, {', '.join(map(str, kspace.shape))})"
            raise ShapeError(f"the coils have shape {tuple(maps.shape)}; expected {expected}: one map for each coil of k-space")
        if not maps.is_complex():
            raise ShapeError(f"the coils hold {maps.dtype}; expected complex sensitivities")
        if not bool(torch.isfinite(torch.view_as_real(maps)).all()) or not bool(maps.any()):
            raise InputError("the coils hold NaN or infinite numbers, or are 0 everywhere")
        return maps.to(torch.complex64), "given"
    return (None, "one") if kspace.n_coils == 1 else (sensitivities(kspace), "estimated")


@torch.no_grad()
def _range_of(sensor: FourierSamples, measured: Tensor) -> float:
    """Of a first guess by a few steps of least squares, the magnitude below which nearly all samples are."""
    guess = conjugate_gradients(
        lambda x: sensor.A_adjoint(sensor.A(x)), sensor.A_adjoint(measured), max_iterations=FIRST_STEPS, tolerance=1e-3
    )
    size = to_complex(guess.values).abs().flatten()
    return float(size.kthvalue(max(1, round(BRIGHTEST * len(size)))).values) or 1.0
