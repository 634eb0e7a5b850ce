"""Series to CSV and Parquet, row by row, with the names, units and dates that the source had."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ungrid.errors import InputError, ShapeError
from ungrid.files import write_beside
from ungrid.signals.base import Outline, Signal
from ungrid.signals.series_table import rows_of
from ungrid.signals.series_times import written

ENDINGS = (".csv", ".tsv", ".parquet")
MOST_HELD = 2**27  # numbers of a Parquet table, which is written whole


class SeriesWriter:
    """Takes rows of a series into a table: as text at once, or held for Parquet."""

    def __init__(self, path: Path, outline: Outline):
        self._path, self._outline, self._done = path, outline, 0
        self._text = written(outline.source)
        self._held: list[tuple[NDArray[np.float64], NDArray[np.float32]]] = []
        self._file = None
        if path.suffix.lower() != ".parquet":
            self._delimiter = "\t" if path.suffix.lower() == ".tsv" else str(outline.source.get("delimiter", ","))
            self._comma = outline.source.get("decimal") == "," and self._delimiter != ","
            self._at = min(int(outline.source.get("time_column", 0)), len(outline.channels))
            self._file = open(path, "w", encoding="utf-8", newline="")  # noqa: SIM115 (closed by `close`)
            self._write_line([_quoted(name, self._delimiter) for name in labels_of(outline)], time_label_of(outline))

    def write_rows(self, values: Tensor) -> None:
        """The next n values [n, c] of the outline's grid.

        Raises:
            ShapeError: more of them than were announced, or of another shape.
        """
        n, shape = self._outline.grid.shape[0], (len(values), len(self._outline.channels))
        if tuple(values.shape) != shape or self._done + len(values) > n:
            raise ShapeError(f"rows of shape {tuple(values.shape)} do not fit into {(n, shape[1])} after {self._done}")
        times = self._outline.grid.part((slice(self._done, self._done + len(values)),)).axis_coords(0, dtype=torch.float64)
        self.write(times.numpy(), values.detach().cpu().float().numpy())

    def write(self, times: NDArray[np.float64], values: NDArray[np.float32]) -> None:
        """Rows at any times [n] with values [n, c], NaN where nothing is known."""
        self._done += len(values)
        if self._file is None:
            self._held.append((times, values))
            return
        for time, row in zip(self._text(times), values, strict=True):
            self._write_line([_number(value, self._comma) for value in row], time.replace(".", ",") if self._comma else time)

    def check_complete(self) -> None:
        """Raise InputError where rows are missing."""
        if self._done != self._outline.grid.shape[0]:
            raise InputError(f"the series has {self._outline.grid.shape[0]} rows, {self._done} were written")

    def close(self) -> None:
        """Complete the file."""
        if self._file is not None:
            self._file.close()
        elif self._held:
            self._write_parquet()

    def _write_parquet(self) -> None:
        from ungrid.signals.series_frames import as_stored, frame

        times, values = (np.concatenate(parts) for parts in zip(*self._held, strict=True))
        source = self._outline.source
        as_stored(frame(times, values, self._outline.channels, source), source).to_parquet(self._path)

    def _write_line(self, cells: list[str], time: str | None) -> None:
        assert self._file is not None
        if time is not None:
            cells.insert(self._at, time)
        self._file.write(self._delimiter.join(cells) + "\n")


@contextlib.contextmanager
def open_series_writer(path: Path, outline: Outline) -> Iterator[SeriesWriter]:
    """Begin a table for an outline; it appears under its name, complete, when the block ends without an error.

    Raises:
        InputError: another ending, or too much for a Parquet file that is written whole.
        MissingExtra: Parquet without pandas and pyarrow.
        MachineError: not writable, disk full.
    """
    _check_ending(path)
    if path.suffix.lower() == ".parquet":
        from ungrid.signals.series_frames import pandas

        pandas("writing Parquet")
        if outline.grid.size * len(outline.channels) > MOST_HELD:
            raise InputError(f"{outline.grid.size:,} rows are too many for Parquet, which is written whole; write .csv or .npy")
    with write_beside(path) as temporary:
        writer = SeriesWriter(temporary, outline)
        try:
            yield writer
            writer.check_complete()
        finally:
            writer.close()


def write_series(path: Path, signal: Signal) -> None:
    """Write a series as it was measured: at its own times, with the rows that the source had, empty cells where it knew nothing.

    Raises:
        InputError: another ending, or a signal of another kind.
        MissingExtra: Parquet without pandas and pyarrow.
        MachineError: not writable, disk full.
    """
    if signal.kind != "series":
        raise InputError(f"a signal of kind {signal.kind!r} is no series")
    times, values = rows_of(signal)
    _check_ending(path)
    with write_beside(path) as temporary:
        writer = SeriesWriter(temporary, signal.outline)
        writer.write(times, values)
        writer.close()


def labels_of(outline: Outline) -> list[str]:
    """Names of the columns as the source had them, else with the unit in brackets."""
    labels, units = outline.source.get("labels", ()), outline.source.get("units", {})
    if len(labels) == len(outline.channels):
        return [str(label) for label in labels]
    return [f"{name} [{units[name]}]" if units.get(name) else name for name in outline.channels]


def time_label_of(outline: Outline) -> str:
    """Name of the column of times as the source had it, else "t" with the unit."""
    unit, source = outline.grid.box.units[0], outline.source
    return str(source.get("time_label") or (f"t [{unit}]" if unit and source.get("time_kind") == "number" else "t"))


def _number(value: np.float32, decimal_comma: bool) -> str:
    """The shortest text that reads back as the same number, nothing for NaN."""
    if np.isnan(value):
        return ""
    text = str(value).removesuffix(".0")
    return text.replace(".", ",") if decimal_comma else text


def _quoted(text: str, delimiter: str) -> str:
    return '"' + text.replace('"', '""') + '"' if delimiter in text or '"' in text or "\n" in text else text


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"cannot write a series to {path.name}; expected a name ending in {' '.join(ENDINGS)}")
