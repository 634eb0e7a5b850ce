"""Writing pictures: by extension, row by row, in the depth and with the metadata of the source where the format can hold them.

| extension | bits (default: the source's) | channels | keeps |
|---|---|---|---|
| .png | 8, 16 | gray, gray + alpha, RGB, RGBA | profile, dpi, EXIF, XMP; of a PNG its texts, date and colors |
| .tif .tiff | 8, 16, 32 (float); 8, 16 signed of such a source | any | profile, dpi, EXIF, XMP |
| .exr | 16 (half), 32 (float) | any, by name | dpi, primaries; of an EXR its windows and attributes |
| .npy | 32 (float) | any | – |
| .jp2 | 8, 16, lossless | gray, gray + alpha, RGB, RGBA | – |
| .jpg .jpeg | 8, quality 95, 4:4:4 | gray, RGB | profile, dpi, EXIF, XMP, comment |
| .webp .avif | 8, quality 95; gray is stored as equal R, G, B | gray, gray + alpha, RGB, RGBA | profile, EXIF, XMP |
| .bmp .ppm .pgm | 8 | gray (not .ppm), RGB (not .pgm) | – |

PNG, TIFF and .npy are streamed; the others gather the whole picture first. A source of more bits than the extension
allows is rounded to what it allows, since the extension was chosen; `PictureWriter.bit_depth` tells. Integer formats hold
sRGB-encoded values clipped to [0, 1] and rounded to the nearest; EXR holds linear light; float TIFF and .npy hold values as
they are.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ungrid.errors import InputError, ShapeError, nearest
from ungrid.files import write_beside
from ungrid.signals.color import linear_to_srgb, srgb_to_linear
from ungrid.signals.image_exif import upright, upright_xmp, without_prefix
from ungrid.signals.image_raster import Samples
from ungrid.signals.image_sinks import SINKS, Plan

_COLORS = (("gray",), ("gray", "a"), ("r", "g", "b"), ("r", "g", "b", "a"))


@dataclass(frozen=True)
class Format:
    """What a format can hold: its sink, bit depths, the least depth that is float, channels (None: any), longest side."""

    sink: str
    depths: tuple[int, ...] = (8,)
    float_from: int = 64
    channels: tuple[tuple[str, ...], ...] | None = _COLORS
    max_side: int = 2**31 - 1


_TIFF = Format("TIFF", (8, 16, 32), 32, None)
_JPEG = Format("JPEG", channels=(("gray",), ("r", "g", "b")), max_side=65_500)
FORMATS: dict[str, Format] = {
    ".png": Format("PNG", (8, 16)),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".exr": Format("EXR", (16, 32), 16, None, 2**27),
    ".npy": Format("NPY", (32,), 32, None),
    ".jp2": Format("JPEG 2000", (8, 16)),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": Format("WebP", max_side=16_383),
    ".avif": Format("AVIF", max_side=65_535),
    ".bmp": Format("BMP", channels=(("gray",), ("r", "g", "b")), max_side=2**15),
    ".ppm": Format("PNM", channels=(("r", "g", "b"),)),
    ".pgm": Format("PNM", channels=(("gray",),)),
}


STREAMED = frozenset({"PNG", "TIFF", "NPY"})


class PictureWriter:
    """Takes a picture's values band by band; `bit_depth` is what the file will have."""

    def __init__(self, sink: "_Sink", plan: Plan, convert: "_Conversion"):
        self._sink, self._plan, self._convert = sink, plan, convert
        self.bit_depth = plan.bit_depth
        self.rows_done = 0

    def write_rows(self, values: Tensor) -> None:
        """The next r rows of values [r, W, c], floating point, on any device.

        Raises:
            ShapeError: not floating point of that shape, or more rows than were announced.
            InputError: NaN among the values.
        """
        height, width, n_channels = self._plan.shape
        if values.ndim != 3 or tuple(values.shape[1:]) != (width, n_channels) or not values.is_floating_point():
            raise ShapeError(
                f"rows of this picture are floating-point values [r, {width}, {n_channels}]; "
                f"got {values.dtype} of shape {tuple(values.shape)}"
            )
        if self.rows_done + values.shape[0] > height:
            raise ShapeError(f"row {self.rows_done + values.shape[0]} of a picture of {height} rows")
        if values.shape[0]:
            self._sink.rows(self._convert(values.detach().cpu().float(), first_row=self.rows_done))
            self.rows_done += values.shape[0]

    def finish(self) -> None:
        """Complete the file.

        Raises:
            InputError: rows are missing.
        """
        if self.rows_done != self._plan.shape[0]:
            raise InputError(f"the picture has {self._plan.shape[0]} rows but only {self.rows_done} were written")
        self._sink.close()


@contextlib.contextmanager
def open_picture_writer(
    path: str | Path,
    *,
    shape: tuple[int, int],
    channels: tuple[str, ...],
    source: Mapping[str, Any] | None = None,
    blobs: Mapping[str, bytes] | None = None,
    bit_depth: int | None = None,
) -> Iterator[PictureWriter]:
    """Open a picture file for writing by rows; it appears under its name, complete, when the block ends without an error.

    Args:
        path: its extension says the format.
        shape: (H, W) in pixels.
        channels: name of each channel, as in a signal.
        source: what the values' source knew: bit depth, sample format, transfer, dpi, kind of alpha.
        blobs: see `Raster`; EXIF and XMP are written as upright, since the values are.
        bit_depth: of the file; None for the source's, or 8 where it knew none.

    Raises:
        InputError: an unknown extension, or a depth, channels or size that the format cannot hold.
        MissingExtra: a format whose package is not installed.
        MachineError: not writable, disk full.
    """
    path = Path(path)
    source, blobs = source or {}, blobs or {}
    format = _format_of(path)
    _check_channels(path, format, channels)
    _check_sides(path, format, shape)
    signed = _signed(format, source, bit_depth)
    depth = signed or _depth(path, format, source, bit_depth)
    is_float = depth >= format.float_from
    transfer = str(source.get("transfer", "srgb"))
    associated = source.get("alpha") == "associated"
    keeps = format.sink == "NPY" or (format.sink == "TIFF" and (is_float or signed is not None))
    convert = _Conversion(
        channels,
        from_transfer=transfer,
        to_transfer=transfer if keeps else "linear" if format.sink == "EXR" else "srgb",
        divide=associated and format.sink not in ("TIFF", "EXR", "NPY"),
        multiply=not associated and format.sink == "EXR",
        peak=None if is_float else 2**depth - 1,
        signed=signed,
    )
    plan = Plan(
        (*shape, len(channels)),
        channels,
        depth,
        is_float,
        transfer=convert.to_transfer,
        associated=associated,
        icc_profile=_fitting_profile(blobs.get("icc_profile"), channels, bent=convert.from_transfer != convert.to_transfer),
        exif=upright(without_prefix(blobs.get("exif", b""))) or None,
        xmp=upright_xmp(blobs.get("xmp", b"")) or None,
        comment=blobs.get("comment"),
        png=blobs.get("png"),
        dpi=_positive_pair(source.get("dpi")),
        chromaticities=source.get("chromaticities"),
        signed=signed,
        exr=source.get("exr", {}),
        extension=path.suffix.lower(),
    )
    with write_beside(path) as temporary, open(temporary, "w+b") as file:
        writer = PictureWriter(SINKS[format.sink](file, plan), plan, convert)
        yield writer
        writer.finish()


def holds_whole(path: str | Path) -> bool:
    """Whether the format of this file name is written from the whole picture, not as rows come."""
    return _format_of(Path(path)).sink not in STREAMED


class _Sink(Protocol):
    """Where samples go."""

    def rows(self, samples: Samples, /) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class _Conversion:
    """From a signal's values to a format's samples: alpha divided out or multiplied in, the tone curve, rounding."""

    channels: tuple[str, ...]
    from_transfer: str
    to_transfer: str
    divide: bool
    multiply: bool
    peak: int | None
    signed: int | None = None

    def __call__(self, values: Tensor, *, first_row: int) -> Samples:
        alpha = self.channels.index("a") if "a" in self.channels else None
        if self.divide and alpha is not None:
            coverage = values[..., alpha : alpha + 1]
            values = self._on_colors(
                values, torch.where(coverage > 0, values / coverage.clamp_min(1e-12), torch.zeros_like(values))
            )
        if self.from_transfer != self.to_transfer:
            values = self._on_colors(values, (linear_to_srgb if self.to_transfer == "srgb" else srgb_to_linear)(values))
        if self.multiply and alpha is not None:
            values = self._on_colors(values, values * values[..., alpha : alpha + 1])
        if self.peak is None and self.signed is None:
            return values.numpy()
        if bool(values.isnan().any()):
            row = first_row + int(values.isnan().any(dim=-1).any(dim=-1).int().argmax())
            raise InputError(f"row {row} of the picture holds NaN, which no integer format can; the field or array is damaged")
        if self.signed is not None:
            limits = np.iinfo(f"int{self.signed}")
            whole: Samples = np.rint(values.clamp(limits.min, limits.max).numpy()).astype(limits.dtype)
            return whole
        assert self.peak is not None
        samples = np.rint(values.clamp(0, 1).numpy() * np.float32(self.peak))
        return samples.astype(np.uint8 if self.peak == 255 else np.uint16)

    def _on_colors(self, values: Tensor, changed: Tensor) -> Tensor:
        """`changed`, but alpha as it was: alpha is a coverage."""
        is_alpha = torch.tensor([name == "a" for name in self.channels])
        return torch.where(is_alpha, values, changed)


def _format_of(path: Path) -> Format:
    extension = path.suffix.lower()
    if extension not in FORMATS:
        what = f"the extension {path.suffix!r}" if extension else "no extension"
        raise InputError(f"cannot write {path.name}: {what}; known are {' '.join(FORMATS)}{nearest(extension, FORMATS)}")
    return FORMATS[extension]


def _check_channels(path: Path, format: Format, channels: tuple[str, ...]) -> None:
    if not channels or (format.channels is not None and channels not in format.channels):
        able = [extension for extension, other in FORMATS.items() if other.channels is None or channels in other.channels]
        what = "an alpha channel" if "a" in channels and channels in _COLORS else f"channels {' '.join(channels)}"
        raise InputError(f"{path.suffix} cannot hold {what}; these can: {' '.join(able)}")


def _check_sides(path: Path, format: Format, shape: tuple[int, int]) -> None:
    if min(shape) < 1:
        raise InputError(f"a picture has at least one row and column; got {shape}")
    if max(shape) > format.max_side:
        raise InputError(
            f"{path.suffix} holds sides of at most {format.max_side} pixels; got {shape[1]}×{shape[0]}; use .png or .tif"
        )


def _depth(path: Path, format: Format, source: Mapping[str, Any], bit_depth: int | None) -> int:
    """Bits of a sample in the file: as asked, or the source's, or the nearest that the format has."""
    if bit_depth is not None:
        if bit_depth not in format.depths:
            able = [extension for extension, other in FORMATS.items() if bit_depth in other.depths]
            hint = f"; {bit_depth} bits fit in {' '.join(able)}" if able else ""
            raise InputError(f"{path.suffix} holds {' or '.join(map(str, format.depths))} bits, not {bit_depth}{hint}")
        return bit_depth
    known = source.get("bit_depth")
    floats = [depth for depth in format.depths if depth >= format.float_from]
    if source.get("sample_format") == "float" and floats:
        return floats[0] if known == 16 and format.sink == "EXR" else floats[-1]
    integers = [depth for depth in format.depths if depth < format.float_from]
    enough = [depth for depth in integers or floats if depth >= (known or 8)]
    return enough[0] if enough else (integers or floats)[-1]


def _signed(format: Format, source: Mapping[str, Any], bit_depth: int | None) -> int | None:
    """Bits of the signed integers in which values are kept as they were measured; None for a file of another kind."""
    known = {"int8": 8, "int16": 16}.get(str(source.get("stored")))
    return known if format.sink == "TIFF" and bit_depth is None else None


def _fitting_profile(icc_profile: bytes | None, channels: tuple[str, ...], *, bent: bool) -> bytes | None:
    """The profile, if it is for as many colors as the picture has and no curve has bent the values since."""
    space = {"gray": b"GRAY", "r": b"RGB "}.get(channels[0])
    return icc_profile if icc_profile and not bent and icc_profile[16:20] == space else None


def _positive_pair(dpi: Any) -> tuple[float, float] | None:
    if not dpi or len(dpi) != 2 or not all(0 < float(value) < 1e9 for value in dpi):
        return None
    return float(dpi[0]), float(dpi[1])
