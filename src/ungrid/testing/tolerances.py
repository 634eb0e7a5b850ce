"""How close is equal: to the bit where the same operations run, up to rounding where only their order differs."""

import torch
from torch import Tensor
from torch.testing import assert_close

ROUNDING = {torch.float32: 2e-6, torch.float64: 1e-14}  # about 16 and 45 units in the last place


def assert_same_bits(actual: Tensor, expected: Tensor) -> None:
    """Fail unless dtype, device, shape and every value agree exactly."""
    assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)


def assert_same_up_to_rounding(actual: Tensor, expected: Tensor, *, slack: float = 1.0) -> None:
    """Fail unless the two differ by no more than a changed order of summation explains.

    Args:
        actual: what came.
        expected: what should have come, of the same dtype and shape; its largest magnitude is the scale of the error.
        slack: factor for long chains of operations.
    """
    scale = max(1.0, float(expected.detach().abs().max())) if expected.numel() else 1.0
    assert_close(actual, expected, rtol=0, atol=slack * scale * ROUNDING[expected.real.dtype])
