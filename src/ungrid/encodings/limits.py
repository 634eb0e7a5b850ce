"""Ranges of constructor arguments: encodings are also built from files that nobody vouches for."""

from ungrid.errors import InputError

MAX_IN_DIM = 16
MAX_GRID_DIM = 4
MAX_LEVELS = 64
MAX_FEATURES_PER_LEVEL = 1024


def check_count(name: str, value: int, low: int, high: int) -> None:
    """Raise InputError unless `value` is an integer from `low` to `high`, both included."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}, expected an integer from {low} to {high}")


def check_number(name: str, value: float | int, low: float | int, high: float | int) -> None:
    """Raise InputError unless `value` is a finite number from `low` to `high`, both included."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}, expected a number from {low:g} to {high:g}")
