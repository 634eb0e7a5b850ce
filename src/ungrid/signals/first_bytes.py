"""What a file holds, by its first bytes: for recognizing it, and for saying what was found."""

from pathlib import Path

from ungrid.errors import InputError, MissingFile, UnreadableInput

START_BYTES = 512  # that tell a format
KNOWN = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "gzip-compressed data",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"8BPS": "a Photoshop document",
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"qoif": "a QOI picture",
    b"#?RADIANCE": "a Radiance HDR picture",
    b"<svg": "an SVG drawing",
    b"fLaC": "FLAC sound",
    b"OggS": "Ogg sound",
}


def first_bytes(path: Path) -> bytes:
    """The first 512 bytes of a file, none of a folder.

    Raises:
        MissingFile: no such file.
        InputError: not readable.
        UnreadableInput: an empty file.
    """
    if path.is_dir():
        return b""
    try:
        with open(path, "rb") as file:
            start = file.read(START_BYTES)
    except FileNotFoundError:
        raise MissingFile(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    if not start:
        raise UnreadableInput(f"{path.name} is empty (0 bytes); copy or export it again")
    return start


def what_else(start: bytes) -> str:
    """What a file holds, in words, by its first bytes."""
    for magic, what in KNOWN.items():
        if start.startswith(magic):
            return what
    if start[4:8] == b"ftyp":
        return "a HEIC picture" if start[8:10] == b"he" else "an MP4 film"
    if start[:4] == b"RIFF":
        return "WAV sound" if start[8:12] == b"WAVE" else "a RIFF file"
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # else the last character is cut
            return "data of no known kind"
        text = start[: error.start].decode("utf-8")
    return "text" if all(sign.isprintable() or sign.isspace() for sign in text) else "data of no known kind"
