"""Tables of text: CSV with commas, semicolons or tabs, its first row names; every cell that is no number is named."""

import csv
import itertools
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.series_table import Table, named
from ungrid.signals.series_times import INDEX, TIME_NAMES, Times, from_dates, from_numbers, is_date

DELIMITERS = (",", ";", "\t")
ENDINGS = (".csv", ".tsv")
MISSING = {"", "nan", "na", "n/a", "null", "none", "-"}
MOST_BYTES = 2**32
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+([eE][-+]?\d+)?\s*$")


def is_table(path: Path, start: bytes) -> bool:
    """Whether a file is a table: text with the ending .csv or .tsv, or lines of equally many cells with numbers or dates."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return path.suffix.lower() in ENDINGS
    if not start or any(byte < 32 and byte not in b"\t\r\n" for byte in start):
        return False
    if path.suffix.lower() in ENDINGS:
        return True
    lines = start.decode("utf-8", "replace").splitlines()[:-1][:4]
    if len(lines) < 2:
        return False
    delimiter = _delimiter(lines[0])
    rows = [line.split(delimiter) for line in lines]
    return len({len(row) for row in rows}) == 1 and len(rows[0]) > 1 and all(_is_data(cell) for cell in rows[1])


def read_table(path: Path) -> tuple[Table, dict[str, Any]]:
    """A CSV file as a table, and what its text was like.

    Raises:
        InputError: a cell that is no number, named by row and column; rows of unequal length, times out of order …
        UnreadableInput: no text in UTF-8, or no table.
    """
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path.name} has {path.stat().st_size:,} bytes of text; expected at most {MOST_BYTES:,}: write Parquet")
    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            header = _first_line(file.readline(2**20), path)
            delimiter = _delimiter(header)
            labels = [label.strip() for label in next(csv.reader([header], delimiter=delimiter))]
            return _filled(csv.reader(file, delimiter=delimiter), labels, delimiter, path)
        except UnicodeDecodeError as error:
            raise UnreadableInput(_wrong_encoding(path, error)) from None
        except csv.Error as error:
            raise UnreadableInput(f"{path.name} is no table of text ({error}); expected CSV") from None


def _first_line(line: str, path: Path) -> str:
    if "\0" in line or not line.strip():
        raise UnreadableInput(f"{path.name} does not begin with a row of names; expected one, with commas, semicolons or tabs")
    return line


def _filled(rows: Iterator[list[str]], labels: list[str], delimiter: str, path: Path) -> tuple[Table, dict[str, Any]]:
    body, lines = [], array("q")
    for row in rows:
        if not row:
            continue
        if len(row) != len(labels):
            line = rows.line_num + 1  # type: ignore[attr-defined]
            raise InputError(
                f"{path.name}, row {line}: {len(row)} cells where the first row has {len(labels)} names; expected as many"
            )
        body.append(row)
        lines.append(rows.line_num + 1)  # type: ignore[attr-defined]
    if not body:
        raise InputError(f"{path.name} has a row of names and nothing below it; expected at least two rows of numbers")
    if all(_number(label) is not None for label in labels):
        raise InputError(f"{path.name} begins with numbers ({', '.join(labels)[:60]}); expected a first row of names")

    def where(row: int) -> str:
        return f"{path.name}, row {lines[row]}"

    decimal_comma = delimiter != "," and any(DECIMAL_COMMA.match(cell) for cell in body[0])
    at = _time_column(labels, body, decimal_comma)
    columns = [
        _column([row[k] for row in body], f"column {label!r}", where, decimal_comma) for k, label in enumerate(labels) if k != at
    ]
    if not columns:
        raise InputError(f"{path.name} has no column beside the time {labels[0]!r}; expected at least one of numbers")
    times = Times(np.arange(len(body), dtype=np.float64), INDEX)
    if at is not None:
        cells, unit = [row[at] for row in body], named(labels[at])[1]
        if is_date(cells[0]):
            times = from_dates(cells, where)
        else:
            times = from_numbers(_column(cells, f"the time {labels[at]!r}", where, decimal_comma), unit, where)
    table = Table(times, [label for k, label in enumerate(labels) if k != at], np.stack(columns, axis=1))
    look = {"format": "CSV", "delimiter": delimiter, "decimal": "," if decimal_comma else "."}
    return table, look | ({} if at is None else {"time_label": labels[at], "time_column": at})


def _time_column(labels: list[str], body: list[list[str]], decimal_comma: bool) -> int | None:
    """The column of dates; else the one with a name of time that holds numbers; else the first if its numbers rise."""
    for k in range(len(labels)):
        if is_date(body[0][k]) and is_date(body[-1][k]):
            return k
    for k, label in enumerate(labels):
        if named(label)[0].lower() in TIME_NAMES and (label or len(labels) > 1):
            return k
    numbers = [_number(row[0], decimal_comma) for row in body] if len(labels) > 1 else []
    rises = len(numbers) > 1 and all(a is not None and b is not None and a < b for a, b in itertools.pairwise(numbers))
    return 0 if rises else None


def _column(cells: list[str], what: str, where: Any, decimal_comma: bool) -> NDArray[np.float64]:
    values = array("d")
    for row, cell in enumerate(cells):
        number = _number(cell, decimal_comma)
        if number is None:
            if cell.strip().lower() not in MISSING:
                raise InputError(
                    f"{where(row)}, {what}: {cell.strip()[:40]!r} is not a number; leave the cell empty or take it out"
                )
            number = float("nan")
        elif number in (float("inf"), float("-inf")):
            raise InputError(f"{where(row)}, {what}: {cell.strip()!r} is not finite; leave the cell empty where nothing is known")
        values.append(number)
    return np.frombuffer(values, dtype=np.float64)


def _number(cell: str, decimal_comma: bool = False) -> float | None:
    try:
        number = float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        return None
    return None if "_" in cell else number


def _is_data(cell: str) -> bool:
    return _number(cell) is not None or _number(cell, True) is not None or is_date(cell) or cell.strip().lower() in MISSING


def _delimiter(line: str) -> str:
    """The one that stands in the line most often; a comma where none does."""
    return max(DELIMITERS, key=line.count)


def _wrong_encoding(path: Path, error: UnicodeDecodeError) -> str:
    with open(path, "rb") as file:
        start = file.read(2)
    said = "it is UTF-16" if start in (b"\xff\xfe", b"\xfe\xff") else f"byte {error.object[error.start]:#x} is none"
    return f"{path.name} is no text in UTF-8 ({said}); save it again as UTF-8"
