"""Ranges of the numbers that networks take: networks are also built from files that nobody vouches for."""

from collections.abc import Mapping

from ungrid.errors import InputError

MAX_FACTOR = 1e6


def check_positive(numbers: Mapping[str, float]) -> None:
    """Raise InputError unless each of the named numbers is above 0 and at most 10⁶."""
    for name, value in numbers.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_FACTOR:
            raise InputError(f"{name} is {value!r}, expected a number above 0 and at most {MAX_FACTOR:g}")
