"""Errors sample by sample: mean square, largest, and the peak signal-to-noise ratio."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError, ShapeError

_CHUNK = 1 << 20  # values held at once in float64: 8 MB a tensor


def mse(result: Float[Tensor, "*samples"], reference: Float[Tensor, "*samples"]) -> float:
    """Mean of (result − reference)² over all samples and channels, in squared units of the values.

    Summed in float64, a chunk at a time, so that a picture of any size costs no copy of itself.

    Shape: two tensors of one shape, any number of axes → a number of at least 0.

    Raises:
        ShapeError: the shapes differ.
        InputError: no samples, or values that are not floating point.
    """
    total = sum(float(error.square().sum()) for error in _errors(result, reference))
    return total / result.numel()


def max_abs_error(result: Float[Tensor, "*samples"], reference: Float[Tensor, "*samples"]) -> float:
    """Largest |result − reference| over all samples and channels, in units of the values; NaN if any of them is.

    Shape: two tensors of one shape, any number of axes → a number of at least 0.

    Raises:
        ShapeError: the shapes differ.
        InputError: no samples, or values that are not floating point.
    """
    largest = torch.zeros((), dtype=torch.float64, device=result.device)
    for error in _errors(result, reference):
        largest = torch.maximum(largest, error.abs().max())
    return float(largest)


def psnr(result: Float[Tensor, "*samples"], reference: Float[Tensor, "*samples"], *, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio, 10 log₁₀(peak² / mse), in dB.

    The mean square runs over all samples and channels together, before the logarithm. An exact match is `math.inf`.

    Args:
        result: what is judged, as it is: clip it first where only a range can be shown.
        reference: what it should be.
        peak: the range of the values: 1 for pictures, the source's peak-to-peak for volumes and series.

    Shape: two tensors of one shape, any number of axes → a number.

    Raises:
        ShapeError: the shapes differ.
        InputError: no samples, values that are not floating point, or a peak that is not positive.
    """
    check_peak(peak)
    error = mse(result, reference)
    return math.inf if error == 0 else 20 * math.log10(peak) - 10 * math.log10(error)


def check_pair(result: Tensor, reference: Tensor) -> None:
    """Raises unless both have one shape, at least one sample and floating-point values."""
    if result.shape != reference.shape:
        raise ShapeError(
            f"a result of shape {tuple(result.shape)} cannot be compared with a reference of shape "
            f"{tuple(reference.shape)}; expected equal shapes"
        )
    if not (result.is_floating_point() and reference.is_floating_point()):
        raise InputError(
            f"metrics need floating-point values, 8-bit ones divided by 255; got {result.dtype} and {reference.dtype}"
        )
    if result.numel() == 0:
        raise InputError(f"there is nothing to compare in tensors of shape {tuple(result.shape)}")


def check_peak(peak: float) -> None:
    """Raises unless the range of the values is a positive number."""
    if not (math.isfinite(peak) and peak > 0):
        raise InputError(f"peak is {peak}; expected the range of the values, a positive number")


def _errors(result: Tensor, reference: Tensor) -> Iterator[Tensor]:
    """result − reference in float64, a run of rows at a time."""
    check_pair(result, reference)
    first, second = torch.atleast_1d(result.detach(), reference.detach())
    rows = max(1, _CHUNK * len(first) // first.numel())
    for a, b in zip(first.split(rows), second.split(rows), strict=True):
        yield a.double() - b.double()
