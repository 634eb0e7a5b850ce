"""What makes the bytes of each format from a picture's samples: streams for PNG, TIFF and .npy, whole pictures for the rest."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from ungrid.errors import InputError, MissingExtra
from ungrid.signals.image_exif import PREFIX
from ungrid.signals.image_exr import ExrSink
from ungrid.signals.image_png import PngSink
from ungrid.signals.image_raster import Samples
from ungrid.signals.image_tiff_write import TiffSink

QUALITY = 95  # of JPEG, WebP and AVIF, on their encoders' scale to 100


@dataclass(frozen=True)
class Plan:
    """What a file shall hold.

    Args:
        shape: (H, W, c).
        channels: their names.
        bit_depth: of a sample.
        is_float: whether samples are floating point.
        transfer: "srgb" or "linear", of the samples as they come.
        associated: whether colors come multiplied by alpha.
        icc_profile, exif, xmp, comment, png: bytes that fit the picture, or None; `png` whole chunks.
        dpi: pixels per inch along x and y, or None.
        chromaticities: of EXR's primaries, or None.
        signed: bits of signed integers in which values are kept as measured, or None.
        exr: what an EXR header said beside all this.
        extension: of the file, with its point.
    """

    shape: tuple[int, int, int]
    channels: tuple[str, ...]
    bit_depth: int
    is_float: bool
    transfer: str = "srgb"
    associated: bool = False
    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    comment: bytes | None = None
    png: bytes | None = None
    dpi: tuple[float, float] | None = None
    chromaticities: Sequence[float] | None = None
    signed: int | None = None
    exr: Mapping[str, Any] = field(default_factory=dict)
    extension: str = ""


class PillowSink:
    """Gathers rows, and lets Pillow encode the whole picture when the last has come.

    Args:
        file: open for writing.
        plan: what the file shall hold; 8 bits, or 16 for JPEG 2000.
        encoder: Pillow's name of the format.
        options: of Pillow's encoder.
    """

    def __init__(self, file: BinaryIO, plan: Plan, encoder: str, options: dict[str, Any]):
        self._file, self._plan, self._encoder, self._options, self._done = file, plan, encoder, options, 0
        self._samples = np.empty(plan.shape, np.uint16 if plan.bit_depth == 16 else np.uint8)

    def rows(self, samples: Samples) -> None:
        """The next rows [r, W, c]."""
        self._samples[self._done : self._done + len(samples)] = samples
        self._done += len(samples)

    def close(self) -> None:
        """After the last row."""
        if self._plan.bit_depth == 16:
            self._file.write(_encode_deep(self._samples))
            return
        encoded = io.BytesIO()
        try:
            picture = Image.fromarray(self._samples[..., 0] if self._plan.shape[2] == 1 else self._samples)
            picture.save(encoded, self._encoder, **self._options)
        except (OSError, ValueError) as error:
            height, width, _ = self._plan.shape
            raise InputError(
                f"a picture of {width}×{height} cannot be encoded as {self._plan.extension}: {error}; try .png or .tif"
            ) from None
        self._file.write(encoded.getbuffer())


class NpySink:
    """Writes an .npy file of float32 [H, W, c] as rows come."""

    def __init__(self, file: BinaryIO, plan: Plan):
        self._file = file
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": plan.shape})

    def rows(self, samples: Samples) -> None:
        """The next rows [r, W, c]."""
        self._file.write(np.ascontiguousarray(samples, dtype="<f4").data)

    def close(self) -> None:
        """After the last row: nothing is left to write."""


def _encode_deep(samples: Samples) -> bytes:
    """Lossless JPEG 2000 of 16 bits, which Pillow would cut to 8."""
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtra("imagecodecs", "image", "writing JPEG 2000 of 16 bits") from None
    squeezed = samples[..., 0] if samples.shape[-1] == 1 else samples
    return bytes(imagecodecs.jpeg2k_encode(squeezed, level=0, codecformat="jp2", reversible=True))


def _png(file: BinaryIO, plan: Plan) -> PngSink:
    kept = {"icc_profile": plan.icc_profile, "dpi": plan.dpi, "exif": plan.exif, "chunks": plan.png, "xmp": plan.xmp}
    return PngSink(file, plan.shape, bit_depth=plan.bit_depth, **kept)  # type: ignore[arg-type]


def _tiff(file: BinaryIO, plan: Plan) -> TiffSink:
    return TiffSink(
        file,
        plan.shape,
        np.dtype(f"int{plan.signed}" if plan.signed else "float32" if plan.is_float else f"uint{plan.bit_depth}"),
        channels=plan.channels,
        associated=plan.associated,
        transfer=plan.transfer,
        dpi=plan.dpi,
        blobs={name: blob for name in ("icc_profile", "exif", "xmp") if (blob := getattr(plan, name))},
    )


def _exr(file: BinaryIO, plan: Plan) -> ExrSink:
    return ExrSink(
        file,
        plan.shape,
        bit_depth=plan.bit_depth,
        channels=plan.channels,
        dpi=plan.dpi,
        chromaticities=plan.chromaticities,
        known=plan.exr,
    )


def _jpeg(file: BinaryIO, plan: Plan) -> PillowSink:
    return PillowSink(
        file, plan, "JPEG", {"quality": QUALITY, "subsampling": "4:4:4", "comment": plan.comment or b"", **_metadata(plan)}
    )


def _webp(file: BinaryIO, plan: Plan) -> PillowSink:
    # exact: colors under transparent pixels are part of the signal
    return PillowSink(file, plan, "WEBP", {"quality": QUALITY, "exact": True, **_metadata(plan)})


def _avif(file: BinaryIO, plan: Plan) -> PillowSink:
    return PillowSink(file, plan, "AVIF", {"quality": QUALITY, "subsampling": "4:4:4", **_metadata(plan)})


def _plain(encoder: str) -> Callable[[BinaryIO, Plan], PillowSink]:
    return lambda file, plan: PillowSink(file, plan, encoder, {})


def _jpeg_2000(file: BinaryIO, plan: Plan) -> PillowSink:
    return PillowSink(file, plan, "JPEG2000", {"no_jp2": False, "irreversible": False})


def _metadata(plan: Plan) -> dict[str, Any]:
    exif = PREFIX + plan.exif if plan.exif else None
    found = {"icc_profile": plan.icc_profile, "dpi": plan.dpi, "exif": exif, "xmp": plan.xmp}
    return {key: value for key, value in found.items() if value}


SINKS: dict[str, Callable[[BinaryIO, Plan], Any]] = {
    "PNG": _png,
    "TIFF": _tiff,
    "EXR": _exr,
    "NPY": NpySink,
    "JPEG": _jpeg,
    "WebP": _webp,
    "AVIF": _avif,
    "JPEG 2000": _jpeg_2000,
    "BMP": _plain("BMP"),
    "PNM": _plain("PPM"),
}
