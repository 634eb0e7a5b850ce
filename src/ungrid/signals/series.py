"""Time series: tables, arrays, and what pandas and xarray hold, as channels over an axis t, and back."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.array_file import array_shape, is_array_file, read_arrays
from ungrid.signals.base import Signal
from ungrid.signals.modality import Modality
from ungrid.signals.series_csv import is_table, read_table
from ungrid.signals.series_frames import adopt_series, from_columns, from_pandas, from_xarray, pandas, to_pandas, to_xarray
from ungrid.signals.series_table import to_signal
from ungrid.signals.series_write import ENDINGS, open_series_writer, write_series

__all__ = ["SERIES", "from_columns", "from_pandas", "from_xarray", "read_series", "to_pandas", "to_xarray", "write_series"]

PARQUET = b"PAR1"
MOST_VALUES = 2**28


def read_series(path: Path) -> Signal:
    """A table of numbers over time as a signal: CSV, Parquet, or .npy [n] or [n, c].

    Axis t is in seconds from the first of dates; numbers keep their values and the unit that their column's name says. Rows and
    single cells that are missing are marked in `known`; times on no regular lattice are kept in `places`.

    Raises:
        UnreadableInput: no table, cut off, or another encoding than UTF-8.
        InputError: a cell that is no number, times out of order, a table without duration or columns …
        MissingExtra: Parquet without pandas and pyarrow.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected a table: CSV, Parquet or .npy")
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        start = file.read(512)
    signal = _read(path, start)
    known = {"file": path.name, "bytes": path.stat().st_size, "sha256": digest}
    return replace(signal, source={**signal.source, **known})


def _read(path: Path, start: bytes) -> Signal:
    if start.startswith(PARQUET):
        return _read_parquet(path)
    if is_array_file(path, start):
        arrays = read_arrays(path)
        if len(arrays) > 1:
            raise InputError(f"{path.name} holds the arrays {', '.join(arrays)}; expected one, [n] or [n, c]")
        array = next(iter(arrays.values()))
        if array.size > MOST_VALUES:
            raise InputError(f"{path.name} holds {array.size:,} numbers; expected at most {MOST_VALUES:,}")
        return from_columns(np.asarray(array))
    return to_signal(*read_table(path))


def _read_parquet(path: Path) -> Signal:
    pd = pandas("reading Parquet")
    import pyarrow
    from pyarrow import parquet

    try:
        about = parquet.ParquetFile(path).metadata
        if about.num_rows * about.num_columns > MOST_VALUES:
            raise InputError(
                f"{path.name} holds {about.num_rows * about.num_columns:,} numbers; expected at most {MOST_VALUES:,}"
            )
        frame = pd.read_parquet(path)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        said = " ".join(str(error).split())[:120]
        raise UnreadableInput(
            f"{path.name} cannot be read as Parquet ({said}); it is cut off or damaged: copy it again"
        ) from None
    return from_pandas(frame, file_format="Parquet")


def _recognizes(path: Path, start: bytes) -> bool:
    return start.startswith(PARQUET) or len(array_shape(path, start)) == 1 or (not path.is_dir() and is_table(path, start))


SERIES = Modality("series", "a table (CSV, Parquet)", _recognizes, read_series, ENDINGS, open_series_writer, adopt_series)
