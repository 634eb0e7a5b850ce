"""EXIF in TIFF, where it is no block of bytes as in JPEG: texts are tags of the page, the rest lies in directories of its own."""

import contextlib
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ungrid.signals.image_exif import without_prefix

DESCRIPTION, SOFTWARE, CHANGED = 270, 305, 306
TEXTS = (DESCRIPTION, 271, 272, SOFTWARE, CHANGED, 315, 33432)  # with maker, model, artist and copyright
DIRECTORIES = {34665: 34664, 34853: 34852}  # EXIF and GPS → a tag that keeps their place: tifffile writes none of these two
_INTEROPERABILITY = 40965  # a directory in EXIF's, which only says that the file keeps to a rule for cameras
_OF_PROGRAMS = ('{"', "ImageJ=", "tifffile")  # what programs, ours too, note for themselves


def exif_in(path: Path) -> bytes | None:
    """What the first page of a TIFF file says as EXIF does, as a block of bytes; None for nothing, or nothing that is whole."""
    found, kept = Image.Exif(), Image.Exif()
    with contextlib.suppress(Exception), open(path, "rb") as file:  # what is damaged here is no reason to refuse the picture
        found.load_from_fp(file)
        for tag in TEXTS:
            if tag in found and not str(found[tag]).startswith((*_OF_PROGRAMS, "ungrid")):
                kept[tag] = found[tag]
        for tag in DIRECTORIES:
            entries = {key: value for key, value in found.get_ifd(tag).items() if key != _INTEROPERABILITY}
            if entries:
                kept.get_ifd(tag).update(entries)
        said = bool(dict(kept)) or any(kept.get_ifd(tag) for tag in DIRECTORIES)
        return without_prefix(kept.tobytes()) if said else None
    return None


def tags_of(exif: bytes, *, big: bool) -> dict[str, Any]:
    """tifffile's options for an EXIF block: its texts, and a place for each of its directories.

    Args:
        exif: the block, without prefix.
        big: whether the file is a BigTIFF.
    """
    found = _loaded(exif)
    texts = {tag: str(found[tag]).encode("utf-8") for tag in TEXTS if found.get(tag)}
    options: dict[str, Any] = {}
    if DESCRIPTION in texts:
        options["description"] = texts.pop(DESCRIPTION)
    if SOFTWARE in texts:
        options["software"] = texts.pop(SOFTWARE)
    changed = texts.pop(CHANGED, b"")
    if len(changed) == 19:  # YYYY:MM:DD HH:MM:SS
        options["datetime"] = changed.decode()
    places = [(DIRECTORIES[tag], "Q" if big else "I", 1, 0, True) for tag in _directories(found)]
    return options | {"extratags": [*((tag, "s", 0, text, True) for tag, text in texts.items()), *places]}


def put_directories(file: BinaryIO, exif: bytes, *, big: bool) -> None:
    """Write the directories of an EXIF block behind a TIFF file, and say where in the places that `tags_of` asked for."""
    import tifffile

    file.flush()
    file.seek(0)
    with tifffile.TiffFile(file) as tif:
        at = {tag.code: (tag.offset, tag.valueoffset) for tag in tif.pages.first.tags}
        order = tif.byteorder
    for tag, entries in _directories(_loaded(exif)).items():
        start = file.seek(0, 2)
        start += file.write(b"\0" * (start % 2))  # directories begin at even places
        header = b"II" if order == "<" else b"MM"
        header += struct.pack(order + "HHHQ", 43, 8, 0, 0) if big else struct.pack(order + "HI", 42, 0)
        directory = ImageFileDirectory_v2(ifh=header)
        directory.update(entries)
        file.write(directory.tobytes(start))
        code_at, value_at = at[DIRECTORIES[tag]]
        file.seek(code_at)
        file.write(struct.pack(order + "H", tag))
        file.seek(value_at)
        file.write(struct.pack(order + ("Q" if big else "I"), start))
    file.seek(0, 2)


def _loaded(exif: bytes) -> Image.Exif:
    found = Image.Exif()
    with contextlib.suppress(Exception):
        found.load(exif)
    return found


def _directories(found: Image.Exif) -> Mapping[int, Mapping[int, Any]]:
    """Entries of EXIF's and GPS's directories, those that there are."""
    each: dict[int, dict[int, Any]] = {}
    for tag in DIRECTORIES:
        with contextlib.suppress(Exception):
            each[tag] = {key: value for key, value in found.get_ifd(tag).items() if key != _INTEROPERABILITY}
    return {tag: entries for tag, entries in each.items() if entries}
