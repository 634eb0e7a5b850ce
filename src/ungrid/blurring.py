"""What blurs a picture: as a person says it, as a file keeps it, or found in the picture itself."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.files import write_beside
from ungrid.measurements.footprint import gaussian_psf, motion_psf
from ungrid.restoration.blind import Blind
from ungrid.restoration.blind import find_blur as find_in
from ungrid.restoration.degradation import parse_numbers
from ungrid.signals.array_file import read_arrays
from ungrid.signals.base import Signal
from ungrid.signals.image import from_array, write_picture
from ungrid.verbs import as_signal

BLURS = ("gaussian", "motion")
BLIND = "blind"
KERNEL_PICTURES = (".png", ".tif", ".tiff")


def as_psf(deblur: Any) -> Float[Tensor, "rows columns"]:
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
    is_array = isinstance(deblur, str | os.PathLike) and Path(deblur).suffix.lower() == ".npy" and Path(deblur).is_file()
    signal = as_picture(np.array(read_arrays(Path(deblur))[""]) if is_array else deblur)
    psf = signal.values[..., signal.measured_channels].mean(dim=-1).float()
    psf = torch.nn.functional.pad(psf, (0, 1 - psf.shape[1] % 2, 0, 1 - psf.shape[0] % 2))
    if not float(psf.sum()) > 0:
        raise InputError("the point spread function sums to 0; expected a picture that is bright where light goes")
    return psf / psf.sum()


def find_blur(picture: Any, side: int | None = None) -> Blind:
    """The point spread function behind a picture, found from the picture alone, and what speaks for it; goes to `restore` as
    `deblur`.

    Args:
        picture: a signal of kind image, a path or an array.
        side: samples along each side of what is looked for, odd, wider than the blur by some; None for 35, or what a small
            picture allows.

    Returns:
        `kernel` [rows, columns], `evidence`, `is_trusted`, `warnings()`, `describe()`.

    Raises:
        InputError: not a picture, one too small or without edges, a side out of range.
    """
    signal = as_picture(picture)
    return find_in(signal.values[..., signal.measured_channels].float(), side)


def save_kernel(kernel: Float[Tensor, "rows columns"], path: str | os.PathLike[str]) -> None:
    """A point spread function as an array (.npy), or as a picture whose largest weight is white (.png, .tif, 16 bits).

    Raises:
        InputError: a name of another ending.
        MachineError: not writable, disk full.
    """
    path = Path(path)
    check_kernel_name(path)
    if path.suffix.lower() == ".npy":
        with write_beside(path) as beside, open(beside, "wb") as file:
            np.save(file, kernel.numpy())
    else:
        write_picture(path, from_array(kernel / kernel.max()), bit_depth=16)


def check_kernel_name(path: Path) -> None:
    """Raise InputError for a name that says no format of a kernel's."""
    if path.suffix.lower() not in (".npy", *KERNEL_PICTURES):
        raise InputError(f"cannot write the kernel to {path.name}; expected a name ending in .npy {' '.join(KERNEL_PICTURES)}")


def is_blind(deblur: Any) -> bool:
    """Whether the blur is to be found."""
    return isinstance(deblur, str) and deblur.partition(":")[0] == BLIND


def blind_side(deblur: str) -> int | None:
    """The side in "blind:SIDE"; None in "blind".

    Raises:
        InputError: something that is no whole number.
    """
    _, colon, side = deblur.partition(":")
    if colon and not side.isdecimal():
        raise InputError(
            f"the blur {deblur!r} has no whole number; expected blind, or blind:21 for a kernel of 21 samples a side"
        )
    return int(side) if colon else None


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
