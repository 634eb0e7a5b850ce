"""What a `.ung` file is, read without torch: its first bytes, its header, sizes checked before allocating; how files are written.

A `.ung` field is one safetensors file: 8 bytes with the header's length, a JSON header, then the tensors' bytes. Its
metadata holds the JSON spec under `ungrid`. `docs/explain/format.md` is the full page; the rules that this reader
enforces are stricter than safetensors' own.
"""

import contextlib
import errno
import json
import math
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ungrid.errors import FormatError, InputError, MachineError, MissingFile

FORMAT_VERSION = 1
METADATA_KEY = "ungrid"
MAX_HEADER = 16 * 2**20
MAX_TENSORS = 10_000
MAX_AXES = 8
MOST_TYPES = 2_000  # mentions of a part's type: twice as many as parts, since what a source knew may have a key of that name
MAX_NAME = 256
BLOB_PREFIX = "blob."
ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}

DOUBLE_ENDINGS = (".nii.gz", ".ome.tif", ".ome.tiff", ".ome.zarr", ".ome.zarr.zip")
_NAME = re.compile(r"[A-Za-z0-9_.\-]+")


@dataclass(frozen=True)
class TensorEntry:
    """One tensor in a file: its name, dtype code, shape, and bytes [start, stop) counted from the file's beginning."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def n_values(self) -> int:
        """Number of values."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """What a `.ung` file says of itself: tensors by name, and the JSON description."""

    tensors: dict[str, TensorEntry]
    description: dict[str, Any]
    file_bytes: int


def is_field_file(path: Path) -> bool:
    """Whether the first bytes are those of a safetensors file, whatever its name."""
    with _open(path) as file:
        start = file.read(9)
    return len(start) == 9 and int.from_bytes(start[:8], "little") <= MAX_HEADER and start[8:9] == b"{"


def read_header(path: Path) -> Header:
    """Read and check the header of a `.ung` file; the tensors' bytes are not read.

    Raises:
        MissingFile: no such file.
        FormatError: anything that is not exactly what the format allows.
    """
    with _open(path) as file:
        file_bytes = os.fstat(file.fileno()).st_size
        prefix = file.read(8)
        if len(prefix) < 8:
            raise FormatError(f"{path.name} has {file_bytes} bytes; a .ung file starts with 8 bytes of header length")
        length = int.from_bytes(prefix, "little")
        if length > MAX_HEADER:
            raise FormatError(f"{path.name} is not a .ung file: its first bytes are {prefix[:8]!r}, not the length of a header")
        if length > file_bytes - 8 or length < 2:
            raise FormatError(
                f"{path.name} is not a .ung file, or is cut off: it declares a header of {length} bytes and has "
                f"{file_bytes} in all"
            )
        raw = _parse_json(file.read(length), f"the header of {path.name}")
    metadata = raw.pop("__metadata__", None)
    tensors = _check_tensors(raw, 8 + length, file_bytes)
    return Header(tensors, _check_description(metadata, path.name), file_bytes)


def read_blob(path: Path, entry: TensorEntry) -> bytes:
    """The bytes of one tensor."""
    with _open(path) as file:
        file.seek(entry.start)
        return file.read(entry.stop - entry.start)


def without_ending(path: Path) -> Path:
    """A path without its name's ending, of which some have two parts: brain.nii.gz → brain."""
    for ending in DOUBLE_ENDINGS:
        if path.name.lower().endswith(ending) and len(path.name) > len(ending):
            return path.with_name(path.name[: -len(ending)])
    return path.with_suffix("")


@contextlib.contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder to write to; on success it is synced and renamed to `path`, else removed.

    A killed run leaves the old file or the new one, never half of one.

    Raises:
        MachineError: the folder does not exist or is not writable, or the disk is full.
        InputError: `path` is a folder, a device or a pipe.
    """
    path = Path(os.path.realpath(path))  # a link stays a link, and what it leads to is replaced
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; give the name of a file in it")
    if path.exists() and not path.is_file():
        raise InputError(f"cannot write {path}: it is a device or pipe; give the name of a file")
    temporary = path.with_name(f".{path.stem[:40]}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        if isinstance(error, MachineError) or error.errno is None:
            raise
        raise writing_error(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise, before long work, if a file could not be written at `path`; touches nothing that is there."""
    with contextlib.suppress(_Probe), write_beside(path) as temporary:
        temporary.touch()
        raise _Probe


def writing_error(path: Path, error: OSError) -> MachineError:
    """The MachineError that tells why `path` could not be written."""
    why = {
        errno.ENOSPC: "the disk is full; free some space or write elsewhere with -o",
        errno.EDQUOT: "the disk quota is used up; write elsewhere with -o",
        errno.ENOENT: f"the folder {path.parent} does not exist; create it first",
        errno.EACCES: f"the folder {path.parent} is not writable; write elsewhere with -o",
        errno.EPERM: f"the folder {path.parent} is not writable; write elsewhere with -o",
        errno.EROFS: "the file system is read-only; write elsewhere with -o",
        errno.ENOTDIR: f"{path.parent} is not a folder",
    }.get(error.errno or 0, str(error.strerror or error))
    return MachineError(f"cannot write {path}: {why}")


class _Probe(Exception):
    """Ends `check_writable` before anything is renamed."""


def _open(path: Path) -> BinaryIO:
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected a file")
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise MissingFile(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None


def _parse_json(text: bytes | str, what: str) -> dict[str, Any]:
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(decoded, object_pairs_hook=_no_duplicates, parse_constant=_no_constants, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what} is not valid JSON: {' '.join(str(error).split())[:120]}") from None
    if not isinstance(value, dict):
        raise FormatError(f"{what} is a JSON {type(value).__name__}; expected an object")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constants(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is beyond the numbers that fit")
    return number


def _check_tensors(raw: dict[str, Any], data_start: int, file_bytes: int) -> dict[str, TensorEntry]:
    if len(raw) > MAX_TENSORS:
        raise FormatError(f"the file lists {len(raw)} tensors, more than {MAX_TENSORS}")
    entries = sorted((_entry(name, value, data_start) for name, value in raw.items()), key=lambda e: (e.start, e.stop))
    at = data_start
    for entry in entries:
        if entry.start != at:
            raise FormatError(
                f"tensor {entry.name!r} starts at byte {entry.start}, expected {at}: gaps and overlaps are forbidden"
            )
        at = entry.stop
    if at != file_bytes:
        raise FormatError(f"the tensors end at byte {at} but the file has {file_bytes}; it is cut off or has bytes appended")
    return {entry.name: entry for entry in entries}


def _entry(name: str, value: Any, data_start: int) -> TensorEntry:
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise FormatError(f"a tensor is called {name[:60]!r}; names are letters, digits, '_', '.' and '-', at most {MAX_NAME}")
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"tensor {name!r} is not described by exactly dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise FormatError(f"tensor {name!r} has dtype {str(dtype)[:20]!r}; the format knows {', '.join(ITEM_BYTES)}")
    if not _naturals(shape) or len(shape) > MAX_AXES:
        raise FormatError(f"tensor {name!r} has shape {str(shape)[:60]}; expected at most {MAX_AXES} sizes")
    if not _naturals(offsets) or len(offsets) != 2:
        raise FormatError(f"tensor {name!r} has data_offsets {str(offsets)[:60]}; expected two byte positions")
    if offsets[1] - offsets[0] != math.prod(shape) * ITEM_BYTES[dtype]:
        raise FormatError(f"tensor {name!r} of shape {shape} and dtype {dtype} does not fill its {offsets[1] - offsets[0]} bytes")
    return TensorEntry(name, dtype, tuple(shape), data_start + offsets[0], data_start + offsets[1])


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**48 for item in value)


def _check_description(metadata: Any, name: str) -> dict[str, Any]:
    if not isinstance(metadata, dict) or set(metadata) != {METADATA_KEY} or not isinstance(metadata[METADATA_KEY], str):
        raise FormatError(
            f"{name} is a safetensors file but not a field of ungrid's: its metadata has no entry {METADATA_KEY!r} alone"
        )
    text = metadata[METADATA_KEY]
    if text.count('"type"') > MOST_TYPES:  # counted before it is parsed, which is most of the work
        raise FormatError(f"the description in {name} names more than {MOST_TYPES:,} parts")
    description = _parse_json(text, f"the description in {name}")
    version = description.get("format_version")
    if type(version) is not int or version < 1:
        raise FormatError(f"{name} has format_version {version!r}; expected a number")
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{name} has format version {version}, this ungrid reads up to {FORMAT_VERSION}; update with: pip install -U ungrid"
        )
    return description


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot sync a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
