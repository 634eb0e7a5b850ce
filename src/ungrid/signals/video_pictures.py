"""Films that are many pictures: folders of numbered ones, and animated GIF, WebP and PNG."""

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, pairwise
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.image import MAX_PIXELS, read_picture
from ungrid.signals.image_write import FORMATS
from ungrid.signals.video_film import Film, Picture

ASSUMED_RATE = 25  # frames a second of a folder of pictures, which has no clock
NUMBERED = re.compile(r"(.*?)(\d{1,12})(\.\w+)")
ENDINGS = (*FORMATS, ".bmp", ".gif", ".ppm", ".pgm", ".pnm")
DEFAULT_DELAY, LEAST_DELAY = 100, 20  # ms: browsers show a shorter delay as a tenth of a second
MOST_REPEATS = 8  # of one frame, for a beat that all delays are multiples of


def is_animation(path: Path, start: bytes) -> bool:
    """Whether a GIF, WebP or PNG file has several pictures in time, by its content."""
    if start[:3] == b"GIF":
        return _n_pictures(path) > 1
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X":
        return bool(start[20] & 2)
    return start[:4] == b"\x89PNG" and b"acTL" in start


def is_numbered(path: Path) -> bool:
    """Whether a folder holds at least two pictures that one name numbers, and no other picture."""
    if not path.is_dir():
        return False
    names = _pictures_in(path)
    stems = {match.group(1, 3) if (match := NUMBERED.fullmatch(name)) else name for name in names}
    return len(names) > 1 and len(stems) == 1 and isinstance(next(iter(stems)), tuple)


def open_folder(path: Path) -> Film:
    """Numbered pictures of one size as a film, in the order of their numbers; their rate is to be said, or assumed.

    Raises:
        UnreadableInput: none, a number that is missing or there twice, a picture that cannot be read.
    """
    numbered: dict[int, Path] = {}
    for name in _pictures_in(path):
        match = NUMBERED.fullmatch(name)
        if match is None:
            raise UnreadableInput(
                f"{path.name} holds {name}, which has no number; expected pictures such as frame_0001.png alone"
            )
        if int(match[2]) in numbered:
            raise UnreadableInput(f"{path.name} holds number {int(match[2])} twice: {numbered[int(match[2])].name} and {name}")
        numbered[int(match[2])] = path / name
    if not numbered:
        raise UnreadableInput(f"the folder {path.name} holds no pictures; expected numbered ones such as frame_0001.png")
    numbers = sorted(numbered)
    for before, after in pairwise(numbers):
        if after != before + 1:
            raise UnreadableInput(
                f"{path.name} has {numbered[before].name} and then {numbered[after].name}: number {before + 1} is missing; add "
                f"it, or number the pictures anew"
            )
    files = [numbered[number] for number in numbers]
    first = read_picture(files[0])
    left_out = ("file", "bytes", "sha256", "n_pages")
    source = {key: value for key, value in first.source.items() if key not in left_out}
    times = [index / ASSUMED_RATE for index in range(len(files))]

    def frames() -> Iterator[Picture]:
        for file in files:
            picture = read_picture(file)
            if picture.channels != first.channels:
                raise UnreadableInput(
                    f"{file.name} has the channels {' '.join(picture.channels)}, the first picture {' '.join(first.channels)}; "
                    f"a film has one kind of pixel: convert it"
                )
            yield picture.values.numpy()

    height, width = first.grid.shape
    known = {"format": f"folder of {source.get('format')}", "first_number": numbers[0], "frame_rate_assumed": True}
    return Film(
        path.name, (height, width), first.channels, times, len(files) / ASSUMED_RATE, 0.0, Fraction(ASSUMED_RATE), 1.0, frames,
        source | known, first.blobs,
    )  # fmt: skip


def open_animation(path: Path) -> Film:
    """An animated GIF, WebP or PNG as a film; pictures are as they are shown, each for as long as the file says.

    Delays that are multiples of one beat become frames of that beat, so that nothing is lost; others are told as uneven.

    Raises:
        UnreadableInput: cut off or damaged.
        InputError: too large.
    """
    from PIL import Image

    with _pillow(path) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise InputError(f"{path.name} announces {picture.width}×{picture.height} pixels; expected at most 2^28")
        size, kind = (picture.height, picture.width), picture.format or "GIF"
        delays, seen = [], False
        for index in range(getattr(picture, "n_frames", 1)):
            _seek(picture, index, path)
            delays.append(_delay(picture.info.get("duration")))
            seen = seen or _is_translucent(picture)
        loop = picture.info.get("loop")
    repeats = _repeats(delays)
    mode, channels = ("RGBA", ("r", "g", "b", "a")) if seen else ("RGB", ("r", "g", "b"))

    def frames() -> Iterator[Picture]:
        with _pillow(path) as picture:
            for index, times in enumerate(repeats):
                _seek(picture, index, path)
                array = np.asarray(picture.convert(mode) if isinstance(picture, Image.Image) else picture)
                for _ in range(times):
                    yield array

    spread = [delay / times for delay, times in zip(delays, repeats, strict=True) for _ in range(times)]
    begins = [0.0, *accumulate(spread)]
    rate = Fraction(1000 * len(spread), sum(delays)).limit_denominator(100_000)
    source = {
        "format": kind, "codec": kind.lower(), "bit_depth": 8, "sample_format": "uint", "transfer": "srgb", "width": size[1],
        "height": size[0], "frame_rate": str(rate), "time_base": "1/100" if kind == "GIF" else "1/1000", "start_seconds": 0.0,
        "duration_seconds": sum(delays) / 1000, "sample_aspect_ratio": "1", "rotation": 0, "loop": loop, "metadata": {},
    }  # fmt: skip
    tick = 0.01 if kind == "GIF" else 0.001
    times = [begin / 1000 for begin in begins[:-1]]
    return Film(path.name, size, channels, times, sum(delays) / 1000, tick, rate, 255.0, frames, source, {})


def _repeats(delays: list[int]) -> list[int]:
    """How often each picture is a frame: as the beat of all delays has it, or once each where that is as good as even."""
    mean = sum(delays) / len(delays)
    if all(abs(delay - mean) <= 10 for delay in delays):  # a GIF rounds to hundredths of a second
        return [1] * len(delays)
    beat = gcd(*delays)
    most = max(delays) // beat
    return [delay // beat for delay in delays] if most <= MOST_REPEATS else [1] * len(delays)


def _delay(milliseconds: Any) -> int:
    delay = round(milliseconds or 0)
    return delay if delay >= LEAST_DELAY else DEFAULT_DELAY


def _is_translucent(picture: Any) -> bool:
    alpha = picture.convert("RGBA").getextrema()[3]
    return bool(alpha[0] < 255)


def _pictures_in(path: Path) -> list[str]:
    return sorted(
        item.name
        for item in path.iterdir()
        if item.suffix.lower() in ENDINGS and not item.name.startswith(".") and item.is_file()
    )


def _n_pictures(path: Path) -> int:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return int(getattr(picture, "n_frames", 1))
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return 1  # the picture door says what is wrong with it


def _pillow(path: Path) -> Any:
    from PIL import Image

    try:
        return Image.open(path, formats=("GIF", "WEBP", "PNG"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        said = " ".join(str(error).split())[:120]
        raise UnreadableInput(f"{path.name} cannot be read as an animation: {said}; copy or export it again") from None


def _seek(picture: Any, index: int, path: Path) -> None:
    try:
        picture.seek(index)
        picture.load()
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        said = " ".join(str(error).split())[:120]
        raise UnreadableInput(f"{path.name} is cut off or damaged at picture {index + 1}: {said}; copy it again") from None
