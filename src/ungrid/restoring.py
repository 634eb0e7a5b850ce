"""The verb that restores: from a degraded picture to a field of what was there."""

import time
from typing import Any

import torch

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.lattice import LatticeField
from ungrid.fields.record import Record
from ungrid.fitting import choose_device, circumstances
from ungrid.measurements.noise_level import is_negligible
from ungrid.restoration.candidates import CANDIDATES, CLASSICAL
from ungrid.restoration.choose import METHODS, Restored, restore_by
from ungrid.restoration.degradation import Degradation, parse_noise
from ungrid.signals.base import Signal
from ungrid.spec import lookup
from ungrid.verbs import as_signal


def restore(picture: Any, *, denoise: str = "auto", method: str = "auto", seed: int = 0, device: str = "auto") -> Field:
    """The field of the scene behind a degraded picture, estimated without knowing the truth.

    Its record says what was done: `field.record.fit` has `noise`, the `shares` of each candidate in the result, `seconds`,
    `stopped_by`.

    Args:
        picture: a signal of kind image, a path or an array; alpha is left as it is.
        denoise: "gaussian:25" (sigma in levels of 0 to 255), "poisson:30" (photons of white), "poisson-gaussian:30,5"; "gaussian"
            and "poisson" alone estimate the number, "auto" takes the noise as Gaussian.
        method: "auto" joins a fitted field and a classical estimate, "field" and "classical" take one of them;
            or a name in `ungrid.restoration.candidates.CANDIDATES`.
        seed: of what is random.
        device: "auto", "cpu" or "cuda". The field comes back on the CPU.

    Raises:
        InputError: not a picture, a noise that cannot be.
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
    degradation = Degradation(parse_noise(denoise, observed))
    found = restore_by(method, observed, degradation, torch.Generator().manual_seed(seed))
    values = signal.values.float().clone()
    values[..., colors] = found.values.cpu()
    field = LatticeField.of(signal.box, values).eval()
    seconds = time.monotonic() - start
    field.record = _record(signal, found, degradation, method, _residual(observed, found.values, degradation), seconds)
    field.record.fit.update(seed=seed, **circumstances(where))
    return field


def _residual(observed: torch.Tensor, values: torch.Tensor, degradation: Degradation) -> float | None:
    """Root mean square of what was taken out, in units of the noise that the estimate should have: about 1, below it where some
    noise is left, above it where detail is lost. None without noise."""
    if is_negligible(degradation.noise, values):
        return None
    expected = degradation.noise.variance(values).mean()
    return round(float(((observed - values).square().mean() / expected).sqrt()), 4)


def classical_names() -> list[str]:
    """The classical candidates, the best first: names that `restore` takes as a method."""
    return [name for name, candidate in CANDIDATES.items() if candidate.kind == CLASSICAL]


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
        "seconds": round(seconds, 3),
        "total_seconds": round(seconds, 3),
        "candidate_seconds": found.seconds,
        "residual": residual,
        "steps": 0,
        "stopped_by": found.stopped_by,
        "papers": list(found.papers),
        "notes": [],
    }
    return Record(signal.kind, signal.grid.shape, signal.channels, signal.source, signal.blobs, fit=fit)
