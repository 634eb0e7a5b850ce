"""Energy by spatial frequency: which details a result has, and which it lost.

Energies are mean squares per sample, averaged over channels, so that those of all bands add up to the mean square of
the values (Parseval): Σ_k |F_k|² / n² = Σ_i |v_i|² / n, with F the discrete Fourier transform of n samples.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError, ShapeError
from ungrid.metrics.error import check_pair

_CHUNK = 1 << 22  # coefficients sorted into bands at once


@dataclass(frozen=True)
class Band:
    """Energy of an error and of its reference at frequencies in (low, high], in cycles per unit of the spacing.

    The first band starts at 0 and holds the mean value alone; the last one of a picture ends at infinity.
    """

    low: float
    high: float
    error_energy: float
    reference_energy: float

    @property
    def relative_error(self) -> float:
        """√(error energy / reference energy): 0 is exact, 1 as bad as leaving the band out; inf if there is none."""
        if self.reference_energy == 0:
            return 0.0 if self.error_energy == 0 else math.inf
        return math.sqrt(self.error_energy / self.reference_energy)


@dataclass(frozen=True, eq=False)
class RadialSpectrum:
    """Energy in rings of equal width around frequency zero.

    Args:
        frequency: [n], middle of each ring in cycles per unit, from 0.
        energy: [n], of all coefficients in the ring; sums to the mean square of the values.
        count: [n], number of coefficients in the ring, over all of which `density` is the mean.
    """

    frequency: Float[Tensor, "n"]
    energy: Float[Tensor, "n"]
    count: Float[Tensor, "n"]

    @property
    def density(self) -> Float[Tensor, "n"]:
        """Mean energy of a coefficient [n]: falls as about 1/f² in photographs, is level in white noise."""
        return self.energy / self.count.clamp_min(1)


def error_by_band(
    result: Float[Tensor, "*shape c"],
    reference: Float[Tensor, "*shape c"],
    *,
    spacing: float | Sequence[float] = 1.0,
    hann: bool = False,
) -> list[Band]:
    """Energy of result − reference and of reference in octaves of radial frequency, from the mean value upward.

    Tells a blur (relative error near 1 in the upper octaves) from noise and from wrong colors. The octaves go down by
    halves from the Nyquist frequency of the finest axis; on more than one axis a last band (Nyquist, ∞) holds the
    corners of the spectrum. With one axis of constant spacing 1 the bands end at …, 1/8, 1/4, 1/2 cycles per sample.

    Takes the transform whole, a channel at a time: memory for one more copy of the values and four of a channel.

    Args:
        result: what is judged.
        reference: what it should be.
        spacing: distance between samples, one for all axes or one per axis, in units that can be compared: 1 gives
            cycles per pixel, `grid.spacing` cycles per unit of the box.
        hann: multiply by a Hann window first. A signal that does not end as it began leaks from the lowest
            frequencies into all others, at about 1/f²; the window stops that, and the energies are then those of the
            windowed signal.

    Shape: values [*shape, c] on a grid of any number of axes → one band an octave; energies of at least 0.

    Raises:
        ShapeError: the shapes differ, or there is not one spacing per axis.
        InputError: no samples, values that are not floating point, or a spacing that is not positive.
    """
    check_pair(result, reference)
    steps = _steps(result, spacing)
    edges = _octaves(result.shape[:-1], steps)
    bounds = torch.tensor(edges, dtype=torch.float64, device=result.device) * (1 + 1e-9)  # an edge belongs to the band below it
    energies = [
        _energies(values, steps, lambda radius: torch.bucketize(radius, bounds), len(edges) + 1, hann)[0].tolist()
        for values in (result.detach() - reference.detach(), reference.detach())
    ]
    has_corners = len(steps) > 1
    limits = [0.0, *edges, math.inf][: None if has_corners else -1]
    return [Band(*band) for band in zip(limits[:-1], limits[1:], *energies, strict=False)]


def radial_power_spectrum(
    values: Float[Tensor, "*shape c"], *, spacing: float | Sequence[float] = 1.0, hann: bool = False
) -> RadialSpectrum:
    """Energy of values on a grid by radial frequency, in rings as wide as the lowest frequency, 1 / longest extent.

    Args:
        values: on a grid of any number of axes.
        spacing: distance between samples, one for all axes or one per axis; 1 gives cycles per pixel.
        hann: multiply by a Hann window first, against leakage from the edges; see `error_by_band`.

    Shape: values [*shape, c] → frequency, energy and count [n], float64.

    Raises:
        ShapeError: there is not one spacing per axis.
        InputError: no samples, values that are not floating point, or a spacing that is not positive.
    """
    check_pair(values, values)
    steps = _steps(values, spacing)
    extent = max(n * step for n, step in zip(values.shape[:-1], steps, strict=True))
    highest = math.hypot(*(n // 2 / (n * step) for n, step in zip(values.shape[:-1], steps, strict=True)))
    n_rings = round(highest * extent) + 1
    energy, count = _energies(
        values.detach(), steps, lambda radius: (radius * extent).round().long().clamp_max(n_rings - 1), n_rings, hann
    )
    return RadialSpectrum(torch.arange(n_rings, dtype=energy.dtype, device=energy.device) / extent, energy, count)


def _steps(values: Tensor, spacing: float | Sequence[float]) -> tuple[float, ...]:
    """Spacing per axis, checked."""
    n_axes = values.ndim - 1
    if n_axes < 1:
        raise ShapeError(f"a spectrum needs values [*shape, channels] on at least one axis; got {tuple(values.shape)}")
    steps = (float(spacing),) * n_axes if isinstance(spacing, int | float) else tuple(float(step) for step in spacing)
    if len(steps) != n_axes:
        raise ShapeError(f"values on {n_axes} axes were given {len(steps)} spacings {steps}")
    if not all(math.isfinite(step) and step > 0 for step in steps):
        raise InputError(f"spacing is {spacing}; expected positive numbers")
    return steps


def _octaves(shape: Sequence[int], steps: Sequence[float]) -> list[float]:
    """Edges of the octaves, rising to the Nyquist frequency; the first lies below the lowest frequency there is."""
    nyquist = 0.5 / min(steps)
    lowest = 1 / max(n * step for n, step in zip(shape, steps, strict=True))
    n_octaves = math.floor(math.log2(nyquist / lowest) + 1e-9) + 1
    return [nyquist / 2**i for i in range(max(n_octaves, 1), -1, -1)]


def _energies(
    values: Tensor, steps: Sequence[float], band_of: Callable[[Tensor], Tensor], n_bands: int, hann: bool
) -> tuple[Tensor, Tensor]:
    """Energy and number of coefficients in each band, float64; one channel in memory at a time."""
    *shape, n_channels = values.shape
    axes = [
        (torch.fft.rfftfreq if axis == len(shape) - 1 else torch.fft.fftfreq)(n, step, dtype=torch.float64, device=values.device)
        for axis, (n, step) in enumerate(zip(shape, steps, strict=True))
    ]
    sums = torch.zeros(2, n_bands, dtype=torch.float64, device=values.device)
    for channel in values.to(torch.promote_types(values.dtype, torch.float32)).unbind(-1):
        spectrum = torch.fft.rfftn(_windowed(channel) if hann else channel)
        rows = max(1, _CHUNK * len(spectrum) // spectrum.numel()) if len(shape) > 1 else len(spectrum)
        for start in range(0, len(spectrum), rows):
            part = spectrum[start : start + rows]
            band, twins = _bands(axes, slice(start, start + rows), band_of, shape[-1])
            energy = part.abs().double().square() * twins
            sums[0] += torch.bincount(band.flatten(), energy.flatten(), n_bands)
            sums[1] += torch.bincount(band.flatten(), twins.expand_as(part).flatten(), n_bands)
    return sums[0] / (math.prod(shape) ** 2 * n_channels), sums[1] / n_channels


def _bands(axes: list[Tensor], rows: slice, band_of: Callable[[Tensor], Tensor], n_last: int) -> tuple[Tensor, Tensor]:
    """Band of each coefficient in some rows of a real spectrum, and how many of the full spectrum it stands for."""
    parts = [axes[0][rows], *axes[1:]]
    squares = torch.meshgrid(*(axis.square() for axis in parts), indexing="ij")
    radius = torch.stack(squares).sum(dim=0).sqrt() if len(squares) > 1 else parts[0].abs()
    twins = torch.full_like(axes[-1], 2.0)
    twins[0] = 1.0
    if n_last % 2 == 0:
        twins[-1] = 1.0
    return band_of(radius), twins[rows] if len(axes) == 1 else twins


def _windowed(channel: Tensor) -> Tensor:
    """Times a Hann window of mean square 1 along each axis, about the mean value, which stays."""
    mean = channel.mean()
    channel = channel - mean
    for axis, n in enumerate(channel.shape):
        phase = (torch.arange(n, dtype=torch.float64, device=channel.device) + 0.5) / n
        window = (torch.pi * phase).sin().square()
        window = window / window.square().mean().sqrt()
        shape = [1] * channel.ndim
        shape[axis] = n
        channel = channel * window.to(channel.dtype).reshape(shape)
    return channel + mean
