"""Tables of pandas and arrays of xarray as series, and series given back as such."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError, MissingExtra
from ungrid.signals.base import Signal
from ungrid.signals.series_table import Table, named, rows_of, to_signal
from ungrid.signals.series_times import DATE, INDEX, NUMBER, TIME_NAMES, Times, check_rising, from_dates, from_numbers, instants

NUMBERS = "biuf"


def pandas(purpose: str) -> Any:
    """The package pandas, with pyarrow beside it.

    Raises:
        MissingExtra: one of them is not installed.
    """
    try:
        import pandas
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise MissingExtra(error.name or "pandas", "series", purpose) from None
    return pandas


def adopt_series(thing: Any) -> Signal | None:
    """A pandas DataFrame or Series, an xarray DataArray or Dataset of one dimension, or an array [n], as a series; else None."""
    package, name = type(thing).__module__.split(".")[0], type(thing).__name__
    if package == "pandas" and name in ("DataFrame", "Series"):
        return from_pandas(thing)
    if package == "xarray" and name in ("DataArray", "Dataset") and len(thing.dims) == 1:
        return from_xarray(thing)
    if hasattr(thing, "shape") and hasattr(thing, "dtype") and len(thing.shape) == 1 and package in ("numpy", "torch"):
        return from_columns(thing)
    return None


def from_columns(values: Any, times: Any = None, *, names: tuple[str, ...] | None = None, unit: str = "s") -> Signal:
    """An array [n] or [n, c] as a series.

    Args:
        values: NaN where nothing is known.
        times: [n], rising; None for row numbers from 0.
        names: of the channels; None for value, or value0, value1 …
        unit: of the times, where they are given.

    Raises:
        InputError: another shape or type, more channels than rows, times out of order.
    """
    array = np.asarray(values)
    if array.dtype.kind not in NUMBERS or array.ndim not in (1, 2) or 0 in array.shape:
        raise InputError(f"a series has numbers [n] or [n, c]; got {array.dtype} of shape {array.shape}")
    table = array.reshape(len(array), -1).astype(np.float64)
    if table.shape[1] > len(table):
        raise InputError(
            f"the array has shape {array.shape}; expected rows over time [n, c], more of them than channels: transpose it"
        )
    labels = (
        list(names) if names is not None else [f"value{k}" for k in range(table.shape[1])] if table.shape[1] > 1 else ["value"]
    )
    if len(labels) != table.shape[1]:
        raise InputError(f"the array has {table.shape[1]} channels; expected a name for each, got {tuple(labels)}")
    _check_finite(table, labels)
    if times is None:
        check_rising(np.arange(len(table), dtype=np.float64), _row, str)
        return to_signal(Table(Times(np.arange(len(table), dtype=np.float64), INDEX), labels, table), {"format": "array"})
    when = from_numbers(np.asarray(times, dtype=np.float64), unit, _row)
    if len(when.values) != len(table):
        raise InputError(f"there are {len(when.values)} times for {len(table)} rows; expected one for each")
    return to_signal(Table(when, labels, table), {"format": "array"})


def from_pandas(frame: Any, *, file_format: str = "pandas") -> Signal:
    """A DataFrame, or a Series as its only column. Its index is the time: dates, or numbers in the unit of its name.

    Where the index only counts rows, a column of dates, or one that is called time, takes its place.

    Raises:
        InputError: an index that is neither, a column that holds no numbers, times out of order.
    """
    if type(frame).__name__ == "Series":
        frame = frame.to_frame("value" if frame.name is None else frame.name)
    if frame.columns.nlevels > 1 or frame.index.nlevels > 1:
        raise InputError("the table has names or an index of several levels; expected one of each: flatten them")
    source: dict[str, Any] = {"format": file_format}
    counts_rows = type(frame.index).__name__ == "RangeIndex" and frame.index.name is None
    held = _time_column(frame) if counts_rows else None
    if held is not None:
        index, source["time_column"] = frame[held], frame.columns.get_loc(held)
        source["time_label"], frame = str(held), frame.drop(columns=[held])
    else:
        index = frame.index
        source |= {} if index.name is None else {"time_label": str(index.name)}
    times = Times(np.arange(len(frame), dtype=np.float64), INDEX) if counts_rows and held is None else _times(index)
    if times.kind == INDEX:
        check_rising(times.values, _row, str)
    if getattr(index.dt if held is not None and times.kind == DATE else index, "tz", None) is not None:
        source["zone"] = str((index.dt if held is not None else index).tz)
    labels = [str(label) for label in frame.columns]
    if not labels:
        raise InputError("the table has no column beside the time; expected at least one of numbers")
    values = np.stack([_numbers(frame[column], label) for column, label in zip(frame.columns, labels, strict=True)], axis=1)
    _check_finite(values, labels)
    source["dtypes"] = [str(dtype) for dtype in frame.dtypes]
    return to_signal(Table(times, labels, values), source)


def to_pandas(signal: Signal) -> Any:
    """A series as a DataFrame at its own times, NaN where it knew nothing; dates are in the zone that the source had.

    Raises:
        MissingExtra: pandas is not installed.
    """
    times, values = rows_of(signal)
    return frame(times, values, signal.channels, signal.source)


def as_stored(table: Any, source: dict[str, Any]) -> Any:
    """A table with the types of numbers that its source had: whole ones rounded, and kept within what the type holds.

    A column of whole numbers of which some are not known stays one of floats.
    """
    dtypes = source.get("dtypes", ())
    if len(dtypes) != table.shape[1]:
        return table
    columns = {}
    for label, name in zip(table.columns, dtypes, strict=True):
        column, plain = table[label], str(name).lower()
        if re.fullmatch(r"u?int(8|16|32|64)", plain) and not (column.isna().any() and plain == str(name)):
            limits = np.iinfo(plain)
            high = float(limits.max) if limits.max < 2**53 else float(np.nextafter(float(limits.max), 0))  # no float64 is between
            column = column.astype("float64").round().clip(float(limits.min), high)
            columns[label] = column.astype(name)
        elif re.fullmatch(r"float(16|32|64)", plain):
            columns[label] = column.astype(name)
    return table.assign(**columns) if all(isinstance(label, str) for label in columns) else table


def frame(times: NDArray[np.float64], values: NDArray[np.float32], channels: tuple[str, ...], source: dict[str, Any]) -> Any:
    """Rows at times as a DataFrame."""
    pd = pandas("a table of pandas")
    labels = source.get("labels", ())
    columns = labels if len(labels) == len(channels) else channels
    start, name = source.get("start"), source.get("time_label")
    if source.get("time_kind") == DATE and isinstance(start, str):
        moments, zone = instants(times, start)
        index = pd.DatetimeIndex(moments, name=name)
        index = index if zone is None else index.tz_localize("UTC").tz_convert(source.get("zone") or zone)
    elif source.get("time_kind") == NUMBER:
        index = pd.Index(times + (float(start) if isinstance(start, int | float) else 0.0), name=name)
    else:
        index = pd.RangeIndex(len(times)) if np.array_equal(times, np.arange(len(times))) else pd.Index(times)
    return pd.DataFrame(values, index=index, columns=list(columns))


def from_xarray(array: Any) -> Signal:
    """A DataArray or Dataset of one dimension: its coordinate is the time, `units` in attributes are kept, as all attributes are.

    Raises:
        InputError: a variable that holds no numbers, times out of order.
    """
    (dim,) = map(str, array.dims)
    variables = {str(name): array[name] for name in array.data_vars} if hasattr(array, "data_vars") else {}
    variables = variables or {"value" if array.name is None else str(array.name): array}
    variables = {name: one for name, one in variables.items() if one.dims == (dim,)}
    if not variables:
        raise InputError(f"the dataset has no variable along {dim}")
    values = np.stack([_numbers(one.to_series(), name) for name, one in variables.items()], axis=1)
    _check_finite(values, list(variables))
    units = {name: str(one.attrs["units"]) for name, one in variables.items() if "units" in one.attrs}
    source: dict[str, Any] = {"format": "xarray", "time_label": dim, "attributes": _plain(array.attrs)}
    source["variables"] = {name: _plain(one.attrs) for name, one in variables.items()}
    if dim in array.coords:
        index = array.indexes[dim]
        times = _times(index, str(array[dim].attrs.get("units", "")))
        source["coordinate"] = _plain(array[dim].attrs)
    else:
        times = Times(np.arange(len(values), dtype=np.float64), INDEX)
        check_rising(times.values, _row, str)
    return to_signal(Table(times, list(variables), values), source, units)


def to_xarray(signal: Signal) -> Any:
    """A series as an xarray Dataset at its own times, with the attributes that the source had.

    Raises:
        MissingExtra: xarray or pandas is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise MissingExtra("xarray", "arrays", "a dataset of xarray") from None
    table, dim = to_pandas(signal), str(signal.source.get("time_label") or "t")
    index = table.index.tz_convert("UTC").tz_localize(None) if getattr(table.index, "tz", None) else table.index
    attributes = signal.source.get("variables", {})
    units = signal.source.get("units", {})
    variables = {
        name: (dim, table.iloc[:, k].to_numpy(), attributes.get(name) or ({"units": units[name]} if name in units else {}))
        for k, name in enumerate(signal.channels)
    }
    return xarray.Dataset(
        variables, {dim: (dim, index, signal.source.get("coordinate", {}))}, signal.source.get("attributes", {})
    )


def _times(index: Any, unit: str = "") -> Times:
    """An index or column of dates or numbers."""
    values = np.asarray(index)
    if str(index.dtype).startswith("datetime64"):
        return _from_moments(index)
    if values.dtype.kind in NUMBERS:
        label = "" if index.name is None else str(index.name)
        return from_numbers(values.astype(np.float64), unit or named(label)[1], _row)
    if values.dtype.kind in "OU" and all(isinstance(value, str) for value in values):
        return from_dates([str(value) for value in values], _row)
    raise InputError(f"the index holds {values.dtype}; expected dates or numbers over time")


def _from_moments(index: Any) -> Times:
    """Dates of pandas, with a zone or without."""
    if bool(index.isna().any()):
        raise InputError(f"row {int(np.flatnonzero(index.isna())[0]) + 1}: the time is missing; expected a date in every row")
    stamps = index.dt if hasattr(index, "dt") else index
    first = index.iloc[0] if hasattr(index, "iloc") else index[0]
    plain = stamps.tz_convert("UTC").tz_localize(None) if getattr(stamps, "tz", None) is not None else index
    values = np.asarray(plain if not hasattr(plain, "dt") else plain.array).astype("datetime64[ns]")
    seconds = (values - values[0]).astype(np.int64) / 1e9
    check_rising(seconds, _row, lambda row: str(values[row])[:19])
    return Times(seconds, DATE, "s", first.isoformat(), "T")


def _time_column(frame: Any) -> Any:
    dated = [column for column in frame.columns if str(frame[column].dtype).startswith("datetime64")]
    called = [column for column in frame.columns if named(str(column))[0].lower() in TIME_NAMES]
    return next(iter([*dated, *called]), None)


def _numbers(column: Any, label: str) -> NDArray[np.float64]:
    if getattr(column.dtype, "kind", "O") not in NUMBERS:
        raise InputError(f"column {label!r} holds {column.dtype}; expected numbers: convert it or take it out")
    values: NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values


def _check_finite(values: NDArray[np.float64], labels: list[str]) -> None:
    bad = np.argwhere(np.isinf(values))
    if len(bad):
        raise InputError(
            f"row {bad[0][0] + 1}, column {labels[bad[0][1]]!r}: the value is infinite; use NaN where nothing is known"
        )


def _row(row: int) -> str:
    return f"row {row + 1}"


def _plain(attributes: Any) -> dict[str, Any]:
    """Attributes as JSON holds them."""
    return {str(key): value.tolist() if hasattr(value, "tolist") else value for key, value in attributes.items() if _fits(value)}


def _fits(value: Any) -> bool:
    return isinstance(value, str | int | float | bool | list | tuple) or (
        isinstance(value, np.ndarray | np.generic) and re.match("[biufU]", value.dtype.kind) is not None
    )
