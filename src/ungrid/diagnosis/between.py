"""What a field does between the samples it was fitted to: energy at frequencies that the samples do not show."""

import math

from ungrid.diagnosis.finding import Finding
from ungrid.diagnosis.history import cannot_learn, measured
from ungrid.domain.grid import Grid, Slices
from ungrid.fields.base import Field
from ungrid.metrics.spectrum import radial_power_spectrum

FINER = 4  # times the samples along each axis
MOST_POINTS = 2**16  # of the finer grid
# on 48² and 64² pixels, healthy fits kept below 0.013, and a SIREN at ten times its ω or Fourier features at 20 times their
# bandwidth had 0.69 and more
NOISY, USELESS = 0.04, 0.3
SHOWS_NOTHING = 0.3  # of the error's root mean square; SIRENs at a rate of 1 had 0.15, fits of 12 dB that learned something 1


def noise_between_samples(field: Field) -> list[Finding]:
    """`noise_between_samples` or `nothing_learned`, from how the field varies at frequencies that its samples show, and beyond.

    The first is a large share of the variance above the samples' Nyquist frequency; the second a variance below it that is
    small beside the error: then the field shows nothing of its signal. A field without a grid is not judged.
    """
    found = variances(field)
    if found is None:
        return []
    below, above = found
    psnr, heldout = measured(field, "quality"), measured(field, "heldout")
    deviation = math.sqrt(below)
    if psnr is not None and deviation < SHOWS_NOTHING * 10 ** (-psnr / 20):
        return [cannot_learn(field, {"psnr": psnr, "rms_below_nyquist": deviation, "rms_above_nyquist": math.sqrt(above)})]
    share = above / (below + above) if above > 0 else 0.0
    if share < NOISY:
        return []
    evidence: dict[str, float | int] = {"share_above_nyquist": share, "rms_above_nyquist": math.sqrt(above)}
    evidence |= {name: value for name, value in (("psnr", psnr), ("heldout_psnr", heldout)) if value is not None}
    remedy = (
        "the field swings between its samples: lower its highest frequency (first_omega, bandwidth, max_octave, or the finest "
        "resolution; halve it and fit again), or take --preset balanced, which is told what is likely between them"
    )
    return [Finding("noise_between_samples", "error" if share > USELESS else "warning", evidence, remedy)]


def variances(field: Field) -> tuple[float, float] | None:
    """Variance at frequencies that the samples show, and above: of the middle of the own grid, drawn four times finer.

    None for a field that was not fitted to samples.
    """
    if field.record is None or not field.record.shape:
        return None
    own = field.grid()
    block = own.part(middle(own, MOST_POINTS // FINER**own.box.dim))
    values = field.sample(block.refine(float(FINER))).cpu().double()
    # in cycles per sample of the own grid, whose Nyquist frequency is 1/2 along each axis, and more along its diagonal
    spectrum = radial_power_spectrum(values, spacing=1 / FINER, hann=True)
    is_above = spectrum.frequency > 0.5 * math.sqrt(own.box.dim)
    above = float(spectrum.energy[is_above].sum())
    return float(spectrum.energy[1:].sum()) - above, above


def middle(grid: Grid, most: int) -> Slices:
    """The middle block of a grid, of about as many samples along each axis and `most` in all."""
    side, left = [1] * len(grid.shape), most
    for rank, axis in enumerate(sorted(range(len(grid.shape)), key=lambda axis: grid.shape[axis])):
        side[axis] = max(1, min(grid.shape[axis], int(left ** (1 / (len(grid.shape) - rank)) + 1e-9)))
        left //= side[axis]
    starts = [(n - length) // 2 for n, length in zip(grid.shape, side, strict=True)]
    return tuple(slice(start, start + length) for start, length in zip(starts, side, strict=True))
