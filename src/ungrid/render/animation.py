"""Frames to a film without end: GIF, animated WebP, animated PNG, through Pillow."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.files import write_beside
from ungrid.spec import lookup

if TYPE_CHECKING:
    from PIL.Image import Image

# what Pillow takes to write each; GIF knows hundredths of a second, and browsers slow down what is faster than 50 a second
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".gif": ("GIF", {"optimize": False, "disposal": 1}),
    ".webp": ("WEBP", {"quality": 90, "method": 4}),
    ".png": ("PNG", {}),
    ".apng": ("PNG", {}),
}
MOST_FPS = 50.0
MOST_SIDE = 16_383  # of WebP; GIF and PNG could be larger
PALETTE_FRAMES = 8  # that a GIF's one palette is chosen from


def check_animation(path: Path, n_frames: int, shape: tuple[int, int], fps: float, max_memory: int | None = None) -> None:
    """Raise InputError, before long work, unless an animation of this kind and size can be written.

    Args:
        path: of the file.
        n_frames: of the animation.
        shape: (h, w) of a frame in pixels.
        fps: frames a second.
        max_memory: bytes that the frames may take; None for 2 GiB.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"an animation is written as {' '.join(FORMATS)}; got {path.name}")
    if not 0 < fps <= MOST_FPS:
        raise InputError(f"fps is {fps:g}; expected more than 0 and at most {MOST_FPS:g}")
    if max(shape) > MOST_SIDE:
        raise InputError(f"frames of {shape[1]}×{shape[0]} pixels; an animation has sides of at most {MOST_SIDE}")
    size, most = 2 * 3 * n_frames * shape[0] * shape[1], max_memory or 2**31  # the frames, and the encoder's copy
    if size > most:
        raise InputError(
            f"{n_frames} frames of {shape[1]}×{shape[0]} take about {size:,} bytes, above {most:,}; make them smaller or fewer"
        )


def write_animation(path: Path, frames: Iterable[Float[Tensor, "h w 3"]], *, fps: float = 25.0) -> int:
    """Write frames in [0, 1] as an animation that repeats for ever, beside and renamed; returns their number.

    A GIF has 256 colors, chosen once for all frames so that none flickers, and dithered.

    Args:
        path: its ending says which format: .gif .webp .png .apng.
        frames: of one size.
        fps: frames a second, above 0 and at most 50; a GIF rounds the time of a frame to hundredths of a second.

    Raises:
        InputError: another ending, no frames.
        MachineError: not writable, disk full.
    """
    from PIL import Image

    kind, options = lookup(path.suffix.lower(), FORMATS, "animation format")
    pictures = [Image.fromarray((frame.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()) for frame in frames]
    if not pictures:
        raise InputError("an animation needs at least one frame")
    first, *others = _reduced(pictures) if kind == "GIF" else pictures
    with write_beside(path) as temporary:
        first.save(temporary, format=kind, save_all=True, append_images=others, duration=round(1000 / fps), loop=0, **options)
    return len(pictures)


def _reduced(pictures: "list[Image]") -> "list[Image]":
    """The pictures in one palette of 256 colors, those of a few frames side by side."""
    from PIL import Image

    some = pictures[:: max(1, len(pictures) // PALETTE_FRAMES)]
    width, height = some[0].size
    strip = Image.new("RGB", (width * len(some), height))
    for index, picture in enumerate(some):
        strip.paste(picture, (index * width, 0))
    palette = strip.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2)
    return [picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
