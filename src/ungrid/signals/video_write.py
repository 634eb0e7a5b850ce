"""Films to files, frame by frame, through PyAV: which encoder writes which ending, and what each can keep.

.mp4 is AV1 by SVT-AV1, .webm VP9 by libvpx, both nearly without visible loss; .mkv is FFV1, without any loss of eight bits; .gif
has 256 colors in each frame. Others are called by name alone. docs/decisions/0006-video-encoders.md says why.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ungrid.errors import InputError, ShapeError
from ungrid.files import write_beside
from ungrid.signals.base import Outline
from ungrid.signals.video_color import COEFFICIENTS, MATRICES, PRIMARIES, TRANSFERS, UNSPECIFIED, matrix_of, number_of
from ungrid.signals.video_read import load_av
from ungrid.spec import lookup

MOST_SIDE = 16_384
LONGEST_GIF = 50.0  # frames a second


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg's and how it is called.

    Args:
        pixels: what it is given: FFmpeg's name of a pixel format; with alpha, and of gray, where it has them.
        options: FFmpeg's, as text.
        license: of the encoder's own code.
        least: pixels along the shorter side; for less, the ending's next encoder is called.
    """

    pixels: str
    options: Mapping[str, str] = field(default_factory=dict)
    license: str = ""
    least: int = 1
    alpha: str | None = None
    gray: str | None = None


ENCODERS = {
    # 64: SVT-AV1 4.1 waits for ever on frames of 5 × 300 pixels, and once asked for at least 64
    "libsvtav1": Encoder("yuv420p", {"preset": "8", "crf": "20"}, "BSD-3-Clause-Clear", least=64),
    "libvpx-vp9": Encoder(
        "yuv420p", {"crf": "20", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}, "BSD-3-Clause", alpha="yuva420p"
    ),
    "ffv1": Encoder("bgr0", {}, "LGPL-2.1-or-later", alpha="bgra", gray="gray"),
    "mpeg4": Encoder("yuv420p", {"q:v": "2"}, "LGPL-2.1-or-later"),
    "gif": Encoder("pal8", {}, "LGPL-2.1-or-later"),
    "libx264": Encoder("yuv420p", {"crf": "18"}, "GPL-2.0-or-later"),
    "libx265": Encoder("yuv420p", {"crf": "20", "x265-params": "log-level=error"}, "GPL-2.0-or-later"),
}
# ending → encoders that may write it, the default first
ENDINGS: dict[str, tuple[str, ...]] = {
    ".mp4": ("libsvtav1", "libvpx-vp9", "mpeg4", "libx264", "libx265"),
    ".mkv": ("ffv1", "libsvtav1", "libvpx-vp9", "mpeg4", "libx264", "libx265"),
    ".webm": ("libvpx-vp9", "libsvtav1"),
    ".gif": ("gif",),
}
BY_NAME_ALONE = ("libx264", "libx265")


def available(names: tuple[str, ...] | None = None) -> list[str]:
    """Those encoders of the table that the installed PyAV has, in their order.

    Raises:
        MissingExtra: PyAV is not installed.
    """
    av, found = load_av(), []
    for name in ENCODERS if names is None else names:
        with contextlib.suppress(ValueError):
            av.codec.Codec(name, "w")
            found.append(name)
    return found


def choose_encoder(path: Path, outline: Outline, name: str | None = None) -> str:
    """The encoder that is asked for, or the first for the file's ending that is there and fits the film.

    Raises:
        InputError: an ending or a film that it cannot write, or no encoder.
        UnknownName: no such encoder.
        MissingExtra: PyAV is not installed.
    """
    allowed = ENDINGS.get(path.suffix.lower())
    if allowed is None:
        raise InputError(f"cannot write a film to {path.name}; expected a name ending in {' '.join(ENDINGS)}")
    _, height, width = outline.grid.shape
    if max(height, width) > MOST_SIDE:
        raise InputError(f"frames of {width}×{height} pixels; a film has sides of at most {MOST_SIDE}: make it smaller")
    rate = rate_of(outline)
    if path.suffix.lower() == ".gif" and rate > LONGEST_GIF:
        raise InputError(f"a GIF shows at most {LONGEST_GIF:g} frames a second, and this film has {float(rate):g}: say --fps 25")
    if name is not None:
        lookup(name, ENCODERS, "encoder")
        if name not in allowed:
            raise InputError(f"{path.suffix} is not written by {name}, but by {', '.join(allowed)}")
        if not available((name,)):
            raise InputError(f"the installed PyAV has no encoder {name}; it has {', '.join(available(allowed))}")
        if min(height, width) < ENCODERS[name].least:
            raise InputError(
                f"{name} takes no less than {ENCODERS[name].least} pixels a side, got {width}×{height}; name another"
            )
    there = available(allowed)
    usual = [option for option in there if option not in BY_NAME_ALONE and ENCODERS[option].least <= min(height, width)]
    if name is None and not usual:
        raise InputError(f"the installed PyAV has none of the encoders for {path.suffix}: {', '.join(allowed)}; it has {there}")
    chosen = name or usual[0]
    if "a" in outline.channels and ENCODERS[chosen].alpha is None:
        raise InputError(f"{chosen} in {path.suffix} cannot hold an alpha channel; .mkv and .webm can")
    if outline.channels not in (("gray",), ("r", "g", "b"), ("r", "g", "b", "a")):
        raise InputError(f"a film has the channels r g b, with a or without, or gray; got {' '.join(outline.channels)}")
    if aspect_of(outline) != 1 and path.suffix.lower() != ".mp4":
        raise InputError(f"{path.suffix} keeps no pixels of {aspect_of(outline)} in shape; write .mp4")
    return chosen


def rate_of(outline: Outline) -> Fraction:
    """Frames a second: the source's own fraction where the grid has that rate, else the nearest to the grid's spacing."""
    rate = 1 / outline.grid.spacing[0]
    with contextlib.suppress(ValueError, ZeroDivisionError):
        own = Fraction(str(outline.source.get("frame_rate", "")))
        if abs(float(own) / rate - 1) < 1e-6:
            return own
    return Fraction(rate).limit_denominator(1001)


def aspect_of(outline: Outline) -> Fraction:
    """Width of a pixel over its height: the source's, times the change of the grid's."""
    try:
        own = Fraction(str(outline.source.get("sample_aspect_ratio", "1")))
    except (ValueError, ZeroDivisionError):
        own = Fraction(1)
    if outline.source.get("rotation", 0) % 180:
        own = 1 / own
    _, high, wide = outline.grid.spacing
    return (own * Fraction(wide / high).limit_denominator(4096)).limit_denominator(4096)


class FilmWriter:
    """Takes frames [n, h, w, c] in turn."""

    def __init__(self, path: Path, outline: Outline, encoder: str):
        os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints its settings to standard error otherwise
        self._outline, self._encoder, self._done = outline, encoder, 0
        av, settings = load_av(), ENCODERS[encoder]
        self._av, (_, height, width) = av, outline.grid.shape
        alpha, gray = "a" in outline.channels, outline.channels == ("gray",)
        self._pixels = (settings.alpha if alpha else settings.gray if gray else None) or settings.pixels
        self._matrix = matrix_of(str(outline.source.get("color_matrix", UNSPECIFIED)), width, height)
        if self._matrix not in COEFFICIENTS:
            self._matrix = matrix_of(UNSPECIFIED, width, height)
        self._rate = rate_of(outline)
        self._file = av.open(str(path), "w")
        self._stream = self._file.add_stream(encoder, rate=self._rate, options=dict(settings.options))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, self._pixels
        self._tag()
        for key, value in dict(outline.source.get("metadata", {})).items():
            self._file.metadata[str(key)] = str(value)

    def write_rows(self, values: Tensor) -> None:
        """The next frames [n, h, w, c], in [0, 1]; others are clipped.

        Raises:
            ShapeError: more of them than were announced, or of another shape.
        """
        expected = (*self._outline.grid.shape[1:], len(self._outline.channels))
        if tuple(values.shape[1:]) != expected or self._done + len(values) > self._outline.grid.shape[0]:
            raise ShapeError(f"frames of shape {tuple(values.shape)} do not fit into {self._outline.grid.shape} at {self._done}")
        for picture in values.detach():
            levels = picture.clamp(0, 1).mul(255).round_().byte().cpu().numpy()
            frame = self._frame(np.ascontiguousarray(levels))
            frame.pts, frame.time_base = self._done, 1 / self._rate
            self._file.mux(self._stream.encode(frame))
            self._done += 1

    def check_complete(self) -> None:
        """Raise InputError where frames are missing; else write what the encoder still holds."""
        if self._done != self._outline.grid.shape[0]:
            raise InputError(f"the film has {self._outline.grid.shape[0]} frames, {self._done} were written")
        self._file.mux(self._stream.encode())

    def close(self) -> None:
        """Complete the file."""
        self._file.close()

    def _frame(self, levels: NDArray[np.uint8]) -> Any:
        """[h, w, c] of 0 … 255 as the encoder wants it."""
        from av.video.reformatter import Interpolation

        if self._pixels == "pal8":
            return self._av.VideoFrame.from_ndarray(_palette(levels), format="pal8")
        form = {1: "gray", 3: "rgb24", 4: "rgba"}[levels.shape[-1]]
        frame = self._av.VideoFrame.from_ndarray(levels[..., 0] if form == "gray" else levels, format=form)
        exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
        if not self._pixels.startswith("yuv"):
            return frame.reformat(format=self._pixels)
        return frame.reformat(
            format=self._pixels,
            interpolation=exact,
            src_color_range=2,
            dst_color_range=self._range(),
            dst_colorspace=COEFFICIENTS[self._matrix],
        )

    def _range(self) -> int:
        return 2 if self._outline.source.get("color_range") == "full" else 1

    def _tag(self) -> None:
        """Write the source's color tags and shape of pixels; colors stored as such have no matrix and all levels."""
        context, source, is_rgb = self._stream.codec_context, self._outline.source, not self._pixels.startswith("yuv")
        context.color_primaries = number_of(source.get("color_primaries"), PRIMARIES)
        context.color_trc = number_of(source.get("color_transfer"), TRANSFERS)
        tagged = number_of(source.get("color_matrix"), MATRICES)
        context.colorspace = 0 if is_rgb else tagged if MATRICES[tagged] in (*COEFFICIENTS, UNSPECIFIED) else 2
        unknown = source.get("color_range", UNSPECIFIED) == UNSPECIFIED
        context.color_range = 2 if is_rgb else 0 if unknown else self._range()
        context.sample_aspect_ratio = aspect_of(self._outline)


def _palette(levels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Indices [h, w] and 256 colors [256, 4] (alpha, red, green, blue) of a frame, dithered."""
    from PIL import Image

    picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).convert("RGB")
    picture = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).convert("RGB").quantize(palette=picture)
    colors = np.zeros((256, 4), np.uint8)
    own = np.array(picture.getpalette(), np.uint8).reshape(-1, 3)
    colors[: len(own), 1:], colors[:, 0] = own, 255
    return np.asarray(picture).copy(), colors


@contextlib.contextmanager
def open_film_writer(path: Path, outline: Outline, *, encoder: str | None = None) -> Iterator[FilmWriter]:
    """Begin a film; it appears under its name, complete, when the block ends without an error.

    Args:
        path: of the file: .mp4 .mkv .webm .gif.
        outline: grid, channels and what the source knew, as far as the format holds it.
        encoder: a name in `ENCODERS`, or None for the ending's own.

    Raises:
        InputError: a film that the format or encoder cannot hold.
        MissingExtra: PyAV is not installed.
        MachineError: not writable, disk full.
    """
    chosen = choose_encoder(path, outline, encoder)
    av = load_av()
    with write_beside(path) as temporary:
        try:
            writer = FilmWriter(temporary, outline, chosen)
        except av.FFmpegError as error:
            if isinstance(error, FileNotFoundError | PermissionError):
                raise
            _, height, width = outline.grid.shape
            raise InputError(
                f"{chosen} cannot write frames of {width}×{height} pixels ({error.strerror}); choose others"
            ) from None
        try:
            yield writer
            writer.check_complete()
        finally:
            writer.close()
