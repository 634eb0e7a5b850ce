"""The verb that restores: from a degraded picture to a field of what was there."""

import math
import time
from typing import Any

import torch

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.lattice import LatticeField
from ungrid.fields.record import Record
from ungrid.fitting import choose_device, circumstances
from ungrid.measurements.footprint import gaussian_psf, motion_psf
from ungrid.measurements.noise import LEVELS, Gaussian, Noise, Rician
from ungrid.measurements.noise_level import is_negligible
from ungrid.restoration.candidates import CANDIDATES, CLASSICAL
from ungrid.restoration.choose import METHODS, Restored, restore_by
from ungrid.restoration.degradation import Degradation, parse_noise, parse_numbers
from ungrid.signals.base import Signal
from ungrid.spec import lookup
from ungrid.tasks.complete import complete
from ungrid.verbs import as_mask, as_signal

MOST_UPSCALE = 16
MOST_PIXELS = 2**26
BLURS = ("gaussian", "motion")


def restore(
    picture: Any,
    *,
    denoise: str | None = None,
    upscale: int = 1,
    deblur: Any = None,
    inpaint: Any = None,
    method: str = "auto",
    seed: int = 0,
    device: str = "auto",
) -> Field:
    """The field of the scene behind a degraded picture, estimated without knowing the truth; what is asked for goes together.

    Its record says what was done: `field.record.fit` has `noise`, the `shares` of each candidate in the result, `seconds`,
    `stopped_by`.

    Args:
        picture: a signal of kind image, a path or an array; alpha is left as it is, or interpolated.
        denoise: "gaussian:25" (sigma in levels of 0 to 255), "poisson:30" (photons of white), "poisson-gaussian:30,5",
            "rician:13" (magnitudes of scanners), "speckle:4" (looks); but for the third, the name alone estimates the number,
            "auto" takes the noise as Gaussian. None: "auto" to denoise or deblur; none
            but that of whole levels to enlarge or fill in.
        upscale: samples of the scene along each side of a pixel, 1 to 16: a pixel is the mean over them.
        deblur: what blurred the scene, in its samples: "gaussian:2" (sigma), "motion:15,30" (length, degrees), or a point spread
            function as a picture, path or array; its sum is made 1.
        inpaint: which pixels are known, [h, w] booleans, or a picture or path that is bright where they are.
        method: "auto" joins a fitted field and a classical estimate, "field" and "classical" take one of them;
            or a name in `ungrid.restoration.candidates.CANDIDATES`.
        seed: of what is random.
        device: "auto", "cpu" or "cuda". The field comes back on the CPU.

    Raises:
        InputError: not a picture, a noise, mask or blur that cannot be.
        UnknownName: no such noise or method.

    Example:
        >>> import numpy, ungrid as ug
        >>> noisy = 0.5 + 0.1 * numpy.random.default_rng(0).standard_normal((16, 16))
        >>> ug.restore(noisy, denoise="gaussian:25.5").record.fit["noise"]
        'gaussian:25.5'
    """
    lookup(method, dict.fromkeys(METHODS), "method of restoring")
    where = choose_device(device)
    signal = as_picture(picture)
    start = time.monotonic()
    colors = signal.measured_channels
    observed = signal.values[..., colors].to(where).float()
    degradation = _degradation(signal, observed, denoise, upscale, deblur, inpaint)
    found = restore_by(method, observed, degradation, torch.Generator().manual_seed(seed))
    values = LatticeField.of(signal.box, signal.values.float()).sample(signal.grid.refine(float(upscale)))
    values[..., colors] = found.values.cpu()
    field = LatticeField.of(signal.box, values).eval()
    seconds = time.monotonic() - start
    field.record = _record(signal, found, degradation, method, _residual(observed, found.values, degradation), seconds)
    field.record.fit.update(seed=seed, **circumstances(where))
    return field


def _degradation(
    signal: Signal, observed: torch.Tensor, denoise: str | None, upscale: int, deblur: Any, inpaint: Any
) -> Degradation:
    if not 1 <= upscale <= MOST_UPSCALE:
        raise InputError(f"upscale is {upscale}; expected a whole number from 1 to {MOST_UPSCALE}")
    if math.prod(signal.grid.shape) * upscale**2 > MOST_PIXELS:
        raise InputError(f"upscale {upscale} makes more than {MOST_PIXELS:,} pixels of {signal.grid.shape}; take a part, or less")
    psf = None if deblur is None else as_psf(deblur).to(observed)
    if psf is not None and any(k > upscale * n for k, n in zip(psf.shape, signal.grid.shape, strict=True)):
        raise InputError(
            f"the point spread function has {tuple(psf.shape)} samples, the picture {signal.grid.shape}; expected less"
        )
    known = None if inpaint is None else as_mask(inpaint).to(observed.device)
    if known is not None and tuple(known.shape) != signal.grid.shape:
        raise InputError(f"the mask has shape {tuple(known.shape)}, the picture {signal.grid.shape}; they must be equal")
    if known is not None and bool(known.all()):
        raise InputError("the mask says that all pixels are known; leave it out, or make dark what is not known")
    if denoise is None and psf is None and (upscale > 1 or known is not None):
        noise: Noise = Gaussian(1 / (LEVELS * math.sqrt(12)))
    else:
        clean = observed if known is None else complete(observed, known, rounds=1)
        noise = parse_noise("auto" if denoise is None else denoise, clean)
    return Degradation(noise, upscale, psf, known)


def as_psf(deblur: Any) -> torch.Tensor:
    """A point spread function [rows, columns] of sum 1 and odd sizes from "gaussian:SIGMA", "motion:LENGTH,DEGREES", a picture.

    Raises:
        InputError: numbers missing or wrong, or a picture that is black.
    """
    name, colon, rest = str(deblur).partition(":") if isinstance(deblur, str) else ("", "", "")
    if colon and name in BLURS:
        numbers = parse_numbers(str(deblur), rest)
        n = {"gaussian": 1, "motion": 2}[name]
        if len(numbers) != n:
            raise InputError(
                f"the blur {deblur!r} has {len(numbers)} numbers; expected something like gaussian:2 or motion:15,30"
            )
        return gaussian_psf(*numbers) if name == "gaussian" else motion_psf(*numbers)
    if isinstance(deblur, str) and deblur == "blind":
        raise InputError(
            "a blur that is not known cannot be undone yet; say gaussian:SIGMA, motion:LENGTH,DEGREES, or give a picture of it"
        )
    signal = as_picture(deblur)
    psf = signal.values[..., signal.measured_channels].mean(dim=-1).float()
    psf = torch.nn.functional.pad(psf, (0, 1 - psf.shape[1] % 2, 0, 1 - psf.shape[0] % 2))
    if not float(psf.sum()) > 0:
        raise InputError("the point spread function sums to 0; expected a picture that is bright where light goes")
    return psf / psf.sum()


def _residual(observed: torch.Tensor, values: torch.Tensor, degradation: Degradation) -> float | None:
    """Root mean square of what was taken out, in units of the noise that the estimate should have: about 1, below it where some
    noise is left, above it where detail is lost. None without noise."""
    if not degradation.is_noise or is_negligible(degradation.noise, values):
        return None
    noise = degradation.noise
    expected, middle = noise.variance(values).mean(), noise.mean(values) if isinstance(noise, Rician) else values
    return round(float(((observed - middle).square().mean() / expected).sqrt()), 4)


def classical_names(degradation: Degradation) -> list[str]:
    """The classical candidates for a degradation, the best first: names that `restore` takes as a method."""
    return [name for name, candidate in CANDIDATES.items() if candidate.kind == CLASSICAL and candidate.serves(degradation)]


def as_picture(picture: Any) -> Signal:
    """The signal of a picture.

    Raises:
        InputError: a signal of another kind, or a picture of alpha alone or with pixels that are not known.
    """
    signal = as_signal(picture)
    if signal.kind != "image":
        raise InputError(f"only pictures can be restored; this is of kind {signal.kind}")
    if not signal.measured_channels:
        raise InputError(f"the picture has no channel but alpha: {signal.channels}")
    return signal


def _record(
    signal: Signal, found: Restored, degradation: Degradation, method: str, residual: float | None, seconds: float
) -> Record:
    fit = {
        "preset": "restore",
        "reason": found.describe(),
        "method": method,
        "noise": degradation.describe(),
        "shares": found.shares,
        "classical": classical_names(degradation),
        "seconds": round(seconds, 3),
        "total_seconds": round(seconds, 3),
        "candidate_seconds": found.seconds,
        "residual": residual,
        "steps": 0,
        "stopped_by": found.stopped_by,
        "papers": list(found.papers),
        "notes": [],
    }
    return Record(
        signal.kind,
        tuple(n * degradation.upscale for n in signal.grid.shape),
        signal.channels,
        signal.source,
        signal.blobs,
        fit=fit,
    )
