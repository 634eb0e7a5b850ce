"""The files of published settings: found by name, believed by checksum."""

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ungrid.bench.papers.setting import File
from ungrid.errors import InputError, MissingFile
from ungrid.signals.base import Signal
from ungrid.signals.image import from_array

CAMERA = File("camera.png", "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a")
CAMERA_VALUES = "5cb24482a53416f99052258be2b1ee38cd31c559a70c8a8b321cba231b332e21"  # sha256 of its 512 × 512 bytes
BACH = File("gt_bach.wav", "023940a1bcc534349e16ff46f360ffbfffa993842961dbed955c168fd2f38190")
KODAK = tuple(
    File(f"kodim{number}.png", sha256)
    for number, sha256 in (
        ("03", "e25ca1ff2f0c0cb5fdfd5f9b0a0bb21ac4c3de3c84a67f35b09a85d3306249db"),
        ("05", "10349e963c5c813d327852f82c1795fa4148d69fedffc4c589bee458e3ac3d53"),
        ("15", "7538cbb80cb9103606c48b806eae57d56c885c7f90b9b3be70a41160f9cbb683"),
        ("23", "e3111a2fd4da24af15d6459ef9eacfe54106b38e27b4a21821b75c3f5d2d5baf"),
    )
)
PARROTS = KODAK[-1]


def found(files: Sequence[File], data: Sequence[Path]) -> tuple[dict[str, Path], list[str]]:
    """Paths of those files that the user has, by name, and why others are not there.

    Args:
        files: what is wanted.
        data: files, or folders that hold them at any depth.

    Raises:
        MissingFile: a path of `data` that does not exist.
    """
    paths: dict[str, Path] = {}
    missing = []
    for file in files:
        named = list(_named(file.name, data))
        good = next((path for path in named if checksum(path.read_bytes()) == file.sha256), None)
        if good is not None:
            paths[file.name] = good
        elif named:
            missing.append(f"{named[0]} is not the file meant: its sha256 is not {file.sha256[:12]}…")
        else:
            missing.append(f"{file.name} was not given; say where it is with --data")
    return paths, missing


def checksum(content: bytes) -> str:
    """sha256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def camera(path: Path | None, side: int) -> Signal:
    """scikit-image's camera, side × side by Pillow's bilinear reduction: from a file, or from scikit-image itself.

    Raises:
        InputError: scikit-image's is another picture, as before version 0.18, or it is not installed.
    """
    if path is not None:
        pixels = np.asarray(Image.open(path).convert("L"))
    elif importlib.util.find_spec("skimage") is None:
        raise InputError("neither camera.png nor scikit-image is there; say where the file is with --data")
    else:
        from skimage import data

        pixels = np.asarray(data.camera())
    if checksum(pixels.tobytes()) != CAMERA_VALUES:
        raise InputError("the camera picture is not that of scikit-image 0.18 and later, which the values are of")
    return from_array(np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)))


def _named(name: str, data: Sequence[Path]) -> Iterator[Path]:
    for path in data:
        if not path.exists():
            raise MissingFile(f"there is no file or folder {path}")
        yield from sorted(path.rglob(name)) if path.is_dir() else ([path] if path.name == name else [])
