"""The part of a large signal that is to be read: where, how finely, how often."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ungrid.errors import InputError

MOST_REDUCTION = 64
MOST_RATE = 1e6


@dataclass(frozen=True)
class Part:
    """What to read of a signal; by default all of it.

    Args:
        region: {axis: (low, high)} in the units of the signal's box; axes not named stay whole.
        reduction: n of the n × n pixels whose mean light becomes one, 1 to 64.
        rate: samples or frames a second to take, each the one that is shown at that time; of what has no times of its own, the
            rate it is taken to have. None for the source's own.

    Raises:
        InputError: a bound, reduction or rate that is no number or out of range.
    """

    region: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    reduction: int = 1
    rate: float | None = None

    def __post_init__(self) -> None:
        for axis, bounds in self.region.items():
            if len(bounds) != 2 or not all(math.isfinite(bound) for bound in bounds) or not bounds[0] < bounds[1]:
                raise InputError(f"the part {axis}={bounds} cannot be read; expected two finite numbers, low < high")
        if not 1 <= self.reduction <= MOST_REDUCTION:
            raise InputError(f"the reduction is {self.reduction}; expected a whole number from 1 to {MOST_REDUCTION}")
        if self.rate is not None and not 0 < self.rate <= MOST_RATE:
            raise InputError(f"the rate is {self.rate}; expected more than 0 a second, at most {MOST_RATE:g}")

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not self.region and self.reduction == 1 and self.rate is None


WHOLE = Part()
