"""Pictures through Pillow: JPEG, WebP, AVIF, JPEG 2000, BMP, GIF, PNM, and PIL pictures in memory.

Pillow holds at most 8 bits of a color, so that deeper AVIF and JPEG 2000 files are decoded by imagecodecs. Its plugins are called
by name, not through `Image.open`, which guesses and has a limit of its own.
"""

import contextlib
import importlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.image_exif import without_prefix
from ungrid.signals.image_raster import (
    Raster,
    Samples,
    check_size,
    color_names,
    declared_orientation,
    decoding,
    exif_blobs,
)

PLUGINS = {  # format → (module in PIL, class in it)
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "JPEG 2000": ("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "PNM": ("PpmImagePlugin", "PpmImageFile"),
}
_DEPTH_OF_MODE = {"1": 1, "I;16": 16, "I;16L": 16, "I;16B": 16, "I": 16, "F": 32}
_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # not 00 (a stuffed FF), not D0–D7 (restarts)


def read_with_pillow(path: Path, format: str, *, max_pixels: int) -> Raster:
    """The first picture of a file in one of `PLUGINS`' formats; its size is checked before it is decoded."""
    name = path.name
    with decoding(name, format):
        data = path.read_bytes()
        if format == "WebP":
            check_size(*_webp_size(data), 4, max_pixels=max_pixels, name=name)
        if format == "JPEG" and not _jpeg_ends(data):
            raise UnreadableInput(f"{name} is a JPEG file that is cut off: its end marker is missing; copy or export it again")
        with open_picture(data, format) as picture:
            check_size(*picture.size, len(picture.getbands()), max_pixels=max_pixels, name=name)
            _check_pnm(picture, name)
            depth = _declared_depth(data, format, name)
            raster = from_pillow(picture, format)
            if depth > 8 and (depth, raster.bit_depth) != (16, 16):
                raster.samples, raster.channels = _decode_deep(data, format)
                raster.bit_depth = depth
            return raster


def open_picture(data: bytes, format: str) -> Image.Image:
    """The lazily decoded PIL picture of a file's bytes, by the plugin of its format and no other."""
    module, plugin = PLUGINS[format]
    opened: Image.Image = getattr(importlib.import_module(f"PIL.{module}"), plugin)(io.BytesIO(data))
    return opened


def from_pillow(picture: Image.Image, format: str) -> Raster:
    """A raster of a PIL picture: palettes and transparent colors become channels, CMYK becomes RGB."""
    picture.load()
    xmp, comment = (picture.info.get(name) for name in ("xmp", "comment"))
    blobs = exif_blobs(
        without_prefix(picture.info.get("exif") or b""),
        picture.info.get("icc_profile"),
        xmp if isinstance(xmp, bytes) else None,
    )
    if format == "JPEG" and isinstance(comment, bytes) and comment:
        blobs["comment"] = comment
    palette = picture.mode in ("P", "PA")
    plain, notes = _with_plain_channels(picture, blobs)
    samples = np.asarray(plain)
    if plain.mode == "I":
        if samples.min() < 0 or samples.max() > 65_535:  # PNM's values have 16 bits; a picture in memory may have any
            raise InputError(f"a picture of mode I has values from {samples.min()} to {samples.max()}; expected 0 to 65535")
        samples = samples.astype(np.uint16)
    samples = samples[..., None] if samples.ndim == 2 else samples
    return Raster(
        samples,
        color_names(samples.shape[-1]),
        format,
        _DEPTH_OF_MODE.get(plain.mode, 8),
        orientation=declared_orientation(blobs),
        dpi=_dpi(picture),
        palette=palette,
        n_pages=int(getattr(picture, "n_frames", 1)),
        notes=notes,
        blobs=blobs,
    )


def cmyk_to_rgb(picture: Image.Image, icc_profile: bytes | None) -> tuple[Image.Image, dict[str, Any]]:
    """A CMYK picture as sRGB through its color profile, or plainly where it has none that works; with a note of which."""
    notes = {"converted_from": "CMYK", "converted_by": "color profile"}
    if icc_profile:
        from PIL import ImageCms

        with contextlib.suppress(ImageCms.PyCMSError, OSError, TypeError):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            converted = ImageCms.profileToProfile(picture, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted, notes
    return picture.convert("RGB"), {**notes, "converted_by": "1 − ink"}


def _with_plain_channels(picture: Image.Image, blobs: dict[str, bytes]) -> tuple[Image.Image, dict[str, Any]]:
    """The picture in a mode whose array is its channels; drops a profile that no longer fits from `blobs`."""
    transparent = "transparency" in picture.info
    if picture.mode == "CMYK":
        return cmyk_to_rgb(picture, blobs.pop("icc_profile", None))
    if picture.mode in ("P", "PA"):
        has_alpha = transparent or picture.mode == "PA" or (picture.palette is not None and picture.palette.mode == "RGBA")
        return picture.convert("RGBA" if has_alpha else "RGB"), {}
    if picture.mode in ("1", "L", "RGB") and transparent:
        return picture.convert("RGBA" if picture.mode == "RGB" else "LA"), {}
    if picture.mode in ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16L", "I;16B", "I", "F"):
        return picture, {}
    target = {"La": "LA", "RGBa": "RGBA"}.get(picture.mode, "RGB")
    return picture.convert(target), {"converted_from": picture.mode}


def _dpi(picture: Image.Image) -> tuple[float, float] | None:
    dpi = picture.info.get("dpi")
    try:
        pair = (float(dpi[0]), float(dpi[1])) if dpi else None
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    return pair if pair and all(0 < value < 1e9 for value in pair) else None


def _check_pnm(picture: Image.Image, name: str) -> None:
    tile = getattr(picture, "tile", None)
    args = tile[0].args if tile else None
    if picture.format == "PPM" and isinstance(args, tuple) and args[0] == "RGB" and isinstance(args[1], int) and args[1] > 255:
        raise InputError(f"{name} is a color PNM of more than 8 bits, which is not read; convert it to PNG or TIFF")


def _declared_depth(data: bytes, format: str, name: str) -> int:
    """Bits of a sample as the header of an AVIF or JPEG 2000 file says; 8 for the other formats."""
    if format == "AVIF":
        at = data.find(b"av1C")  # configuration: flags in its third byte, high bit depth and twelve bits
        flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
        return (12 if flags & 0x20 else 10) if flags & 0x40 else 8
    if format == "JPEG 2000":
        at = data.find(b"\xff\x4f\xff\x51")  # start of codestream, then sizes: 38 bytes on, the components
        depths = [data[i] for i in range(at + 42, at + 42 + 3 * data[at + 41], 3)]
        if any(depth & 0x80 for depth in depths):
            raise InputError(f"{name} has signed samples, which a picture cannot have; convert it to unsigned or to float TIFF")
        return max(depths) + 1
    return 8


def _decode_deep(data: bytes, format: str) -> tuple[Samples, tuple[str, ...]]:
    """Samples [H, W, c] of more than 8 bits, which Pillow would cut."""
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtra("imagecodecs", "image", f"reading {format} of more than 8 bits") from None
    decode = imagecodecs.avif_decode if format == "AVIF" else imagecodecs.jpeg2k_decode
    samples = np.asarray(decode(data))
    samples = samples[..., None] if samples.ndim == 2 else samples
    return samples, color_names(samples.shape[-1])


def _webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) that a WebP file declares: Pillow sets aside the canvas as soon as it opens one."""
    if data[12:16] == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _jpeg_ends(data: bytes) -> bool:
    """Whether the end marker follows the picture's data; a lenient decoder would fill what is missing with gray."""
    at = 2
    while found := _JPEG_MARKER.search(data, at):
        marker, at = found.group(1)[0], found.end()
        if marker == 0xD9:
            return True
        if marker != 0x01:  # a segment, whose length counts itself; thumbnails in it have end markers too
            at += int.from_bytes(data[at : at + 2], "big")
    return False
