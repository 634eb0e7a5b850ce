"""How alike two pictures look: structural similarity at one scale and at five, and what reports say of a picture."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.errors import InputError, ShapeError
from ungrid.metrics.error import check_pair, check_peak, max_abs_error, psnr
from ungrid.signals.base import color_channels

WINDOW = 11  # pixels across: 1.5 · 3.5 = 5 on either side of the center
_RADIUS = WINDOW // 2
_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # table I of wang2003multiscale, finest scale first
SMALLEST_MS_SSIM = (WINDOW - 1) * 2 ** (len(_SCALE_WEIGHTS) - 1) + 1  # 161 pixels: 10 at the coarsest scale
_BAND = 1 << 19  # values of a picture worked on at once: keeps what is held below about 100 MB


def ssim(
    result: Float[Tensor, "h w c"], reference: Float[Tensor, "h w c"], *, peak: float = 1.0, mirrored: bool = False
) -> float:
    """Mean structural similarity (wang2004image): the mean over windows and channels of

        (2 μx μy + C₁)(2 σxy + C₂) / ((μx² + μy² + C₁)(σx² + σy² + C₂)),  C₁ = (0.01 peak)², C₂ = (0.03 peak)²,

    with weights in a window Gaussian, σ = 1.5 pixels, 11 × 11. Sees blur and lost texture that PSNR forgives.

    Border: only windows that lie whole inside the picture count, as in the paper. That is scikit-image's
    `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`. With `mirrored`, the picture
    goes on mirrored about its edge pixels and a window sits on every pixel: that is torchmetrics'
    `StructuralSimilarityIndexMeasure`. The two differ in the third or fourth digit.

    Works in bands of rows, so that a picture of any size needs about 100 MB more.

    Args:
        result: what is judged.
        reference: what it should be; the two may be exchanged.
        peak: the range of the values, 1 for pictures.
        mirrored: the border rule.

    Shape: two pictures [h, w, c] of one size, c any number of channels → a number in [-1, 1], 1 for an exact match.

    Raises:
        ShapeError: not two pictures of one size.
        InputError: a side shorter than the window of 11 pixels, no values, or a peak that is not positive.

    Differs from the paper: channels are compared one by one and averaged, where the paper has gray pictures.
    """
    _check_pictures(result, reference, peak, WINDOW, "ssim")
    return _mean_similarity(result, reference, peak, mirrored)[0]


def ms_ssim(result: Float[Tensor, "h w c"], reference: Float[Tensor, "h w c"], *, peak: float = 1.0) -> float:
    """Multi-scale structural similarity (wang2003multiscale): S₅^w₅ · Π C_j^w_j over scales j = 1 … 4.

    C_j is the mean contrast-and-structure term of `ssim` (the second factor of its formula) after halving the picture
    j − 1 times by means of 2 × 2 pixels, S₅ the mean of the whole at the coarsest scale, w the paper's weights.
    Agrees with what people see more closely than `ssim`, whose verdict hangs on the size at which one looks.

    Equals torchmetrics' `MultiScaleStructuralSimilarityIndexMeasure` with its default `normalize="relu"`: a scale whose
    mean is negative counts as 0. Its border rule is ours: contrasts over whole windows, S₅ with mirrored borders.

    Args:
        result: what is judged.
        reference: what it should be; the two may be exchanged.
        peak: the range of the values, 1 for pictures.

    Shape: two pictures [h, w, c] of one size, both sides at least 161 → a number in [0, 1], 1 for an exact match.

    Raises:
        ShapeError: not two pictures of one size.
        InputError: a side shorter than 161 pixels (torchmetrics refuses below 176), no values, or a peak that is not
            positive.

    Differs from the paper: halves by 2 × 2 means instead of a longer low-pass filter, averages each factor over the
        picture and its channels before multiplying, and takes luminance and contrast of the last scale as one mean.
    """
    _check_pictures(result, reference, peak, SMALLEST_MS_SSIM, "ms_ssim")
    product = 1.0
    for weight in _SCALE_WEIGHTS[:-1]:
        contrast = _mean_similarity(result, reference, peak, mirrored=False)[1]
        product *= math.pow(_at_least_zero(contrast), weight)
        result, reference = _halved(result), _halved(reference)
    whole = _mean_similarity(result, reference, peak, mirrored=True)[0]
    return product * math.pow(_at_least_zero(whole), _SCALE_WEIGHTS[-1])


def similarity_maps(
    result: Float[Tensor, "h w c"], reference: Float[Tensor, "h w c"], *, peak: float = 1.0
) -> tuple[Float[Tensor, "h2 w2 c"], Float[Tensor, "h2 w2 c"]]:
    """The two factors of structural similarity in each window: luminance, and contrast with structure.

    Their product is the SSIM map. Differentiable, and held in memory whole: for pictures of the error and for losses.

    Args:
        result: what is judged.
        reference: what it should be.
        peak: the range of the values.

    Shape: two pictures [h, w, c] → two maps [h − 10, w − 10, c], in [0, 1] for values of one sign, and in [-1, 1].

    Raises:
        ShapeError: not two pictures of one size.
        InputError: a side shorter than the window of 11 pixels, no values, or a peak that is not positive.
    """
    _check_pictures(result, reference, peak, WINDOW, "similarity_maps")
    luminance, contrast = _similarity(result.movedim(-1, 0), reference.movedim(-1, 0), peak)
    return luminance.movedim(0, -1), contrast.movedim(0, -1)


def picture_metrics(
    result: Float[Tensor, "h w c"],
    reference: Float[Tensor, "h w c"],
    channels: Sequence[str],
    *,
    peak: float = 1.0,
    clip: bool = True,
) -> dict[str, float | None]:
    """What reports say of a picture: `psnr` (dB), `ssim`, `ms_ssim` and `max_abs_error`, all without alpha.

    A metric that the picture is too small for is None. An exact match has the PSNR `math.inf`.

    Args:
        result: rendered values, not rounded.
        reference: the source's values.
        channels: name of each channel; alpha, named "a", is left out.
        peak: the range of the values, 1 for pictures.
        clip: bring the result into [0, peak] first, as showing it would; False for linear and high-range values.

    Shape: two pictures [h, w, c] of one size → numbers.

    Raises:
        ShapeError: not two pictures of one size, or not one name per channel.
        InputError: no channel besides alpha, no values, or a peak that is not positive.
    """
    _check_pictures(result, reference, peak, 1, "picture_metrics")
    if len(channels) != result.shape[-1]:
        raise ShapeError(f"a picture with {result.shape[-1]} channels was given {len(channels)} names {tuple(channels)}")
    color = color_channels(channels)
    if not color:
        raise InputError("the only channel is alpha, which picture metrics leave out")
    result, reference = result.detach(), reference.detach()
    if len(color) < len(channels):
        result, reference = result[..., color], reference[..., color]
    if clip:
        result = result.clamp(0, peak)
    shorter = min(result.shape[:2])
    return {
        "psnr": psnr(result, reference, peak=peak),
        "ssim": ssim(result, reference, peak=peak) if shorter >= WINDOW else None,
        "ms_ssim": ms_ssim(result, reference, peak=peak) if shorter >= SMALLEST_MS_SSIM else None,
        "max_abs_error": max_abs_error(result, reference),
    }


def _check_pictures(result: Tensor, reference: Tensor, peak: float, smallest: int, name: str) -> None:
    if result.ndim != 3:
        raise ShapeError(f"{name} takes pictures [height, width, channels]; got shape {tuple(result.shape)}")
    check_pair(result, reference)
    check_peak(peak)
    if min(result.shape[:2]) < smallest:
        raise InputError(f"{name} needs at least {smallest} pixels on each side; got {tuple(result.shape[:2])}")


def _at_least_zero(value: float) -> float:
    return 0.0 if value < 0 else value  # not max(): NaN has to stay NaN


@torch.no_grad()
def _mean_similarity(result: Tensor, reference: Tensor, peak: float, mirrored: bool) -> tuple[float, float]:
    """Means of SSIM and of its contrast term over all windows, a band of rows at a time."""
    height, width, n_channels = result.shape
    margin = _RADIUS if mirrored else 0
    n_rows = height + 2 * margin - 2 * _RADIUS
    step = max(1, _BAND // (width * n_channels))
    total = torch.zeros(2, dtype=torch.float64, device=result.device)
    for start in range(0, n_rows, step):
        rows = slice(start - margin, min(start + step, n_rows) - margin + 2 * _RADIUS)
        luminance, contrast = _similarity(_band(result, rows, mirrored), _band(reference, rows, mirrored), peak)
        total += torch.stack([(luminance * contrast).sum(dtype=total.dtype), contrast.sum(dtype=total.dtype)])
    n_windows = n_rows * (width + 2 * margin - 2 * _RADIUS) * n_channels
    whole, contrast_mean = (total / n_windows).tolist()
    return whole, contrast_mean


def _band(picture: Tensor, rows: slice, mirrored: bool) -> Tensor:
    """Rows of a picture [h, w, c] as planes [c, rows, w]; mirrored, rows may lie outside and columns are added."""
    if not mirrored:
        return picture[rows].movedim(-1, 0).contiguous()
    last = picture.shape[0] - 1
    inside = last - (last - torch.arange(rows.start, rows.stop, device=picture.device).abs()).abs()
    return functional.pad(picture[inside].movedim(-1, 0), (_RADIUS, _RADIUS), mode="reflect")


def _similarity(first: Tensor, second: Tensor, peak: float) -> tuple[Tensor, Tensor]:
    """Luminance and contrast [c, h − 10, w − 10] of planes [c, h, w].

    Written in s = x + y and d = x − y, where 2σxy = (σs² − σd²)/2 and σx² + σy² = (σs² + σd²)/2: the rounding of the
    large σs² then cancels between numerator and denominator, and float32 is enough.
    """
    dtype = torch.promote_types(torch.promote_types(first.dtype, second.dtype), torch.float32)
    first, second = first.to(dtype), second.to(dtype)
    total, difference = first + second, first - second
    total_mean, difference_mean, total_square, difference_square = _blurred(
        torch.stack([total, difference, total.square(), difference.square()])
    )
    total_mean, difference_mean = total_mean.square(), difference_mean.square()
    total_variance = (total_square - total_mean).clamp_min(0)
    difference_variance = (difference_square - difference_mean).clamp_min(0)
    luminance = _ratio(total_mean, difference_mean, (_K1 * peak) ** 2)
    return luminance, _ratio(total_variance, difference_variance, (_K2 * peak) ** 2)


def _ratio(of_total: Tensor, of_difference: Tensor, constant: float) -> Tensor:
    return (of_total - of_difference + 2 * constant) / (of_total + of_difference + 2 * constant)


def _blurred(planes: Tensor) -> Tensor:
    """Gaussian means over the windows that lie whole inside [..., h, w]."""
    bell = [math.exp(-0.5 * ((i - _RADIUS) / _SIGMA) ** 2) for i in range(WINDOW)]
    for axis in (-2, -1):
        n = planes.shape[axis] - 2 * _RADIUS
        # a sum of shifted views: on a CPU twenty times as fast as a convolution of single planes
        blurred = planes.narrow(axis, 0, n) * (bell[0] / sum(bell))
        for i in range(1, WINDOW):
            blurred = blurred.add_(planes.narrow(axis, i, n), alpha=bell[i] / sum(bell))
        planes = blurred
    return planes


def _halved(picture: Tensor) -> Tensor:
    """Means of 2 × 2 pixels of [h, w, c]; an odd last row or column is dropped."""
    picture = picture.detach()[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
    if picture.dtype in (torch.float16, torch.bfloat16):
        picture = picture.float()
    halved = picture[0::2, 0::2] + picture[1::2, 0::2]
    return halved.add_(picture[0::2, 1::2]).add_(picture[1::2, 1::2]).mul_(0.25)
