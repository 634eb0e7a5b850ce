"""A table of numbers over time as a signal, and a signal as such a table."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.signals.base import Signal
from ungrid.signals.series_times import Times, lattice

MOST_PLACES = 4.0  # on a lattice for each time, beyond which times are kept as they are
LEAST_SPREAD = 2.0**-17  # of the largest value: single precision has 2⁻²⁴, and a fit needs some of it
WITH_UNIT = re.compile(r"^(?P<name>.*?)\s*(?:\[(?P<square>[^\]]*)\]|\((?P<round>[^)]*)\))\s*$")


@dataclass(frozen=True)
class Table:
    """Columns over time.

    Args:
        times: of the rows.
        labels: of the columns, with their units: "temp [°C]".
        values: [n, c] float64, NaN where nothing is known.
    """

    times: Times
    labels: list[str]
    values: NDArray[np.float64]


def named(label: str) -> tuple[str, str]:
    """ "temp [°C]" or "temp (°C)" → name and unit; the unit is "" where there is none."""
    match = WITH_UNIT.match(label)
    if match is None or not match["name"]:
        return label.strip(), ""
    return match["name"].strip(), (match["square"] or match["round"] or "").strip()


def to_signal(table: Table, source: dict[str, Any], units: dict[str, str] | None = None) -> Signal:
    """A table as a signal of kind "series" on axis t.

    Times on a regular lattice become a grid, where rows that are missing are not `known`; others are kept in `places`, on the
    grid of as many samples between the same ends.

    Args:
        table: what was read.
        source: what its file or object knew beyond it.
        units: of each column where its label does not say it.

    Raises:
        InputError: columns of one name, without a number, or too fine for single precision.
    """
    names, values = [named(label)[0] or label for label in table.labels], table.values
    _check(names, table.labels, values)
    found = {name: named(label)[1] for name, label in zip(names, table.labels, strict=True)} | (units or {})
    known = ~np.isnan(values)
    kept = {"labels": list(table.labels), "units": {name: unit for name, unit in found.items() if unit}, **table.times.source()}
    places, known, values, bounds = _placed(table.times.values, known, values)
    if places is None and not known.any(axis=1).all() and len(values) == len(table.values):
        kept["empty_rows"] = True
    middle = np.where(known, values, np.nan)
    filled = np.where(known, values, np.nanmean(middle, axis=0))
    box = Box(("t",), (bounds,), (table.times.unit,))
    return Signal(
        torch.from_numpy(filled).float(),
        Grid(box, (len(values),)),
        "series",
        tuple(names),
        source=source | kept,
        known=_mask(known),
        places=None if places is None else torch.from_numpy(places)[:, None],
    )


def _placed(
    times: NDArray[np.float64], known: NDArray[np.bool_], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_], NDArray[np.float64], tuple[float, float]]:
    """(times that lie on no lattice, or None; what is known; values; bounds of the box)."""
    found = lattice(times, most=MOST_PLACES)
    step = found[0] if found else float(times[-1] - times[0]) / (len(times) - 1)
    bounds = (float(times[0]) - step / 2, float(times[-1]) + step / 2)
    if found is None:
        return times, known, values, bounds
    n = int(found[1][-1]) + 1
    all_known, all_values = np.zeros((n, values.shape[1]), dtype=bool), np.full((n, values.shape[1]), np.nan)
    all_known[found[1]], all_values[found[1]] = known, values
    return None, all_known, all_values, bounds


def _mask(known: NDArray[np.bool_]) -> Tensor | None:
    """None where all is known, [n] where rows are known or not, [n, c] otherwise."""
    if known.all():
        return None
    rows = np.asarray(known.any(axis=1))
    return torch.from_numpy(rows if np.array_equal(known, np.broadcast_to(rows[:, None], known.shape)) else known)


def _check(names: list[str], labels: list[str], values: NDArray[np.float64]) -> None:
    for name, label, column in zip(names, labels, values.T, strict=True):
        if names.count(name) > 1:
            raise InputError(f"two columns are called {name!r}; give each a name of its own")
        known = column[~np.isnan(column)]
        if not len(known):
            raise InputError(f"column {label!r} holds no number; leave it out")
        spread, largest = float(known.max() - known.min()), float(np.abs(known).max())
        if largest > 1e38 or 0 < spread < LEAST_SPREAD * largest:
            raise InputError(
                f"column {label!r} varies by {spread:g} around {largest:g}, which single precision does not hold; subtract its "
                f"mean first"
            )


def times_of(signal: Signal) -> NDArray[np.float64]:
    """When each sample of a series was measured [n], along its axis."""
    if signal.places is not None:
        return signal.places[:, 0].double().numpy()
    return signal.grid.axis_coords(0, dtype=torch.float64).numpy()


def rows_of(signal: Signal) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """(times [n], values [n, c]) of the rows that the source had, NaN where it knew nothing."""
    times, values = times_of(signal), signal.values.float().numpy()
    if signal.known is None:
        return times, values
    known = signal.known.numpy() if signal.known.ndim == 2 else np.broadcast_to(signal.known.numpy()[:, None], values.shape)
    values = np.where(known, values, np.float32(np.nan))
    has_row = known.any(axis=1) | bool(signal.source.get("empty_rows"))
    return times[has_row], values[has_row]
