"""Two pictures against each other: numbers, and one picture that shows where and at which frequencies they differ."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ungrid.errors import InputError
from ungrid.metrics.image import picture_metrics
from ungrid.metrics.spectrum import error_by_band
from ungrid.render.sound_picture import draw_sound_comparison
from ungrid.signals.base import Signal, color_channels
from ungrid.signals.color import linear_to_srgb, srgb_to_linear

AMPLIFY = 10.0
GAP, CAPTION = 8, 22  # pixels between panels, and of the text above them
LEAST_PANEL, MOST_PANEL = 256, 1024  # pixels: small pictures are shown enlarged, large ones reduced


def compare_pictures(result: Signal, reference: Signal) -> dict[str, Any]:
    """Measures of one picture against another of the same size; alpha is left out.

    Returns:
        psnr, ssim, ms_ssim, max_abs_error (None where a picture is too small for the measure), and `bands`: error and
        signal energy by octave of spatial frequency.

    Raises:
        InputError: pictures of different sizes or channels.
    """
    check_alike(result, reference)
    result = in_the_light_of(result, reference)
    clip = reference.value_range is not None
    measures = picture_metrics(result.values, reference.values, reference.channels, clip=clip)
    color = color_channels(reference.channels)
    bands = error_by_band(result.values[..., color], reference.values[..., color])
    return measures | {
        "shape": [*reference.grid.shape, reference.out_dim],
        "bands": [
            {
                "low": band.low,
                "high": min(band.high, 1.0),
                "error_energy": band.error_energy,
                "reference_energy": band.reference_energy,
                "relative_error": band.relative_error if band.reference_energy > 0 else None,
            }
            for band in bands
        ],
    }


def check_alike(result: Signal, reference: Signal) -> None:
    """Raise InputError unless both have the same grid shape and channels."""
    if result.grid.shape != reference.grid.shape or result.channels != reference.channels:
        shapes = ["×".join(str(n) for n in reversed(s.grid.shape)) for s in (result, reference)]
        sizes = [f"{shape} with channels {' '.join(s.channels)}" for shape, s in zip(shapes, (result, reference), strict=True)]
        raise InputError(f"cannot compare {sizes[0]} with {sizes[1]}; expected the same size and channels")


def in_the_light_of(result: Signal, reference: Signal) -> Signal:
    """The result with its colors encoded as the reference's are: by the sRGB curve, or linear."""
    if result.is_linear == reference.is_linear:
        return result
    values = result.values.clone()
    color = color_channels(result.channels)
    values[..., color] = (srgb_to_linear if reference.is_linear else linear_to_srgb)(values[..., color])
    return result.with_values(values)


def draw_comparison(result: Signal, reference: Signal, path: Path) -> None:
    """One picture of four panels: original, result, error × 10 around mid-gray, and the spectrum of the error over that of
    the original (black: none, white: as strong as the signal).

    Raises:
        InputError: pictures of different sizes or channels.
        MachineError: not writable, disk full.
    """
    from PIL import Image

    from ungrid.files import write_beside

    check_alike(result, reference)
    result = in_the_light_of(result, reference)
    panels = [
        ("original", _shown(reference.values, reference)),
        ("result", _shown(result.values, reference)),
        (f"error x {AMPLIFY:g}", (0.5 + AMPLIFY * _color(result.values - reference.values, reference)).clamp(0, 1)),
        ("error spectrum / original's", _spectrum_ratio(result, reference)),
    ]
    sheet = Image.fromarray((_compose(panels).clamp(0, 1) * 255).round().byte().numpy())
    with write_beside(path) as temporary:
        try:
            sheet.save(temporary)
        except (ValueError, KeyError) as error:
            raise InputError(f"cannot write the comparison as {path.name} ({error}); expected a .png or .jpg name") from None


def labeled_row(panels: list[tuple[str, Tensor]]) -> Tensor:
    """Pictures [h, w, 3] of equal height side by side, each under its caption, as one picture [H, W, 3]."""
    columns = []
    for caption, picture in panels:
        columns += [torch.cat([_caption(caption, picture.shape[1]), picture]), torch.ones(picture.shape[0] + CAPTION, GAP, 3)]
    return torch.cat(columns[:-1], dim=1)


def _compose(panels: list[tuple[str, Tensor]]) -> Tensor:
    fitted = [(caption, _resized(picture)) for caption, picture in panels]
    rows = [labeled_row(fitted[:2]), labeled_row(fitted[2:])]
    return torch.cat([rows[0], torch.ones(GAP, rows[0].shape[1], 3), rows[1]])


def _caption(text: str, width: int) -> Tensor:
    """Black text on white [CAPTION, width, 3]."""
    import numpy as np
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (width, CAPTION), "white")
    ImageDraw.Draw(strip).text((3, 4), text, fill="black", font_size=13)
    return torch.from_numpy(np.asarray(strip).copy()).float() / 255


def _resized(picture: Tensor) -> Tensor:
    """Enlarged by whole factors to 256 pixels, or reduced by them to 1,024, on the longer side."""
    longest = max(picture.shape[:2])
    if longest > MOST_PANEL:
        factor = -(-longest // MOST_PANEL)
        nchw = picture.permute(2, 0, 1)[None]
        return torch.nn.functional.avg_pool2d(nchw, factor, ceil_mode=True)[0].permute(1, 2, 0)
    factor = max(1, -(-LEAST_PANEL // longest))
    return picture.repeat_interleave(factor, dim=0).repeat_interleave(factor, dim=1)


def _shown(values: Tensor, signal: Signal) -> Tensor:
    """As colors to look at [h, w, 3]: linear values get the sRGB curve, over 1 is white."""
    color = _color(values, signal).clamp(0, 1)
    return linear_to_srgb(color) if signal.is_linear else color


def _color(values: Tensor, signal: Signal) -> Tensor:
    color = values[..., color_channels(signal.channels)]
    return color[..., :3] if color.shape[-1] >= 3 else color[..., :1].expand(*color.shape[:-1], 3)


def _spectrum_ratio(result: Signal, reference: Signal) -> Tensor:
    """|error| / |original| at each frequency, zero frequency in the middle, four decades from black to white [h, w, 3]."""
    color = color_channels(reference.channels)
    error = (result.values - reference.values)[..., color].mean(dim=-1)
    truth = reference.values[..., color].mean(dim=-1)
    powers = [torch.fft.fftshift(torch.fft.fft2(picture).abs().square()) for picture in (error, truth)]
    smooth = [_blur(power) for power in powers]
    decades = 0.5 * torch.log10((smooth[0] + 1e-20) / (smooth[1] + 1e-20))
    return (1 + decades / 2).clamp(0, 1)[..., None].expand(*decades.shape, 3)


def _blur(power: Tensor) -> Tensor:
    """Local mean over 5 × 5 frequencies: a ratio of single coefficients is noise."""
    return torch.nn.functional.avg_pool2d(power[None, None], 5, stride=1, padding=2, count_include_pad=False)[0, 0]


# kind → one picture of two signals of it
COMPARISONS: dict[str, Callable[[Signal, Signal, Path], None]] = {"image": draw_comparison, "audio": draw_sound_comparison}
