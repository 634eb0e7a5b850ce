"""Damage to files, drawn from a seed: each damaged file must load or be refused with a FormatError, soon and in little memory."""

import copy
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ungrid.errors import FormatError
from ungrid.fields.storage import load_field
from ungrid.files import METADATA_KEY

Tensors = dict[str, Any]
ABSURD_NUMBERS = [
    -1,
    0,
    1,
    2,
    3,
    2**16,
    2**31,
    2**32,
    2**47,
    2**53,
    2**53 + 1,
    2**63,
    2**64,
    10**30,
    -(2**63),
    0.5,
    1e308,
    -1e-320,
]
ABSURD_VALUES: list[Any] = [
    None,
    True,
    False,
    "",
    "Siren",
    "\x00",
    "\ud800",
    "…" * 300,
    [],
    {},
    [[]],
    [{}],
    {"type": "Box"},
    *ABSURD_NUMBERS,
]
DTYPES = ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL", "F8", "", 7, None]
NAMES = [
    "../up",
    "a/b",
    "",
    "a" * 300,
    "\ud800",
    "weight",
    "blob.",
    "blob.more",
    "network.layers.0.weight",
    "__metadata__",
    "type",
]


@dataclass(frozen=True)
class Outcome:
    """What became of one damaged file.

    Args:
        mutation: name of the damage.
        result: "loaded", "refused", or the repr of an exception that should not have come.
        seconds: of the processor that loading took.
        grown_bytes: by which the process's peak memory rose.
    """

    mutation: str
    result: str
    seconds: float
    grown_bytes: int


def mutants(files: Sequence[bytes], count: int, *, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` damaged files with the name of the damage, each kind in turn; the same for the same files and seed."""
    rng = random.Random(seed)
    for index in range(count):
        name = list(MUTATIONS)[index % len(MUTATIONS)]
        yield name, MUTATIONS[name](rng, files)


def attempt(name: str, content: bytes, path: Path, tables: Mapping[str, type]) -> Outcome:
    """Write a damaged file to `path`, load it, and say what happened."""
    path.write_bytes(content)
    before, begin = peak_bytes(), time.process_time()
    try:
        load_field(path, tables)
        result = "loaded"
    except FormatError:
        result = "refused"
    except Exception as error:  # anything else is what the attack is looking for
        result = repr(error)[:300]
    return Outcome(name, result, time.process_time() - begin, peak_bytes() - before)


def peak_bytes() -> int:
    """Largest resident memory that this process ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def take_apart(content: bytes) -> tuple[dict[str, Any], Tensors, bytes]:
    """A file's description, the entries of its tensors, and its data."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    description = json.loads(header.pop("__metadata__")[METADATA_KEY])
    return description, header, content[8 + length :]


def join(description: Any, tensors: Any, data: bytes) -> bytes:
    """Inverse of `take_apart`, for whatever the parts have become."""
    metadata = {METADATA_KEY: description if isinstance(description, str) else json.dumps(description)}
    return with_header(json.dumps({"__metadata__": metadata, **tensors}).encode(), data)


def with_header(header: bytes, data: bytes) -> bytes:
    """A file of these header bytes and data."""
    return len(header).to_bytes(8, "little") + header + data


def flip_bits(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """One to eight bits turned over anywhere."""
    content = bytearray(rng.choice(files))
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def flip_header_bits(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """One to four bits turned over in the length and the header."""
    content = bytearray(rng.choice(files))
    end = 8 + int.from_bytes(content[:8], "little")
    for _ in range(rng.randint(1, 4)):
        content[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(content)


def overwrite(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A run of bytes replaced by noise, zeros or ones."""
    content = bytearray(rng.choice(files))
    start = rng.randrange(len(content))
    length = min(rng.choice([1, 4, 16, 256]), len(content) - start)
    content[start : start + length] = rng.choice([rng.randbytes(length), b"\x00" * length, b"\xff" * length])
    return bytes(content)


def truncate(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """The end cut off."""
    content = rng.choice(files)
    return content[: rng.choice([rng.randrange(len(content)), rng.randrange(16), len(content) - 1])]


def append(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """Bytes added at the end or in between."""
    content = rng.choice(files)
    at = rng.choice([len(content), rng.randrange(len(content))])
    return content[:at] + rng.randbytes(rng.choice([1, 4, 1000])) + content[at:]


def splice_headers(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """The description of one file, the tensors of another, the data of a third."""
    (description, _, _), (_, tensors, _), (_, _, data) = (take_apart(rng.choice(files)) for _ in range(3))
    return join(description, tensors, data)


def splice_specs(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A piece of one file's description put into another's."""
    description, tensors, data = take_apart(rng.choice(files))
    donor, _, _ = take_apart(rng.choice(files))
    _replace(rng, description, rng.choice([value for *_, value in _places(donor)]))
    return join(description, tensors, data)


def absurd_length(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A header length that lies."""
    content = rng.choice(files)
    true = int.from_bytes(content[:8], "little")
    lie = rng.choice([0, 1, 2, true - 1, true + 1, len(content), 2**24, 2**24 + 1, 2**31, 2**63, 2**64 - 1, rng.getrandbits(64)])
    return lie.to_bytes(8, "little") + content[8:]


def absurd_sizes(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A tensor's shape or offsets replaced by numbers out of the world."""
    description, tensors, data = take_apart(rng.choice(files))
    entry = tensors[rng.choice(list(tensors))]
    key = rng.choice(["shape", "data_offsets"])
    numbers = [rng.choice(ABSURD_NUMBERS) for _ in range(rng.choice([0, 1, 2, 3, 9]))]
    entry[key] = rng.choice([numbers, [2**40, 2**40], [0], rng.choice(ABSURD_VALUES)])
    return join(description, tensors, data)


def wrong_dtype(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A tensor of another dtype, its sizes made to fit or not."""
    description, tensors, data = take_apart(rng.choice(files))
    entry = tensors[rng.choice(list(tensors))]
    entry["dtype"] = rng.choice(DTYPES)
    if rng.random() < 0.5 and entry["shape"]:
        entry["shape"][-1] *= rng.choice([2, 4])
    return join(description, tensors, data)


def wrong_names(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A tensor renamed, left out, or listed twice under two names."""
    description, tensors, data = take_apart(rng.choice(files))
    name = rng.choice(list(tensors))
    entry = copy.deepcopy(tensors[name]) if rng.random() < 0.3 else tensors.pop(name)
    if rng.random() < 0.8:
        tensors[rng.choice(NAMES)] = entry
    return join(description, tensors, data)


def absurd_values(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """Values of the description replaced by others of any kind."""
    description, tensors, data = take_apart(rng.choice(files))
    for _ in range(rng.choice([1, 1, 3])):
        _replace(rng, description, rng.choice(ABSURD_VALUES))
    return join(description, tensors, data)


def absurd_numbers(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """Numbers of the spec replaced by other numbers: widths, depths, seeds, bounds."""
    description, tensors, data = take_apart(rng.choice(files))
    places = [place for place in _places(description) if isinstance(place[2], int | float) and not isinstance(place[2], bool)]
    for holder, key, value in rng.sample(places, min(len(places), rng.choice([1, 1, 2, 5]))):
        holder[key] = rng.choice([*ABSURD_NUMBERS, value * 2, value + 1, -value, float(value), 1e999])
    return join(description, tensors, data)


def wrong_keys(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """Keys of the description renamed, removed or added."""
    description, tensors, data = take_apart(rng.choice(files))
    holders = [description] + [value for *_, value in _places(description) if isinstance(value, dict) and value]
    holder = rng.choice(holders)
    key = rng.choice(list(holder))
    value = holder[key] if rng.random() < 0.3 else holder.pop(key)
    if rng.random() < 0.7:
        holder[rng.choice(["type", "widht", "", "__init__", "self", "spec", key[:-1], key + "s", "\ud800"])] = value
    return join(description, tensors, data)


def deep_nesting(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A value wrapped in lists, objects or parts, a few to a hundred thousand levels deep."""
    description, tensors, data = take_apart(rng.choice(files))
    _replace(rng, description, "@here@")
    depth = rng.choice([10, 31, 33, 500, 990, 1010, 20_000, 100_000])
    opening, closing = rng.choice(
        [("[", "]"), ('{"a":', "}"), ('{"type":"CoarseToFine","encoding":', "}"), ('{"type":"Concatenate","encodings":[', "]}")]
    )
    text = json.dumps(description).replace('"@here@"', opening * depth + rng.choice(["1", "{}", "[]"]) + closing * depth)
    return join(text, tensors, data)


def many_parts(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A spec of very many parts, each of them allowed."""
    description, tensors, data = take_apart(rng.choice(files))
    inner: dict[str, Any] = rng.choice(
        [
            {"type": "Identity", "in_dim": 2},
            {"type": "HashGrid", "in_dim": 2, "n_levels": 64, "per_level_scale": 1.0},
            {"type": "DenseGrid", "in_dim": 2, "resolutions": [[2, 2]] * 64},
            {"type": "FourierFeatures", "in_dim": 2, "n_frequencies": 65536},
        ]
    )
    group = {"type": "Concatenate", "encodings": [inner] * rng.choice([2, 15, 64, 65])}
    if isinstance(description.get("spec"), dict):
        description["spec"]["encoding"] = {"type": "Concatenate", "encodings": [group] * rng.choice([1, 15, 64])}
    return join(description, tensors, data)


def duplicate_keys(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """A key that stands twice, in the header or in the description."""
    description, tensors, data = take_apart(rng.choice(files))
    if rng.random() < 0.5:
        name = rng.choice(list(tensors))
        header = join(description, tensors, b"")[8:]
        return with_header(header[:-1] + f", {json.dumps(name)}: {json.dumps(tensors[name])}}}".encode(), data)
    text = json.dumps(description)
    return join(text[:-1] + rng.choice([', "format_version": 1}', ', "spec": null}', ', "spec": {}}']), tensors, data)


def broken_text(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """Header text that is no UTF-8, no JSON, or JSON of another kind."""
    description, tensors, data = take_apart(rng.choice(files))
    header = bytearray(join(description, tensors, b"")[8:])
    at = rng.randrange(len(header))
    piece = rng.choice(
        [b"\xff", b"\xed\xa0\x80", b"\x00", b"NaN", b"-Infinity", b"1e999", b'"', b"}", b"]", b"\\ud800", b"//", b"9" * 5000]
    )
    header[at : at + rng.choice([0, 1, len(piece)])] = piece
    whole = rng.choice(
        [bytes(header), bytes(header), b"[]", b"null", b"{}", b'{"__metadata__": null}', b"\xef\xbb\xbf" + bytes(header)]
    )
    return with_header(whole, data)


def wrong_metadata(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """Metadata that is not one entry with an object's text."""
    description, tensors, data = take_apart(rng.choice(files))
    text = json.dumps(description)
    metadata: Any = rng.choice(
        [None, [], text, {}, {"other": text}, {METADATA_KEY: None}, {METADATA_KEY: description}, {METADATA_KEY: text, "more": ""}]
        + [{METADATA_KEY: broken} for broken in ("", "[]", "1", "\ud800", text[:-1], text + text, "[" * 100_000)]
    )
    return with_header(json.dumps({"__metadata__": metadata, **tensors}).encode(), data)


def swap_tensors(rng: random.Random, files: Sequence[bytes]) -> bytes:
    """Two tensors' entries exchanged."""
    description, tensors, data = take_apart(rng.choice(files))
    first, second = rng.choice(list(tensors)), rng.choice(list(tensors))
    tensors[first], tensors[second] = tensors[second], tensors[first]
    return join(description, tensors, data)


MUTATIONS: dict[str, Callable[[random.Random, Sequence[bytes]], bytes]] = {
    function.__name__: function
    for function in (
        flip_bits,
        flip_header_bits,
        overwrite,
        truncate,
        append,
        splice_headers,
        splice_specs,
        absurd_length,
        absurd_sizes,
        wrong_dtype,
        wrong_names,
        absurd_values,
        absurd_numbers,
        wrong_keys,
        deep_nesting,
        many_parts,
        duplicate_keys,
        broken_text,
        wrong_metadata,
        swap_tensors,
    )
}


def _places(tree: Any) -> list[tuple[Any, Any, Any]]:
    """(holder, key, value) of everything in a tree of objects and lists."""
    found: list[tuple[Any, Any, Any]] = []
    left = [tree]
    while left:
        holder = left.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, value in items:
            found.append((holder, key, value))
            if isinstance(value, dict | list):
                left.append(value)
    return found


def _replace(rng: random.Random, tree: Any, value: Any) -> None:
    holder, key, _ = rng.choice(_places(tree))
    holder[key] = copy.deepcopy(value)
