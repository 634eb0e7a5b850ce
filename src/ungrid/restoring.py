"""The verb that restores: from a degraded picture, sound or volume to a field of what was there."""

import math
import time
from collections.abc import Sequence
from typing import Any

import torch

from ungrid.blurring import as_picture, as_psf, blind_side, find_blur, is_blind
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.lattice import LatticeField
from ungrid.fields.record import Record
from ungrid.fitting import choose_device, circumstances
from ungrid.measurements.noise import LEVELS, Gaussian, Noise, Rician
from ungrid.measurements.noise_level import is_negligible
from ungrid.restoration.blind import Blind
from ungrid.restoration.blind import papers as blind_papers
from ungrid.restoration.candidates import CANDIDATES, CLASSICAL
from ungrid.restoration.choose import KINDS, METHODS, Restored, restore_by
from ungrid.restoration.degradation import Degradation, parse_noise
from ungrid.restoration.shots import CLASSICAL as CLASSICAL_SHOTS
from ungrid.restoration.shots import METHODS as SHOT_METHODS
from ungrid.restoration.shots import check_shots, join_shots
from ungrid.signals.base import Signal
from ungrid.spec import lookup
from ungrid.tasks.complete import complete
from ungrid.undoing import UNDOES, as_restorable, check_losses, without_losses
from ungrid.verbs import as_mask, as_signal

LEAST_LEVEL = 1 / (LEVELS * math.sqrt(12))  # noise of whole levels
MOST_UPSCALE = 16
MOST_PIXELS = 2**26


def restore(
    signal: Any,
    undo: Any = (),
    *,
    denoise: str | None = None,
    upscale: int = 1,
    deblur: Any = None,
    inpaint: Any = None,
    shots: Sequence[Any] | None = None,
    method: str = "auto",
    seed: int = 0,
    device: str = "auto",
) -> Field:
    """The field of the scene behind a degraded picture, the sound behind a damaged recording, or the volume behind thick slices,
    estimated without knowing the truth; what is asked for goes together.

    Its record says what was done: `field.record.fit` has `noise`, the `shares` of each candidate in the result, `seconds`,
    `stopped_by`, and of sounds and volumes `heldout`: how well each candidate told what was hidden from it, in dB.

    Args:
        signal: a picture, sound or volume, a path or an array; alpha is left as it is, or interpolated.
        undo: what happened to a sound: `Clipping`, `Gaps`, or both, or `Bandwidth`; to a volume: `ThickSlices`. The options down
            to `inpaint` are for pictures.
        denoise: "gaussian:25" (sigma in levels of 0 to 255), "poisson:30" (photons of white), "poisson-gaussian:30,5",
            "rician:13" (magnitudes of scanners), "speckle:4" (looks); but for the third, the name alone estimates the number,
            "auto" takes the noise as Gaussian. None: "auto" to denoise or deblur; none
            but that of whole levels to enlarge or fill in.
        upscale: samples of the scene along each side of a pixel, 1 to 16: a pixel is the mean over them.
        deblur: what blurred the scene, in its samples: "gaussian:2" (sigma), "motion:15,30" (length, degrees), or a point spread
            function as a picture, path or array; its sum is made 1. "blind" finds it in the picture, "blind:21" with so many
            samples a side; so does `find_blur`, whose result can be given here.
        inpaint: which pixels are known, [h, w] booleans, or a picture or path that is bright where they are.
        shots: more pictures of the scene, of the same size and exposure and shifted by parts of a pixel. They are
            aligned, and joined on the finer lattice; `field.record.fit` then has `shifts`, in pixels. Their noise is
            estimated where `denoise` does not say it.
        method: "auto" joins a fitted field and a classical estimate, "field" and "classical" take one of them;
            or a name in `ungrid.restoration.candidates.CANDIDATES`. Of sounds and volumes, "auto" takes the candidate
            that tells best what was hidden from it; names are in `SOUND_CANDIDATES` and `SLICE_CANDIDATES` beside that.
        seed: of what is random.
        device: "auto", "cpu" or "cuda". The field comes back on the CPU.

    Raises:
        InputError: a signal of another kind; a noise, mask, blur, level or gap that cannot be; options for another kind.
        UnknownName: no such noise or method.

    Example:
        >>> import numpy, ungrid as ug
        >>> noisy = 0.5 + 0.1 * numpy.random.default_rng(0).standard_normal((16, 16))
        >>> ug.restore(noisy, denoise="gaussian:25.5").record.fit["noise"]
        'gaussian:25.5'
    """
    where = choose_device(device)
    signal = as_restorable(signal)
    losses = tuple(undo) if isinstance(undo, list | tuple) else (undo,)
    if losses or signal.kind in UNDOES:
        is_alone = denoise is None and deblur is None and inpaint is None and upscale == 1 and shots is None
        check_losses(signal, losses, is_alone)
        return without_losses(signal, losses, method, seed, where)
    if shots is not None:
        if deblur is not None or inpaint is not None:
            raise InputError("deblur and inpaint are for one picture; join the shots first, and give what comes of it")
        return _of_shots([as_picture(signal), *(as_picture(as_signal(shot)) for shot in shots)], denoise, upscale, method, where)
    lookup(method, dict.fromkeys(METHODS), "method of restoring")
    signal = as_picture(signal)
    start = time.monotonic()
    colors = signal.measured_channels
    observed = signal.values[..., colors].to(where).float()
    blind = _blind(signal, deblur, upscale, inpaint)
    degradation = _degradation(signal, observed, denoise, upscale, deblur if blind is None else blind.kernel, inpaint)
    found = restore_by(method, observed, degradation, torch.Generator().manual_seed(seed))
    field = _with_colors(signal, found.values, upscale)
    seconds = time.monotonic() - start
    field.record = _record(signal, found, degradation, method, _residual(observed, found.values, degradation), seconds)
    field.record.fit.update(seed=seed, **circumstances(where))
    if blind is not None:
        field.record.fit.update(kernel=blind.describe(), notes=blind.warnings())
        field.record.fit["papers"] += blind_papers
    return field


def _with_colors(signal: Signal, colors: torch.Tensor, upscale: int) -> LatticeField:
    """The field of restored colors; alpha is interpolated."""
    values = LatticeField.of(signal.box, signal.values.float()).sample(signal.grid.refine(float(upscale)))
    values[..., signal.measured_channels] = colors.cpu()
    return LatticeField.of(signal.box, values).eval()


def _of_shots(signals: Sequence[Signal], denoise: str | None, upscale: int, method: str, where: torch.device) -> Field:
    """The field of a scene that several shots show."""
    lookup(method, dict.fromkeys([*METHODS, *SHOT_METHODS]), "method of restoring")
    signal = signals[0]
    pictures = [each.values[..., each.measured_channels].to(where).float() for each in signals]
    check_shots(pictures, method)
    said = _degradation(signal, pictures[0], denoise, upscale, None, None)
    deviation = None if denoise is None else math.sqrt(float(said.noise.variance(pictures[0]).mean()))
    found = join_shots(pictures, upscale, method=method, deviation=deviation)
    noise = said.with_noise(Gaussian(max(found.deviation, LEAST_LEVEL))) if denoise is None else said
    field = _with_colors(signal, found.values, upscale)
    shape = tuple(n * upscale for n in signal.grid.shape)
    name = CLASSICAL_SHOTS[0] if method in KINDS else method
    fit = {
        "preset": "restore",
        "reason": SHOT_METHODS[method],
        "method": method,
        "noise": f"{noise.describe()} shots:{len(signals)}",
        "shares": {name: 1.0},
        "classical": list(CLASSICAL_SHOTS),
        "shifts": [[round(shift.down, 4), round(shift.across, 4)] for shift in found.shifts],
        "seconds": found.seconds,
        "total_seconds": found.seconds,
        "candidate_seconds": {name: found.seconds},
        "residual": round(math.hypot(*found.residuals) / math.sqrt(len(signals)) / max(found.deviation, LEAST_LEVEL), 4),
        "steps": 0,
        "stopped_by": found.stopped_by,
        "papers": list(found.papers),
        "notes": found.notes,
    }
    field.record = Record(signal.kind, shape, signal.channels, signal.source, signal.blobs, fit=fit)
    field.record.fit.update(circumstances(where))
    return field


def _blind(signal: Signal, deblur: Any, upscale: int, inpaint: Any) -> Blind | None:
    """The blur that is to be found, or was; None where it is said otherwise."""
    if isinstance(deblur, Blind) or not is_blind(deblur):
        return deblur if isinstance(deblur, Blind) else None
    if upscale != 1 or inpaint is not None:
        raise InputError(
            "a blur is found in a whole picture at its own size; deblur first, and enlarge or fill in what comes of it"
        )
    return find_blur(signal, blind_side(deblur))


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
        noise: Noise = Gaussian(LEAST_LEVEL)
    else:
        clean = observed if known is None else complete(observed, known, rounds=1)
        noise = parse_noise("auto" if denoise is None else denoise, clean)
    return Degradation(noise, upscale, psf, known)


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
