"""Quality of sound: in the samples, and in the magnitudes of short-time spectra."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.metrics.error import check_pair, max_abs_error, mse

FFT, HOP = 2048, 512  # of the log-spectral distance
FLOOR = 1e-10  # of the reference's strongest power, below which powers count as equal: −100 dB
FRAMES = 1024  # looked at at once
# (FFT, hop, window) in samples, as in Parallel WaveGAN, Table 2
RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))
LEAST = 1e-7  # of a magnitude under the logarithm


def snr(result: Float[Tensor, "n c"], reference: Float[Tensor, "n c"]) -> float:
    """Signal-to-noise ratio 10 log₁₀(Σ s² / Σ (s − ŝ)²) over all channels, in dB; infinite for an exact match.

    Shape: two tensors [n, c] → a number.
    """
    error, signal = mse(result, reference), float(reference.double().square().mean())
    return math.inf if error == 0 else 10 * math.log10(max(signal, 1e-300) / error)


def si_sdr(result: Float[Tensor, "n c"], reference: Float[Tensor, "n c"]) -> float:
    """Scale-invariant signal-to-distortion ratio ‖αs‖² / ‖αs − ŝ‖², α = ŝᵀs / ‖s‖², in dB, mean of the channels (leroux2019sdr).

    Does not mind a wrong volume. Means are not subtracted. Infinite for a multiple of the reference.

    Shape: two tensors [n, c] → a number; −inf for a channel of zeros.
    """
    check_pair(result, reference)
    ratios = []
    for found, truth in zip(result.unbind(-1), reference.unbind(-1), strict=True):
        shared, power, own = (float(torch.sum(a * b, dtype=torch.float64)) for a, b in _pairs(found.double(), truth.double()))
        kept = shared**2 / power if power > 0 else 0.0
        left = own - kept
        ratios.append(-math.inf if kept == 0 else math.inf if left <= 1e-15 * own else 10 * math.log10(kept / left))
    return sum(ratios) / len(ratios)


def _pairs(found: Tensor, truth: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
    return (found, truth), (truth, truth), (found, found)


def log_spectral_distance(result: Float[Tensor, "n c"], reference: Float[Tensor, "n c"]) -> float:
    """Root of the mean over frequencies of (10 log₁₀ P / P̂)², mean over frames of 2,048 samples and channels, in dB.

    Powers more than 100 dB below the reference's strongest count as that. Evaluated a thousand frames at a time.

    Shape: two tensors [n, c] → a number of at least 0.
    """
    check_pair(result, reference)
    peak = max(float(power.max()) for power in _powers(reference))
    floor = max(peak * FLOOR, 1e-30)
    total, n_frames = 0.0, 0
    for first, second in zip(_powers(result), _powers(reference), strict=True):
        decibels = 10 * (first.clamp_min(floor).log10() - second.clamp_min(floor).log10())
        distances = decibels.square().mean(dim=-1).sqrt()
        total, n_frames = total + float(distances.double().sum()), n_frames + distances.numel()
    return total / n_frames


def _powers(values: Tensor) -> Iterator[Tensor]:
    """Power spectra [c, frames, bins] of Hann windows, some frames at a time; the end is filled up with zeros."""
    n = len(values)
    n_frames = max(1, -(-(n - FFT) // HOP) + 1)
    taper = torch.hann_window(FFT, device=values.device)
    for first in range(0, n_frames, FRAMES):
        count = min(FRAMES, n_frames - first)
        length = (count - 1) * HOP + FFT
        part = values[first * HOP : first * HOP + length].float().T
        part = torch.nn.functional.pad(part, (0, length - part.shape[1]))
        yield torch.fft.rfft(part.unfold(1, FFT, HOP) * taper, dim=-1).abs().square()


def stft_distance(result: Float[Tensor, "*batch n"], reference: Float[Tensor, "*batch n"]) -> Float[Tensor, ""]:
    """Multi-resolution STFT distance: of magnitudes S at three resolutions, the mean ‖S − Ŝ‖ / ‖S‖ + mean |log S / Ŝ|
    (yamamoto2020parallel).

    Hears what is missing where squared error looks at phase. Differentiable.

    Shape: two tensors [*, n] of consecutive samples, n above 1,024 → a scalar of at least 0.

    Raises:
        InputError: fewer samples than half the longest FFT.
    """
    if result.shape[-1] <= RESOLUTIONS[-1][0] // 2:
        raise InputError(f"a distance of spectra needs more than {RESOLUTIONS[-1][0] // 2} samples; got {result.shape[-1]}")
    distances = []
    for n_fft, hop, length in RESOLUTIONS:
        found, truth = (_magnitudes(sound, n_fft, hop, length) for sound in (result, reference))
        convergence = (truth - found).norm() / truth.norm().clamp_min(LEAST)
        distances.append(convergence + (truth.log() - found.log()).abs().mean())
    return torch.stack(distances).mean()


def _magnitudes(sound: Tensor, n_fft: int, hop: int, length: int) -> Tensor:
    window = torch.hann_window(length, dtype=sound.dtype, device=sound.device)
    spectrum = torch.stft(sound.reshape(-1, sound.shape[-1]), n_fft, hop, length, window, return_complex=True)
    return spectrum.abs().square().clamp_min(LEAST).sqrt()


def sound_metrics(result: Float[Tensor, "n c"], reference: Float[Tensor, "n c"]) -> dict[str, float | None]:
    """`snr`, also as `psnr`, `si_sdr`, `log_spectral_distance`, `rmse` and `max_abs_error`; None for what is infinite.

    Shape: two tensors [n, c] → numbers by name.
    """
    level = snr(result, reference)
    measures = {
        "psnr": level,
        "snr": level,
        "si_sdr": si_sdr(result, reference),
        "log_spectral_distance": log_spectral_distance(result, reference),
        "rmse": math.sqrt(mse(result, reference)),
        "max_abs_error": max_abs_error(result, reference),
    }
    return {name: value if math.isfinite(value) else None for name, value in measures.items()}
