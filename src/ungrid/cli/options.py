"""Small languages of the options: places, regions, sizes."""

import math
import re

from ungrid.errors import InputError

WHOLE_NAMES = {"longitude": "lon", "latitude": "lat", "time": "t"}  # of axes, beside their own


def parse_place(text: str, axes: tuple[str, ...]) -> list[float]:
    """ "y=120.5,x=33.25" → coordinates in the order of `axes`.

    Raises:
        InputError: an axis that is missing, unknown or there twice; a value that is no finite number.
    """
    found = _pairs(text, axes, "--at", "120.5")
    missing = [axis for axis in axes if axis not in found]
    if missing:
        raise InputError(f"--at {text} does not say where along {', '.join(missing)}; expected one value for each of {axes}")
    return [_number(found[axis], text) for axis in axes]


def parse_region(text: str, axes: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """ "y=0:100,x=20:80" → {axis: (low, high)}; axes not named stay whole.

    Raises:
        InputError: an unknown axis, a range that is no pair of finite numbers.
    """
    region = {}
    for axis, value in _pairs(text, axes, "--region", "0:100").items():
        ends = value.split(":")
        if len(ends) != 2:
            raise InputError(f"--region {text}: {axis} is {value!r}; expected LOW:HIGH")
        region[axis] = (_number(ends[0], text), _number(ends[1], text))
    return region


def named_numbers(text: str, axes: tuple[str, ...], option: str, example: str) -> dict[str, float]:
    """ "z=1,y=2.5" → {"z": 1.0, "y": 2.5}; any of the axes, at least one.

    Raises:
        InputError: an axis that is unknown or there twice, a value that is no finite number.
    """
    return {axis: _number(value, f"{option} {text}") for axis, value in _pairs(text, axes, option, example).items()}


def parse_size(text: str) -> tuple[int | None, int | None]:
    """ "WxH" → (height, width); "N" → the longer side, as (None, N), for the caller to turn.

    Raises:
        InputError: something else, or a side below 1.
    """
    match = re.fullmatch(r"\s*(\d{1,9})\s*(?:[x×]\s*(\d{1,9})\s*)?", text)
    if match is None or int(match[1]) < 1 or (match[2] is not None and int(match[2]) < 1):
        raise InputError(f"--size {text}: expected WIDTHxHEIGHT, such as 1920x1080, or one number for the longer side")
    return (None if match[2] is None else int(match[2])), int(match[1])


def parse_numbers(text: str, option: str) -> list[int]:
    """ "3,7" → [3, 7].

    Raises:
        InputError: something else than whole numbers with commas between.
    """
    if not re.fullmatch(r"\s*\d{1,16}\s*(,\s*\d{1,16}\s*)*", text):
        raise InputError(f"{option} {text}: expected whole numbers with commas between, such as 3,7")
    return [int(number) for number in text.split(",")]


def parse_spans(text: str, option: str) -> list[tuple[float, float]]:
    """ "0.5:0.52,1:1.04" → [(0.5, 0.52), (1.0, 1.04)].

    Raises:
        InputError: something else than pairs of finite numbers.
    """
    spans = []
    for item in text.split(","):
        ends = item.split(":")
        if len(ends) != 2:
            raise InputError(f"{option} {text}: cannot read {item!r}; expected START:END in seconds, with commas between several")
        spans.append((_number(ends[0], f"{option} {text}"), _number(ends[1], f"{option} {text}")))
    return spans


def _pairs(text: str, axes: tuple[str, ...], option: str, example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in text.split(","):
        axis, equals, value = item.strip().partition("=")
        axis = axis if axis in axes else WHOLE_NAMES.get(axis, axis)
        if not equals or axis not in axes or axis in found:
            expected = ",".join(f"{name}={example}" for name in axes)
            raise InputError(f"{option} {text}: cannot read {item!r}; the axes are {axes}, expected {option} {expected}")
        found[axis] = value
    return found


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{whole}: {text!r} is not a number") from None
    if not math.isfinite(value):
        raise InputError(f"{whole}: {text!r} is not a finite number")
    return value
