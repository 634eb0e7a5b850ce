"""A field ↔ its `.ung` file: tensors and a JSON description in one safetensors file.

Reading trusts nothing: the header is checked first (`ungrid.files`), the field is built from its spec on the meta device,
which allocates nothing, and only when every name, shape and dtype agrees are bytes read. Tensors of a field's `mapped_parts`
are read when they are looked at.
"""

import dataclasses
import json
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from ungrid.errors import FormatError, InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe, Record
from ungrid.files import BLOB_PREFIX, FORMAT_VERSION, METADATA_KEY, Header, TensorEntry, read_blob, read_header, write_beside
from ungrid.spec import Tables, Watcher, from_spec, to_spec

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
STORED = {"float32": None, "float16": torch.float16}
DESCRIPTION_KEYS = {"format_version", "ungrid_version", "n_params", "spec", "record", "recipe"}


def save_field(field: Field, path: Path, *, version: str) -> None:
    """Write a field to `path`, beside and renamed.

    Parameters are written as float32 (float64 for a float64 field), or as float16 where the field's record says that
    they were rounded to it; buffers as they are.

    Raises:
        InputError: weights of a type that the format does not keep, such as bfloat16.
        MachineError: not writable, disk full.
    """
    record = field.record or Record(kind="", shape=(), channels=())
    half = STORED[record.stored]
    tensors = {}
    # a field that stands twice in a tree is written twice: what is read back shares nothing
    parameters = dict(field.named_parameters(remove_duplicate=False))
    for name, tensor in field.state_dict().items():
        tensor = tensor.detach().cpu()
        if tensor.dtype not in DTYPES.values():
            raise InputError(f"{name} is {tensor.dtype}, which a .ung file does not keep; convert the field first: field.float()")
        stored = tensor.to(half) if half is not None and name in parameters else tensor
        tensors[name] = stored.contiguous().clone()  # clone: safetensors refuses tensors that share memory
    tensors |= {BLOB_PREFIX + name: torch.frombuffer(bytearray(b), dtype=torch.uint8) for name, b in record.blobs.items() if b}
    description = {
        "format_version": FORMAT_VERSION,
        "ungrid_version": version,
        "n_params": sum(p.numel() for p in parameters.values()),
        "spec": to_spec(field),
        "record": {k: v for k, v in dataclasses.asdict(record).items() if k != "blobs"} if field.record else None,
        "recipe": dataclasses.asdict(field.recipe) if field.recipe else None,
    }
    with write_beside(path) as temporary:
        metadata = {METADATA_KEY: json.dumps(description, allow_nan=False)}
        temporary.write_bytes(safetensors.torch.save(tensors, metadata=metadata))


def load_field(path: Path, tables: Tables) -> Field:
    """Read a field; what the file asks for is looked up in `tables` and nowhere else.

    Raises:
        MissingFile: no such file.
        FormatError: anything that is not exactly as the format says.
    """
    header = read_header(path)
    unknown = set(header.description) - DESCRIPTION_KEYS
    if unknown:
        raise FormatError(f"the description in {path.name} has unknown keys {sorted(unknown)[:5]}")
    with torch.device("meta"):
        field = from_spec(header.description.get("spec"), tables, built=_counter(len(header.tensors), path))
    if not isinstance(field, Field):
        raise FormatError(f"the spec in {path.name} is no field but a {type(field).__name__}")
    weights = _read_weights(path, header, field)
    if header.description.get("n_params") != field.n_params:
        declared = str(header.description.get("n_params"))[:20]
        raise FormatError(f"{path.name} declares {declared} parameters, and its spec builds a field of {field.n_params}")
    field.load_state_dict(weights, assign=True)  # what the parts have frozen stays frozen
    field.recipe = _plain(Recipe, header.description.get("recipe"), path)
    field.record = _read_record(path, header)
    if field.record is not None:
        _check_record(field.record, field, path)
    return field.eval()


def _counter(n_tensors: int, path: Path) -> Watcher:
    """Counts the tensors of parts as they are built, and refuses more than the file has: a short spec may ask for very many."""
    seen: dict[int, nn.Module] = {}
    needed = 0

    def count(part: Any) -> None:
        nonlocal needed
        for module in part.modules() if isinstance(part, nn.Module) else ():
            if id(module) not in seen:
                seen[id(module)] = module
                needed += len(module._parameters) + len(module._buffers)
        if needed > n_tensors:
            raise FormatError(
                f"the tensors in {path.name} do not fit its spec: it asks for {needed} or more, the file has {n_tensors}"
            )

    return count


def _read_weights(path: Path, header: Header, field: Field) -> dict[str, Tensor]:
    expected = field.state_dict()
    entries = {name: entry for name, entry in header.tensors.items() if not name.startswith(BLOB_PREFIX)}
    if set(entries) != set(expected):
        missing, extra = sorted(set(expected) - set(entries)), sorted(set(entries) - set(expected))
        raise FormatError(f"the tensors in {path.name} do not fit its spec: missing {missing[:4]}, unexpected {extra[:4]}")
    for name, entry in entries.items():
        if entry.shape != tuple(expected[name].shape) or entry.dtype not in DTYPES:
            raise FormatError(
                f"tensor {name!r} in {path.name} is {entry.dtype} {list(entry.shape)}; its spec asks for "
                f"{expected[name].dtype} {list(expected[name].shape)}"
            )
    staying = _mapped_names(field, expected)
    mapped = _map_file(path) if staying else None
    weights = {}
    for name, entry in entries.items():
        if mapped is not None and name in staying:
            weights[name] = _map_tensor(mapped, path, entry, expected[name].dtype)
        else:
            weights[name] = _read_tensor(path, entry, expected[name].dtype)
    floating = {tensor.dtype for tensor in weights.values() if tensor.is_floating_point()}
    if len({torch.float32 if dtype == torch.float16 else dtype for dtype in floating}) > 1:
        raise FormatError(f"{path.name} mixes float32 and float64 weights")
    return weights


def _mapped_names(field: Field, expected: Mapping[str, Tensor]) -> set[str]:
    """Names of the tensors that stay in the file until they are asked for: those of the parts that a field says can."""
    prefixes = []
    for place, module in field.named_modules():
        for part in getattr(module, "mapped_parts", ()):
            prefixes.append(".".join(filter(None, [place, part])) + ".")
            setattr(module, "is_mapped", True)  # noqa: B010
    return {name for name in expected if name.startswith(tuple(prefixes))} if prefixes else set()


def _map_file(path: Path) -> mmap.mmap:
    """A file's bytes, read page by page when they are looked at and none ahead; what is written to them stays in memory."""
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    if hasattr(mmap, "MADV_RANDOM"):  # a system may read seven times as much ahead as is asked for
        mapped.madvise(mmap.MADV_RANDOM)
    return mapped


def _map_tensor(mapped: mmap.mmap, path: Path, entry: TensorEntry, expected: torch.dtype) -> Tensor:
    """A tensor of a file's own bytes."""
    _check_dtype(path, entry, expected)
    dtype = DTYPES[entry.dtype]
    if entry.n_values == 0:
        return torch.empty(entry.shape, dtype=dtype)
    return torch.frombuffer(mapped, dtype=dtype, count=entry.n_values, offset=entry.start).reshape(entry.shape)


def _check_dtype(path: Path, entry: TensorEntry, expected: torch.dtype) -> None:
    found = DTYPES[entry.dtype]
    if found.is_floating_point != expected.is_floating_point or (not found.is_floating_point and found != expected):
        raise FormatError(f"tensor {entry.name!r} in {path.name} is {entry.dtype}; its spec asks for {expected}")


def _read_tensor(path: Path, entry: TensorEntry, expected: torch.dtype) -> Tensor:
    raw = bytearray(read_blob(path, entry))
    tensor = torch.frombuffer(raw, dtype=DTYPES[entry.dtype]) if raw else torch.empty(0, dtype=DTYPES[entry.dtype])
    tensor = tensor.reshape(entry.shape)
    _check_dtype(path, entry, expected)
    if tensor.dtype == torch.float16:
        tensor = tensor.float()
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise FormatError(f"tensor {entry.name!r} in {path.name} holds values that are not finite")
    return tensor


def _read_record(path: Path, header: Header) -> Record | None:
    blobs = {}
    for name, entry in header.tensors.items():
        if name.startswith(BLOB_PREFIX):
            if entry.dtype != "U8" or len(entry.shape) != 1:
                raise FormatError(f"{name!r} in {path.name} is {entry.dtype} {list(entry.shape)}; a blob is U8 with one axis")
            blobs[name.removeprefix(BLOB_PREFIX)] = read_blob(path, entry)
    record: Record | None = _plain(Record, header.description.get("record"), path)
    if record is not None:
        record.blobs = blobs
    return record


def _check_record(record: Record, field: Field, path: Path) -> None:
    """Raise FormatError unless the record's sizes are the field's; a field fitted to no sampled signal has none."""
    if len(record.shape) not in (0, field.in_dim) or len(record.channels) not in (0, field.out_dim):
        raise FormatError(
            f"the record in {path.name} has shape {record.shape} and channels {record.channels}; its field has "
            f"{field.in_dim} axes and {field.out_dim} channels"
        )


def _plain(kind: type, value: Any, path: Path) -> Any:
    """A record or recipe from plain values, checked by the same rules as parts."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise FormatError(f"the {kind.__name__.lower()} in {path.name} is a {type(value).__name__}; expected an object")
    free = {key: value[key] for key in ("source", "fit", "metrics") if key in value and kind is Record}
    if not all(isinstance(item, dict) for item in free.values()):
        raise FormatError(f"source, fit and metrics in {path.name} must be objects")
    strict = {key: item for key, item in value.items() if key not in free}
    made = from_spec({"type": kind.__name__} | strict, {kind.__name__: kind})
    for key, item in free.items():
        setattr(made, key, item)
    if isinstance(made, Record) and any(n < 1 for n in made.shape):
        raise FormatError(f"the record in {path.name} has shape {made.shape}; sizes are at least 1")
    return made


def file_bytes(field: Field, stored: str) -> int:
    """About how many bytes a field's file will have, blobs included, the description at 4 kB."""
    if stored not in STORED:
        raise InputError(f"weights are stored as float32 or float16; got {stored!r}")
    blobs = sum(len(blob) for blob in field.record.blobs.values()) if field.record else 0
    return field.n_params * (2 if STORED[stored] else 4) + blobs + 4096
