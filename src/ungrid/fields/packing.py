"""Tiles fitted one by one, each in a file of its own → the `.ung` file of them all, one tile in memory at a time."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from ungrid.errors import FormatError
from ungrid.fields.base import Field
from ungrid.fields.record import Record
from ungrid.fields.tiled import TiledField
from ungrid.files import BLOB_PREFIX, FORMAT_VERSION, ITEM_BYTES, METADATA_KEY, Header, TensorEntry, read_header, write_beside
from ungrid.spec import to_spec

CODES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
NUMPY = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "BOOL": "?"}
SPARE_HEADER = 2**14  # bytes left in a header for what is measured after the tensors are written
TILE_KEY = "tile"


def save_tile(field: Field, path: Path, said: Mapping[str, Any]) -> None:
    """Write the tensors of one tile, parameters as halves where its record says so, with plain values about its fit.

    Raises:
        MachineError: not writable, disk full.
    """
    half = field.record is not None and field.record.stored == "float16"
    parameters = dict(field.named_parameters())
    tensors = {
        name: (tensor.half() if half and name in parameters else tensor).detach().cpu().contiguous()
        for name, tensor in field.state_dict().items()
    }
    metadata = {METADATA_KEY: json.dumps({"format_version": FORMAT_VERSION, TILE_KEY: dict(said)}, allow_nan=False)}
    with write_beside(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, metadata=metadata))


def read_tile(path: Path, like: Mapping[str, Tensor]) -> tuple[Header, dict[str, Any]]:
    """What a tile's file says, checked against one tile's tensors by name.

    Raises:
        FormatError: the file is damaged, or is no tile of these.
    """
    header = read_header(path)
    said = header.description.get(TILE_KEY)
    fits = set(header.tensors) == set(like) and all(
        entry.shape == tuple(like[name].shape) and entry.dtype in NUMPY for name, entry in header.tensors.items()
    )
    if not isinstance(said, dict) or not fits:
        raise FormatError(f"{path} is no tile of this fit; delete it, and go on with --resume")
    return header, said


def pack_tiles(field: TiledField, record: Record, tile_path: Callable[[int], Path], path: Path, *, version: str) -> None:
    """Write the file of a tiled field from the files of its tiles. A tile without a file is all zeros.

    Args:
        field: on the meta device but for its coarse field: what the file describes.
        record: of the whole.
        tile_path: where the file of a tile is, by its number.
        path: of the result, which appears under its name when it is complete.
        version: of ungrid.

    Raises:
        FormatError: a tile's file that is damaged or of another fit.
        MachineError: not writable, disk full.
    """
    like = {name: tensor[0] for name, tensor in field.tile.state_dict().items()}
    stored = {flat: read_tile(tile_path(flat), like)[0] for flat in range(field.tiling.size) if tile_path(flat).exists()}
    fitted = {name for name, _ in field.tile.named_parameters()}
    floats = {entry.dtype for header in stored.values() for entry in header.tensors.values() if entry.name in fitted}
    halves = floats <= {"F16"}
    record = dataclasses.replace(record, stored="float16" if halves else "float32")
    entries, begin = _layout(field, record, like, halves)
    with write_beside(path) as temporary, open(temporary, "wb") as file:
        file.write(_head(field, record, entries, begin, version))
        file.truncate(begin + max(entry.stop for entry in entries.values()))
        _write_coarse(file, field, record, entries, begin)
        for flat, header in stored.items():
            with open(tile_path(flat), "rb") as part:
                for name, own in header.tensors.items():
                    part.seek(own.start)
                    whole = entries[f"tile.{name}"]
                    numbers = np.frombuffer(part.read(own.stop - own.start), NUMPY[own.dtype]).astype(NUMPY[whole.dtype])
                    file.seek(begin + whole.start + flat * numbers.nbytes)
                    file.write(numbers.tobytes())


def rewrite_record(path: Path, field: TiledField, record: Record, *, version: str) -> None:
    """Put a record in place of the one in a packed file: its header has room for it.

    Raises:
        FormatError: there is not enough room.
    """
    header = read_header(path)
    begin = min(entry.start for entry in header.tensors.values())
    entries = {
        name: dataclasses.replace(entry, start=entry.start - begin, stop=entry.stop - begin)
        for name, entry in header.tensors.items()
    }
    head = _head(field, record, entries, begin, version)
    with open(path, "rb+") as file:
        file.write(head)


def _layout(field: TiledField, record: Record, like: Mapping[str, Tensor], halves: bool) -> tuple[dict[str, TensorEntry], int]:
    """Every tensor of the file with its bytes counted from the first of them, and where that one lies."""
    parameters = {name for name, _ in field.named_parameters()}
    wanted: list[tuple[str, str, tuple[int, ...]]] = []
    for name, tensor in field.state_dict().items():
        narrow = halves and name in parameters and tensor.is_floating_point()
        wanted.append((name, "F16" if narrow else CODES[tensor.dtype], tuple(tensor.shape)))
    wanted += [(BLOB_PREFIX + name, "U8", (len(blob),)) for name, blob in record.blobs.items() if blob]
    wanted.sort(key=lambda item: (-ITEM_BYTES[item[1]], item[0]))  # so that every number lies at a multiple of its size
    entries, at = {}, 0
    for name, code, shape in wanted:
        size = int(np.prod(shape, dtype=np.int64)) * ITEM_BYTES[code]
        entries[name] = TensorEntry(name, code, shape, at, at + size)
        at += size
    draft = len(_json(field, record, entries, "x" * 32))
    return entries, 8 + -(-(draft + SPARE_HEADER) // 8) * 8


def _head(field: TiledField, record: Record, entries: Mapping[str, TensorEntry], begin: int, version: str) -> bytes:
    """The file's first `begin` bytes: its header, filled up with spaces."""
    text = _json(field, record, entries, version)
    if len(text) > begin - 8:
        raise FormatError(f"the record of {len(text):,} bytes does not fit into a header of {begin - 8:,}")
    return (begin - 8).to_bytes(8, "little") + text.ljust(begin - 8)


def _json(field: TiledField, record: Record, entries: Mapping[str, TensorEntry], version: str) -> bytes:
    description = {
        "format_version": FORMAT_VERSION,
        "ungrid_version": version,
        "n_params": sum(p.numel() for p in field.parameters()),
        "spec": to_spec(field),
        "record": {k: v for k, v in dataclasses.asdict(record).items() if k != "blobs"},
        "recipe": dataclasses.asdict(field.recipe) if field.recipe else None,
    }
    header: dict[str, Any] = {"__metadata__": {METADATA_KEY: json.dumps(description, allow_nan=False)}}
    for name, entry in entries.items():
        header[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [entry.start, entry.stop]}
    return json.dumps(header).encode()


def _write_coarse(file: BinaryIO, field: TiledField, record: Record, entries: Mapping[str, TensorEntry], begin: int) -> None:
    """The tensors of the coarse field, and the blobs."""
    for name, tensor in field.state_dict().items():
        if not name.startswith("tile."):
            file.seek(begin + entries[name].start)
            file.write(tensor.detach().cpu().numpy().astype(NUMPY[entries[name].dtype]).tobytes())
    for name, blob in record.blobs.items():
        if blob:
            file.seek(begin + entries[BLOB_PREFIX + name].start)
            file.write(blob)
