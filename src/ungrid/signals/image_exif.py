"""EXIF and XMP as bytes: the one entry that turns a picture, found and reset in place; all other bytes stay as they are."""

import re
import struct

PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112


def without_prefix(exif: bytes) -> bytes:
    """The TIFF structure of an EXIF block: JPEG puts `Exif\\0\\0` before it, PNG does not."""
    return exif.removeprefix(PREFIX)


def orientation_of(exif: bytes) -> int:
    """Orientation 1 to 8 that an EXIF block declares; 1, upright, where it declares none or is damaged."""
    found = _find_orientation(exif)
    return found[2] if found and 1 <= found[2] <= 8 else 1


def upright(exif: bytes) -> bytes:
    """The same EXIF block declaring orientation 1, for a picture whose samples were turned already."""
    found = _find_orientation(exif)
    if found is None:
        return exif
    at, order, _ = found
    return exif[:at] + struct.pack(order + "H", 1) + exif[at + 2 :]


def upright_xmp(xmp: bytes) -> bytes:
    """The same XMP block declaring orientation 1, for a picture whose samples were turned already."""
    return re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))[2-8]", rb"\g<1>1", xmp)


def _find_orientation(exif: bytes) -> tuple[int, str, int] | None:
    """(position of the value, byte order, value) of the orientation in the first directory, or None."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return None
    at = struct.unpack_from(order + "I", exif, 4)[0]
    if at + 2 > len(exif):
        return None
    n_entries = struct.unpack_from(order + "H", exif, at)[0]
    for entry in range(at + 2, min(at + 2 + 12 * n_entries, len(exif) - 11), 12):
        tag, kind, count, value = struct.unpack_from(order + "HHIH", exif, entry)
        if tag == _ORIENTATION and kind == 3 and count == 1:  # 3: a 16-bit number
            return entry + 8, order, value
    return None
