"""Tables of numbers in and out: CSV and npy."""

import csv
import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError, MissingFile, UnreadableInput, nearest
from ungrid.files import write_beside

TABLES = (".csv", ".npy")


def check_table_path(path: Path) -> None:
    """Raise InputError unless the path ends in a kind of table that can be written."""
    if path.suffix.lower() not in TABLES:
        raise InputError(
            f"cannot write values to {path.name}; expected a name ending in {' or '.join(TABLES)}{nearest(path.suffix, TABLES)}"
        )


def read_points(path: Path, axes: tuple[str, ...]) -> Float[Tensor, "n d"]:
    """Coordinates [n, d] in float64, one a row, in the order of `axes`; a CSV's first row may name its columns, in any order.

    Raises:
        MissingFile: no such file.
        UnreadableInput: neither CSV nor npy, or not numbers.
        InputError: rows of another length, values that are not finite.
    """
    if path.is_dir() or not path.exists():
        raise MissingFile(f"there is no file {path}")
    rows = _read_npy(path) if path.suffix.lower() == ".npy" else _read_csv(path, axes)
    dim = len(axes)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise InputError(f"{path.name} holds an array of shape {rows.shape}; expected one place a row, [n, {dim}]")
    if not np.isfinite(rows).all():
        raise InputError(f"{path.name} holds a value that is not finite in row {int(np.argwhere(~np.isfinite(rows))[0][0]) + 1}")
    return torch.from_numpy(rows)


def write_table(path: Path, values: Tensor) -> None:
    """Write values [n, …] to an npy file as they are, or to a CSV with one row a place."""
    with write_beside(path) as temporary:
        if path.suffix.lower() == ".npy":
            np.save(temporary, values.numpy())
        else:
            flat = values.reshape(len(values), math.prod(values.shape[1:])).double().numpy()
            np.savetxt(temporary, flat, delimiter=",", fmt="%.9g")


def _read_npy(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.dtype.kind not in "fiu":
            raise ValueError(f"it holds {array.dtype}")
        return np.array(array, dtype=np.float64)
    except (ValueError, OSError, EOFError) as error:
        raise UnreadableInput(
            f"{path.name} cannot be read as an npy file of numbers: {' '.join(str(error).split())[:120]}"
        ) from None


def _read_csv(path: Path, axes: tuple[str, ...]) -> np.ndarray:
    order = list(range(len(axes)))
    rows: list[list[float]] = []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                try:
                    values = [float(cell) for cell in row]
                except ValueError:
                    names = [cell.strip() for cell in row]
                    if number == 1 and sorted(names) == sorted(axes):
                        order = [names.index(axis) for axis in axes]
                        continue
                    raise InputError(
                        f"{path.name}, row {number}: {','.join(row)[:60]!r} are not numbers; only a first row may be names, "
                        f"those of the axes {', '.join(axes)}"
                    ) from None
                if values:
                    rows.append(values)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise UnreadableInput(f"{path.name} is no CSV text; expected numbers separated by commas, or an .npy file") from None
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{path.name} has rows of different lengths; expected one place a row")
    if not rows:
        raise InputError(f"{path.name} holds no numbers; expected one place a row")
    table = np.array(rows, dtype=np.float64)
    return table[:, order] if table.shape[1] == len(axes) else table
