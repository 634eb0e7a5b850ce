"""Ranges of a network's arguments beside its sizes: networks are also built from files that nobody vouches for."""

from collections.abc import Mapping, Sequence

from ungrid.errors import InputError

MAX_FACTOR = 1e6


def check_count(name: str, value: int, low: int, high: int) -> None:
    """Raise InputError unless `value` is an integer from `low` to `high`, both included."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}, expected an integer from {low} to {high}")


def check_number(name: str, value: float | int, low: float | int, high: float | int) -> None:
    """Raise InputError unless `value` is a finite number from `low` to `high`, both included."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(f"{name} is {value!r}, expected a number from {low:g} to {high:g}")


def check_numbers(
    name: str, values: Sequence[float | int], lengths: tuple[int, ...], low: float | int, high: float | int
) -> None:
    """Raise InputError unless `values` has one of the given lengths and each entry is a number from `low` to `high`."""
    if len(values) not in lengths:
        raise InputError(f"{name} has {len(values)} entries, expected {' or '.join(map(str, lengths))}")
    for value in values:
        check_number(f"an entry of {name}", value, low, high)


def check_positive(numbers: Mapping[str, float]) -> None:
    """Raise InputError unless each of the named numbers is above 0 and at most 10⁶."""
    for name, value in numbers.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_FACTOR:
            raise InputError(f"{name} is {value!r}, expected a number above 0 and at most {MAX_FACTOR:g}")
