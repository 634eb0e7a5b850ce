"""Quality of a result: numbers for reports. Nothing here is differentiated, but `similarity_maps` can be."""

from collections.abc import Callable

from ungrid.metrics.audio import log_spectral_distance, si_sdr, snr, sound_metrics, stft_distance
from ungrid.metrics.centroid import spectral_centroid
from ungrid.metrics.error import max_abs_error, mse, psnr
from ungrid.metrics.image import ms_ssim, picture_metrics, similarity_maps, ssim
from ungrid.metrics.spectrum import Band, RadialSpectrum, error_by_band, radial_power_spectrum

METRICS: dict[str, Callable[..., float]] = {
    "mse": mse,
    "psnr": psnr,
    "max_abs_error": max_abs_error,
    "ssim": ssim,
    "ms_ssim": ms_ssim,
    "snr": snr,
    "si_sdr": si_sdr,
    "log_spectral_distance": log_spectral_distance,
}

__all__ = [
    "METRICS",
    "Band",
    "RadialSpectrum",
    "error_by_band",
    "log_spectral_distance",
    "max_abs_error",
    "ms_ssim",
    "mse",
    "picture_metrics",
    "psnr",
    "radial_power_spectrum",
    "si_sdr",
    "similarity_maps",
    "snr",
    "sound_metrics",
    "spectral_centroid",
    "ssim",
    "stft_distance",
]
