"""The time of a series: dates and numbers as text to seconds or a unit of their own, and back."""

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError

DATE, NUMBER, INDEX = "date", "number", "index"
TIME_NAMES = {"time", "t", "date", "datetime", "date_time", "timestamp", "utc", "index", ""}
EPOCH = dt.datetime(1970, 1, 1)
DAY = 86_400.0
LIKE_A_DATE = re.compile(r"\s*\d{4}-?\d{2}-?\d{2}([T ]\d{2}(:?\d{2}.*)?)?\s*$|\s*\d{4}-W\d{2}")
FINEST = 2.0**-20  # of the largest number: steps below it are not told apart by a field, which computes in single precision


@dataclass(frozen=True)
class Times:
    """When the rows of a table were measured.

    Args:
        values: [n] float64, rising: seconds from the first date, numbers as they are, or row numbers from 0.
        kind: "date", "number" or "index".
        unit: "s" for dates, else what the column's name says, "" for nothing.
        start: of dates the first as ISO text with its zone; of numbers that were too large for their steps, the first of them,
            from which `values` count; None otherwise.
        style: how dates are written: "T", " " or "date" (days alone); "" for what is no date.
    """

    values: NDArray[np.float64]
    kind: str
    unit: str = ""
    start: str | float | None = None
    style: str = ""

    def source(self) -> dict[str, Any]:
        """What a signal's source keeps of it."""
        known = {"time_kind": self.kind, "start": self.start, "date_style": self.style}
        return {key: value for key, value in known.items() if value not in (None, "")}


def is_date(text: str) -> bool:
    """Whether a cell looks like an ISO date: a plain number of eight digits does not, as far as it is none."""
    return LIKE_A_DATE.match(text) is not None and ("-" in text or _day(text) is not None)


def from_dates(cells: Sequence[str], where: Callable[[int], str]) -> Times:
    """ISO dates as seconds from the first.

    Args:
        cells: one date each.
        where: row of the table → its name in messages.

    Raises:
        InputError: a cell that is no date; dates of more than one zone, or with and without one; out of order.
    """
    moments = []
    for row, cell in enumerate(cells):
        try:
            moments.append(dt.datetime.fromisoformat(cell.strip()))
        except ValueError:
            said = f"{cell.strip()[:40]!r} is no ISO date" if cell.strip() else "the time is missing"
            raise InputError(f"{where(row)}: {said}; expected one such as 2019-03-01T06:00:00+00:00") from None
    offsets = [moment.utcoffset() for moment in moments]
    for row, offset in enumerate(offsets):
        if offset != offsets[0]:
            first, other = (_zone(one) for one in (offsets[0], offset))
            raise InputError(
                f"{where(row)}: the time zone is {other}, that of the first row {first}; write all in one zone, e.g. UTC"
            )
    instants = [(moment.replace(tzinfo=None) - EPOCH) // dt.timedelta(microseconds=1) for moment in moments]
    seconds = (np.array(instants, dtype=np.int64) - instants[0]) / 1e6
    check_rising(seconds, where, lambda row: cells[row].strip())
    sample = cells[0].strip()
    style = "T" if "T" in sample else " " if " " in sample else "date"
    return Times(seconds, DATE, "s", moments[0].isoformat(), style)


def from_numbers(values: NDArray[np.float64], unit: str, where: Callable[[int], str]) -> Times:
    """Numbers as they are; numbers too large to tell their steps apart in single precision count from the first.

    Raises:
        InputError: out of order, missing or not finite.
    """
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(f"{where(int(bad[0]))}: the time is {values[bad[0]]:g}; expected a number in every row")
    check_rising(values, where, lambda row: f"{values[row]:.12g}")
    if np.diff(values).min() < FINEST * np.abs(values).max() and values[0] != 0 and values[-1] - values[0] < abs(values[0]):
        return Times(values - values[0], NUMBER, unit, float(values[0]))
    return Times(values, NUMBER, unit)


def check_rising(values: NDArray[np.float64], where: Callable[[int], str], said: Callable[[int], str]) -> None:
    """Raise InputError unless there are at least two times, each later than the one before."""
    if len(values) < 2:
        raise InputError(f"there is one row, at {said(0)}, and so no duration; expected at least two rows")
    wrong = np.flatnonzero(np.diff(values) <= 0)
    if not len(wrong):
        return
    row = int(wrong[0]) + 1
    if values[row] == values[row - 1]:
        raise InputError(f"{where(row)}: the time {said(row)} is that of the row before; keep one row for each time")
    raise InputError(f"{where(row)}: the time {said(row)} is earlier than {said(row - 1)} before it; sort the rows by time")


def written(source: dict[str, Any]) -> Callable[[NDArray[np.float64]], list[str]]:
    """Times [n] → the text of each, as the source had them."""
    start = source.get("start")
    if source.get("time_kind") != DATE or not isinstance(start, str):
        offset = float(start) if isinstance(start, int | float) else 0.0
        return lambda times: [f"{time + offset:.15g}" for time in times]
    first = dt.datetime.fromisoformat(start)
    style = source.get("date_style", "T")

    def text(times: NDArray[np.float64]) -> list[str]:
        moments = [first + dt.timedelta(microseconds=round(float(time) * 1e6)) for time in times]
        days = style == "date" and all(moment.time() == dt.time() for moment in moments)
        return [moment.date().isoformat() if days else moment.isoformat(" " if style == " " else "T") for moment in moments]

    return text


def instants(times: NDArray[np.float64], start: str) -> tuple[NDArray[Any], dt.tzinfo | None]:
    """Seconds [n] from an ISO date → dates in UTC (or without a zone where the date has none) [n], and the date's zone."""
    first = dt.datetime.fromisoformat(start)
    zone = first.tzinfo
    plain = first.astimezone(dt.UTC).replace(tzinfo=None) if zone else first
    steps = np.rint(np.asarray(times, dtype=np.float64) * 1e6).astype(np.int64).astype("timedelta64[us]")
    return np.datetime64(plain, "us") + steps, zone


def _zone(offset: dt.timedelta | None) -> str:
    if offset is None:
        return "not said"
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _day(text: str) -> dt.date | None:
    try:
        day = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return day.date() if 1700 < day.year < 2300 else None


def lattice(times: NDArray[np.float64], *, most: float) -> tuple[float, NDArray[np.int64]] | None:
    """(step, place of each time) where times lie on a regular lattice, some places perhaps empty; None where they do not.

    Args:
        times: [n], rising.
        most: places for each time beyond which it is no lattice with gaps.
    """
    steps = np.diff(times)
    step = float(np.median(steps)) if math.isclose(steps.min(), np.median(steps), rel_tol=1e-3) else float(steps.min())
    n_places = round((times[-1] - times[0]) / step) + 1
    if n_places > most * len(times):
        return None
    step = float(times[-1] - times[0]) / (n_places - 1)
    place = (times - times[0]) / step
    whole = np.rint(place).astype(np.int64)
    if np.abs(place - whole).max() > 1e-6 * max(1.0, np.abs(times).max() / (times[-1] - times[0])) or np.diff(whole).min() < 1:
        return None
    return step, whole
