"""Rivals of ours in taking out noise, from the packages that are installed: scikit-image and bm3d."""

import importlib.util
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ungrid.restoration.candidates import Estimate, Restore, evened, sigma_of
from ungrid.restoration.degradation import Degradation

# 0.4 dB better on kodim05 than patches of 5 pixels, 9 pixels around and 0.8 sigma
NON_LOCAL_MEANS = {"patch_size": 7, "patch_distance": 11, "fast_mode": True}
SMOOTHING = 0.6  # of sigma
Denoise = Callable[[np.ndarray, float], np.ndarray]


def rivals() -> dict[str, Restore]:
    """(observed, degradation, rng) → estimate, by name; those that there are packages for."""
    found: dict[str, Restore] = {}
    if importlib.util.find_spec("skimage"):
        found["non-local means"] = evened(_by(_non_local_means))
    if importlib.util.find_spec("skimage") and importlib.util.find_spec("pywt"):
        found["wavelet"] = evened(_by(_wavelet))
    if importlib.util.find_spec("bm3d"):
        found["BM3D"] = evened(_by(_bm3d))
    return found


def missing() -> list[str]:
    """Sentences about rivals that are left out."""
    needs = {"non-local means": "skimage", "wavelet": "pywt", "BM3D": "bm3d"}
    return [
        f"{name} is left out: the package {package} is not installed."
        for name, package in needs.items()
        if importlib.util.find_spec(package) is None
    ]


def _by(denoise: Denoise) -> Restore:
    def restored(observed: Tensor, degradation: Degradation, rng: torch.Generator) -> Estimate:
        found = denoise(observed.double().numpy(), sigma_of(degradation))
        return Estimate(torch.from_numpy(np.asarray(found)).reshape(observed.shape).to(observed.dtype), "done")

    return restored


def _non_local_means(noisy: np.ndarray, sigma: float) -> np.ndarray:
    from skimage.restoration import denoise_nl_means

    found: np.ndarray = denoise_nl_means(noisy, h=SMOOTHING * sigma, sigma=sigma, channel_axis=-1, **NON_LOCAL_MEANS)
    return found


def _wavelet(noisy: np.ndarray, sigma: float) -> np.ndarray:
    from skimage.restoration import cycle_spin, denoise_wavelet

    color = noisy.shape[-1] == 3
    options = {"sigma": sigma, "convert2ycbcr": color, "channel_axis": -1, "rescale_sigma": True}
    found: np.ndarray = cycle_spin(noisy, denoise_wavelet, max_shifts=3, func_kw=options, channel_axis=-1)
    return found


def _bm3d(noisy: np.ndarray, sigma: float) -> np.ndarray:
    import bm3d

    found: np.ndarray = bm3d.bm3d_rgb(noisy, sigma) if noisy.shape[-1] == 3 else bm3d.bm3d(noisy, sigma)
    return found
