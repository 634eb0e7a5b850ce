"""Which format a picture file has, by its first bytes and never by its name; and the reader of each."""

from collections.abc import Callable
from pathlib import Path

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.first_bytes import first_bytes, what_else
from ungrid.signals.image_exr import MAGIC as EXR_MAGIC
from ungrid.signals.image_exr import read_exr
from ungrid.signals.image_pillow import read_with_pillow
from ungrid.signals.image_png import SIGNATURE as PNG_SIGNATURE
from ungrid.signals.image_png import read_png
from ungrid.signals.image_raster import Raster
from ungrid.signals.image_tiff import read_tiff

READABLE = ("PNG", "JPEG", "TIFF", "EXR", "WebP", "AVIF", "JPEG 2000", "BMP", "GIF", "PNM")
_READERS: dict[str, Callable[..., Raster]] = {"PNG": read_png, "TIFF": read_tiff, "EXR": read_exr}

_PICTURES = {
    PNG_SIGNATURE: "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    EXR_MAGIC: "EXR",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
}


def read_raster(path: Path, *, max_pixels: int) -> Raster:
    """The picture in a file, as its samples are stored.

    Raises:
        MissingFile: no such file.
        InputError: a folder, not readable, or beyond the limit.
        UnreadableInput: no picture, or a damaged one.
    """
    format = picture_format(path)
    if format in _READERS:
        return _READERS[format](path, max_pixels=max_pixels)
    return read_with_pillow(path, format, max_pixels=max_pixels)


def picture_format(path: Path) -> str:
    """One of `READABLE`, by the file's first bytes.

    Raises:
        MissingFile: no such file.
        InputError: a folder, or not readable.
        UnreadableInput: empty, or of another kind.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected a picture file")
    start = first_bytes(path)
    format = format_by_start(start)
    if format is None:
        raise UnreadableInput(
            f"{path.name} holds {what_else(start)}; expected a picture ({', '.join(READABLE)}): check that it is the right file"
        )
    return format


def format_by_start(start: bytes) -> str | None:
    """One of `READABLE` by a file's first bytes, None where it is no picture."""
    for magic, format in _PICTURES.items():
        if start.startswith(magic):
            return format
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    if start[4:8] == b"ftyp" and start[8:12] in (b"avif", b"avis"):
        return "AVIF"
    if start[4:8] == b"ftyp" and start[8:12] in (b"mif1", b"msf1") and b"avif" in start[16:]:
        return "AVIF"
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3].isspace():
        return "PNM"
    return None
