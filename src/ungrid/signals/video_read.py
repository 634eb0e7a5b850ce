"""Films in MP4, MOV, Matroska, WebM and AVI, through PyAV (FFmpeg): what the file knew, and its frames as colors."""

import contextlib
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.video_color import COEFFICIENTS, MATRICES, PRIMARIES, RANGES, TRANSFERS, matrix_of, name_of
from ungrid.signals.video_film import Film, Picture

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

EXTRA, PURPOSE = "video", "reading and writing films"
MOST_PIXELS = 2**28  # of a frame
STILLS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis", b"jp2 ", b"jpx ", b"crx ")
ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip")  # that a QuickTime film of old may begin with
CHANNELS = {"gray": ("gray",), "rgb2": ("r", "g", "b"), "rgb4": ("r", "g", "b"), "rgba": ("r", "g", "b", "a")}
QUARTERS = {90: 1, 180: 2, -180: 2, -90: 3, 270: 3}


def container_of(start: bytes) -> str | None:
    """FFmpeg's name of the container that begins so, or None: a file is only ever opened as what it is, never guessed at."""
    if (start[4:8] == b"ftyp" and start[8:12] not in STILLS) or start[4:8] in ATOMS:
        return "mov"
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    return "avi" if start[:4] == b"RIFF" and start[8:12] == b"AVI " else None


def open_film(path: Path, container: str) -> Film:
    """A film whose frames are decoded as they are asked for; its header and its frames' times are read at once.

    Raises:
        UnreadableInput: no film, cut off or damaged.
        InputError: sound alone, or colors that are not known how to read.
        MissingExtra: PyAV is not installed.
    """
    with _opened(path, container) as (file, stream):
        times, tick, duration = _times(file, stream, path.name)
    with _opened(path, container) as (file, stream):
        frame = next(_decoded(file, stream, path.name), None)
        if frame is None:
            raise UnreadableInput(f"{path.name} has no frame that can be decoded; copy or export it again")
        layout = _layout(frame, path.name)
        source = _described(file, stream, frame, layout) | {"duration_seconds": round(duration, 6)}
        declared = stream.average_rate or stream.guessed_rate
        turns = QUARTERS.get(frame.rotation, 0)
    size = (frame.height, frame.width) if turns % 2 == 0 else (frame.width, frame.height)

    def frames() -> Iterator[Picture]:
        with _opened(path, container) as (file, stream):
            for frame in _decoded(file, stream, path.name):
                yield np.rot90(_colors(frame, layout), turns)

    return Film(
        path.name, size, layout.channels, times, duration, tick, Fraction(declared) if declared else None, layout.white, frames,
        source, {},
    )  # fmt: skip


class Layout(NamedTuple):
    """What a frame is converted to."""

    format: str
    channels: tuple[str, ...]
    white: float
    depth: int
    matrix: str


@contextlib.contextmanager
def _opened(path: Path, container: str) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """The file and its first stream of pictures. FFmpeg's own errors become ours."""
    av = load_av()
    try:
        # the container is said and not guessed: playlists, which could open other files, are never looked for
        with av.open(str(path), format=container, options={"protocol_whitelist": "file"}) as file:
            stream = _film_of(file, path.name)
            stream.thread_type = "AUTO"
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
            yield file, stream
    except av.FFmpegError as error:
        said = str(error.strerror or error).split(":")[0].strip()
        raise UnreadableInput(
            f"{path.name} cannot be read as a film ({said}): it is cut off or damaged, or of a kind that this FFmpeg lacks; copy "
            f"or export it again"
        ) from None


def _film_of(file: "InputContainer", name: str) -> "VideoStream":
    from av.stream import Disposition

    for stream in file.streams.video:
        if not stream.disposition & (Disposition.attached_pic | Disposition.still_image):
            if stream.codec_context is None:
                raise UnreadableInput(f"{name} holds a film of a codec that this FFmpeg does not know; convert it")
            width, height = stream.codec_context.width, stream.codec_context.height
            if not 0 < width * height <= MOST_PIXELS:
                raise InputError(f"{name} announces frames of {width}×{height} pixels; expected 1 to 2^28 pixels")
            return stream
    what = "only sound" if file.streams.audio else "neither pictures nor sound"
    raise UnreadableInput(
        f"{name} holds {what}; expected a film" + (", or read it with --as audio" if what == "only sound" else "")
    )


def _times(file: "InputContainer", stream: "VideoStream", name: str) -> tuple[list[float], float, float]:
    """When frames begin, in seconds from the first; the clock's tick; when the last one ends. Nothing is decoded."""
    base, packets, n_found = stream.time_base or Fraction(1, 1000), [], 0
    for packet in file.demux(stream):
        n_found += packet.size > 0
        if packet.size and not packet.is_discard:  # an edit list may leave some out
            stamp = packet.pts if packet.pts is not None else packet.dts
            packets.append((stamp, packet.duration or 0))
    if stream.frames > n_found:
        raise UnreadableInput(f"{name} is cut off: it announces {stream.frames} frames and has {n_found}; copy it again")
    if not packets:
        raise UnreadableInput(f"{name} has no frames; expected at least one: export it again")
    beat = 1 / (base * (stream.average_rate or stream.guessed_rate or 25))  # of frames, in ticks
    # a raw stream in AVI has no times but its rate
    stamps = sorted((round(i * beat) if stamp is None else stamp, length) for i, (stamp, length) in enumerate(packets))
    times = [float((stamp - stamps[0][0]) * base) for stamp, _ in stamps]
    duration, announced = times[-1] + float(base * (stamps[-1][1] or beat)), _announced(stream)
    if announced - duration > max(1.0, 0.02 * announced):
        raise UnreadableInput(f"{name} is cut off: it announces {announced:.6g} s and has {duration:.6g} s; copy it again")
    return times, float(base), duration


def _announced(stream: "VideoStream") -> float:
    """Seconds that a Matroska film says its pictures last, 0 where it does not."""
    match = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return float(match[1]) * 3600 + float(match[2]) * 60 + float(match[3]) if match else 0.0


def _decoded(file: "InputContainer", stream: "VideoStream", name: str) -> Iterator[Any]:
    for index, frame in enumerate(file.decode(stream)):
        if frame.is_corrupt:
            raise UnreadableInput(f"frame {index} of {name} is damaged; copy the file again, or read the part before it")
        yield frame


def _layout(frame: Any, name: str) -> Layout:
    """Eight bits where the film has eight, sixteen where it has more; gray and alpha where it has them."""
    components = frame.format.components
    depth = max(component.bits for component in components)
    deep, alpha = depth > 8, any(component.is_alpha for component in components)
    if any(component.is_luma for component in components) and len(components) - alpha == 1 and not alpha:
        chosen = "gray16le" if deep else "gray"
    elif alpha:
        chosen = "rgba64le" if deep else "rgba"
    else:
        chosen = "rgb48le" if deep else "rgb24"
    tagged = name_of(frame.colorspace, MATRICES)
    matrix = matrix_of(tagged, frame.width, frame.height)
    if matrix not in COEFFICIENTS and not frame.format.is_rgb:
        raise InputError(f"the colors of {name} are coded by the matrix {matrix!r}, which cannot be undone; convert it to bt709")
    return Layout(chosen, CHANNELS[chosen[:4]], 65535.0 if deep else 255.0, depth, matrix)


def _colors(frame: Any, layout: Layout) -> Picture:
    """[h, w, c] as stored: colors by the film's matrix and range, chroma interpolated."""
    from av.video.reformatter import Interpolation

    exact = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
    array = frame.to_ndarray(
        format=layout.format,
        interpolation=exact,
        src_colorspace=COEFFICIENTS.get(layout.matrix),
        src_color_range=frame.color_range or (2 if frame.format.is_rgb else 1),
        dst_color_range=2,
    )
    picture: Picture = array[..., None] if array.ndim == 2 else array
    return picture


def _described(file: "InputContainer", stream: "VideoStream", frame: Any, layout: Layout) -> dict[str, Any]:
    """What the file says of itself, as plain values."""
    context, aspect = stream.codec_context, stream.sample_aspect_ratio
    names = {"mov": "MP4", "matroska": "MKV", "avi": "AVI"}
    ours = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")
    known: dict[str, Any] = {
        "format": next((name for key, name in names.items() if key in file.format.name), file.format.name),
        "codec": context.codec.canonical_name,
        "pixel_format": frame.format.name,
        "bit_depth": layout.depth,
        "sample_format": "uint",
        "width": frame.width,
        "height": frame.height,
        "frame_rate": str(stream.average_rate or ""),
        "time_base": str(stream.time_base),
        "start_seconds": float((stream.start_time or 0) * (stream.time_base or 0)),
        "transfer": "srgb",
        "color_range": name_of(frame.color_range, RANGES),
        "color_primaries": name_of(frame.color_primaries, PRIMARIES),
        "color_transfer": name_of(frame.color_trc, TRANSFERS),
        "color_matrix": name_of(frame.colorspace, MATRICES),
        "sample_aspect_ratio": str(aspect) if aspect else "1",
        "rotation": int(frame.rotation),
        "interlaced": bool(frame.interlaced_frame),
        "metadata": {key.lower(): value for key, value in file.metadata.items() if key.lower() not in ours},  # Matroska shouts,
    }
    if file.streams.audio:
        known["audio"] = [
            {"codec": track.codec_context.name, "rate": track.rate, "channels": track.channels} for track in file.streams.audio
        ]
    return known


def load_av() -> Any:
    """PyAV.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import av
    except ImportError:
        raise MissingExtra("av", EXTRA, PURPOSE) from None
    return av
