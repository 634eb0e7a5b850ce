"""What a field does between the samples it was fitted to: energy at frequencies that the samples do not show."""

import math

import torch

from ungrid.diagnosis.finding import Finding
from ungrid.diagnosis.history import measured
from ungrid.domain.grid import Grid, Slices
from ungrid.fields.base import Field
from ungrid.metrics.spectrum import radial_power_spectrum

FINER = 4  # times the samples along each axis
MOST_POINTS = 2**16  # of the finer grid
# on 48² and 64² pixels, healthy fits kept below 0.013, and a SIREN at ten times its ω or Fourier features at 20 times their
# bandwidth had 0.69 and more
NOISY, USELESS = 0.04, 0.3


def noise_between_samples(field: Field) -> list[Finding]:
    """`noise_between_samples`: the share of the field's variance above the samples' Nyquist frequency is large.

    The middle of the field's own grid is drawn four times finer. A field without a grid is not judged.
    """
    shown = share_above_nyquist(field)
    if shown is None or shown[0] < NOISY:
        return []
    share, size = shown
    evidence: dict[str, float | int] = {"share_above_nyquist": share, "rms_above_nyquist": size}
    for name, group in (("psnr", "quality"), ("heldout_psnr", "heldout")):
        found = measured(field, group)
        if found is not None:
            evidence[name] = found
    remedy = (
        "the field swings between its samples: lower its highest frequency (first_omega, bandwidth, max_octave, or the finest "
        "resolution; halve it and fit again), or take --preset balanced, which is told what is likely between them"
    )
    return [Finding("noise_between_samples", "error" if share > USELESS else "warning", evidence, remedy)]


def share_above_nyquist(field: Field) -> tuple[float, float] | None:
    """Share of the variance that no sample shows, and its root mean square in units of the values; None without a grid."""
    if field.record is None or not field.record.shape:
        return None
    own = field.grid()
    block = own.part(middle(own, MOST_POINTS // FINER**own.box.dim))
    values = field.sample(block.refine(FINER)).cpu().double()
    if not bool(torch.isfinite(values).all()):
        return None
    # in cycles per sample of the own grid, whose Nyquist frequency is 1/2 along each axis, and more along its diagonal
    spectrum = radial_power_spectrum(values, spacing=1 / FINER, hann=True)
    above = float(spectrum.energy[spectrum.frequency > 0.5 * math.sqrt(own.box.dim)].sum())
    varying = float(spectrum.energy[1:].sum())
    return (above / varying if varying > 0 else 0.0), math.sqrt(above)


def middle(grid: Grid, most: int) -> Slices:
    """The middle block of a grid, of about as many samples along each axis and `most` in all."""
    side, left = [1] * len(grid.shape), most
    for rank, axis in enumerate(sorted(range(len(grid.shape)), key=lambda axis: grid.shape[axis])):
        side[axis] = max(1, min(grid.shape[axis], int(left ** (1 / (len(grid.shape) - rank)) + 1e-9)))
        left //= side[axis]
    starts = [(n - length) // 2 for n, length in zip(grid.shape, side, strict=True)]
    return tuple(slice(start, start + length) for start, length in zip(starts, side, strict=True))
