"""How long a fit may take, and how good is good enough."""

import math
from dataclasses import dataclass

from ungrid.errors import InputError


@dataclass(frozen=True)
class Limits:
    """How long a fit may take, and how good is good enough; None where there is no such limit.

    Args:
        steps: of the optimizer.
        max_seconds: of wall time in the loop.
        target_psnr: dB at which it stops.

    Raises:
        InputError: a limit out of range.
    """

    steps: int | None = None
    max_seconds: float | None = None
    target_psnr: float | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 0:
            raise InputError(f"steps is {self.steps}; expected at least 0")
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise InputError(f"max_seconds is {self.max_seconds}; expected more than 0")
        if self.target_psnr is not None and not math.isfinite(self.target_psnr):
            raise InputError(f"target_psnr is {self.target_psnr}; expected a number of dB")
