"""The signals of a comparison: pictures, and sounds and volumes of arrays, with values from 0 to 1 and one unit a sample."""

import hashlib
import importlib.util
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ungrid.bench.pictures import color_only, pictures
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, MissingFile, UnreadableInput
from ungrid.signals.base import Signal
from ungrid.signals.image import from_array, read_picture
from ungrid.signals.wave_file import open_wave

KINDS = {1: ("series", ("t",)), 3: ("volume", ("z", "y", "x"))}
NEVER = "astronaut"  # learning rates are tuned on it
MOST_SAMPLES = 2**27

Array = NDArray[Any]


def signals(paths: Sequence[Path] = ()) -> dict[str, Signal]:
    """Signals by name: of the given files, or the bench's own pictures but for the one that rates are tuned on.

    Raises:
        UngridError: a file that is missing or of no known kind.
    """
    if not paths:
        return {name: signal for name, signal in pictures().items() if name != NEVER}
    return {path.name: read_signal(path) for path in paths}


def tuning_signals(paths: Sequence[Path]) -> dict[str, Signal]:
    """What learning rates are tuned on: the given files, and scikit-image's astronaut where it is installed.

    Raises:
        InputError: neither is there.
        UngridError: a file that is missing or of no known kind.
    """
    found = {path.name: read_signal(path) for path in paths}
    if importlib.util.find_spec("skimage") is not None:
        from skimage import data

        found[NEVER] = from_array(data.astronaut())
    if not found:
        raise InputError("there is nothing to tune on: name pictures that no comparison will report")
    return found


def read_signal(path: Path) -> Signal:
    """A picture without its alpha channel; an array [t], [t, c] or [z, y, x] of an .npy or .npz file; the sound of a .wav file.

    Arrays of other axes than a picture's get a box of one unit a sample, and their own smallest and largest values become 0
    and 1, since that is where the published settings expect them: PSNR is then of the source's peak to peak.

    Raises:
        MissingFile: no such file.
        UnreadableInput: it cannot be read.
        InputError: an array of other axes, or of values that are equal or not finite.
    """
    if path.suffix.lower() not in (".npy", ".npz", ".wav"):
        return color_only(read_picture(path))
    if path.is_dir() or not path.exists():
        raise MissingFile(f"there is no file {path}")
    if path.suffix.lower() == ".wav":
        recording = open_wave(path)
        signal = from_samples(recording.samples(), path.name, kind="audio")
        source = {"format": "WAV", "sample_rate": recording.rate}
    else:
        signal, source = from_samples(_array(path), path.name), {"format": "array"}
    known = {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return replace(signal, source={**signal.source, **source, **known})


def from_samples(array: Array, name: str, *, kind: str | None = None) -> Signal:
    """Samples [t], [t, c] or [z, y, x] as a signal from 0 to 1; `source` keeps the low and high values that these were.

    Raises:
        InputError: other axes, or values that are equal or not finite.
    """
    if array.ndim not in (1, 2, 3) or array.dtype.kind not in "biuf" or not 2 <= array.size <= MOST_SAMPLES:
        raise InputError(
            f"{name} holds {array.dtype} of shape {array.shape}; expected 2 to {MOST_SAMPLES:,} numbers [t], [t, c] or "
            f"[z, y, x]; a picture comes as a picture file"
        )
    values = np.asarray(array, dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high) and high > low):
        raise InputError(f"{name} holds values from {low} to {high}; expected finite numbers that differ")
    values = (values if array.ndim == 2 else values[..., None]) - low
    own_kind, axes = KINDS[values.ndim - 1]
    shape = values.shape[:-1]
    box = Box(axes, tuple((0.0, float(n)) for n in shape), ("",) * len(axes))
    channels = tuple(f"channel{i}" for i in range(values.shape[-1]))
    source = {"sample_format": "float", "low": low, "high": high}
    scaled = torch.from_numpy((values / (high - low)).astype(np.float32))
    return Signal(scaled, Grid(box, shape), kind or own_kind, channels, source)


def crop(signal: Signal, side: int | None) -> Signal:
    """The middle of a signal, at most `side`² samples of 2 or 1 axes and `side` along each of 3, on a box of its own."""
    if side is None:
        return signal
    most = {1: side**2, 2: side, 3: max(4, round(side ** (2 / 3)))}[len(signal.grid.shape)]
    parts = tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in ((n, min(n, most)) for n in signal.grid.shape))
    values = signal.values[parts].contiguous()
    shape = tuple(values.shape[:-1])
    box = Box(signal.box.axes, tuple((0.0, float(n)) for n in shape), signal.box.units)
    return replace(signal, values=values, grid=Grid(box, shape))


def _array(path: Path) -> Array:
    """The array of an .npy file, or the largest one of an .npz file."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return max((np.asarray(found[key]) for key in found.files), key=lambda array: array.size)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UnreadableInput(f"{path.name} cannot be read as an array: {' '.join(str(error).split())[:120]}") from None
