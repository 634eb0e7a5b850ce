"""What a pixel gathers: the scene blurred by a point spread function, averaged over the pixel."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.measurements.linear import LinearMeasurement

MOST_TAPS = 1025  # along an axis of a point spread function


class Footprint(LinearMeasurement):
    """Pixels [h, w, c] of a scene on a finer grid: each is the mean over factor × factor samples of the scene convolved with a
    point spread function.

    The scene reaches beyond the picture by as much as the function does, so that nothing has to be assumed of what lies outside:
    the border of the picture saw it, and it is found with the rest.

    Args:
        picture: the grid of the pixels, of two axes.
        factor: samples of the scene along each side of a pixel.
        psf: [rows, columns], odd sizes, in samples of the scene, its sum 1; None for none.

    Shape: values [*grid.shape, c] of the scene → [*picture.shape, c].
    Raises: InputError, ShapeError: a factor or a function that cannot be one.
    """

    def __init__(self, picture: Grid, factor: int = 1, psf: Float[Tensor, "rows columns"] | None = None):
        if factor < 1 or picture.box.dim != 2 or picture.ticks:
            raise InputError(
                f"a footprint needs a factor of at least 1 on an even grid of two axes; got {factor}, {picture.shape}"
            )
        self.picture, self.factor = picture, factor
        self.psf = None if psf is None else check_psf(psf)
        reach = (0, 0) if psf is None else tuple(n // 2 for n in psf.shape)
        self.margin = tuple(factor * math.ceil(r / factor) for r in reach)  # whole pixels
        shape = tuple(factor * n + 2 * m for n, m in zip(picture.shape, self.margin, strict=True))
        bounds = tuple(
            (low - m * pitch / factor, high + m * pitch / factor)
            for (low, high), m, pitch in zip(picture.box.bounds, self.margin, picture.spacing, strict=True)
        )
        self.grid = Grid(Box(picture.box.axes, bounds, picture.box.units), shape)
        self._spectrum = None if psf is None else _centered(psf.double(), shape)

    @property
    def inside(self) -> tuple[slice, slice]:
        """The part of the scene that the picture shows."""
        y, x = (slice(m, n - m) for m, n in zip(self.margin, self.grid.shape, strict=True))
        return y, x

    def A(self, values: Float[Tensor, "y x c"], /) -> Float[Tensor, "h w c"]:
        """The pixels of a scene."""
        seen = self._filtered(values, conjugate=False)[self.inside]
        return seen.unflatten(0, (-1, self.factor)).unflatten(2, (-1, self.factor)).mean(dim=(1, 3)) if self.factor > 1 else seen

    def A_adjoint(self, seen: Float[Tensor, "h w c"], /) -> Float[Tensor, "y x c"]:
        """Each pixel spread over its samples, blurred backwards."""
        spread = seen.repeat_interleave(self.factor, 0).repeat_interleave(self.factor, 1) / self.factor**2
        margin = [0, 0, self.margin[1], self.margin[1], self.margin[0], self.margin[0]]
        return self._filtered(functional.pad(spread, margin), conjugate=True)

    def _filtered(self, values: Tensor, *, conjugate: bool) -> Tensor:
        if self._spectrum is None:
            return values
        spectrum = self._spectrum.to(device=values.device, dtype=torch.promote_types(values.dtype, torch.complex64))
        spectrum = spectrum.conj() if conjugate else spectrum
        waves = torch.fft.rfft2(values, dim=(0, 1)) * spectrum[..., None]
        filtered: Tensor = torch.fft.irfft2(waves, s=self.grid.shape, dim=(0, 1))
        return filtered


def check_psf(psf: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """The function as it came.

    Raises:
        ShapeError: not two axes of odd sizes.
        InputError: numbers that are not finite or below 0, or a sum that is not 1.
    """
    if psf.ndim != 2 or any(n % 2 == 0 or n > MOST_TAPS for n in psf.shape):
        raise ShapeError(f"a point spread function has two odd sizes up to {MOST_TAPS}; got {tuple(psf.shape)}")
    if not bool(torch.isfinite(psf).all()) or bool((psf < 0).any()):
        raise InputError("a point spread function holds numbers below 0, NaN or infinite ones; expected weights of at least 0")
    if abs(float(psf.double().sum()) - 1) > 1e-4:
        raise InputError(f"a point spread function sums to {float(psf.sum()):g}; expected 1: divide it by its sum")
    return psf


def gaussian_psf(sigma: float) -> Float[Tensor, "n n"]:
    """A Gaussian of a standard deviation in samples, out to four of them.

    Raises:
        InputError: a sigma out of range.
    """
    if not (math.isfinite(sigma) and 0 < sigma <= (MOST_TAPS - 1) / 8):
        raise InputError(f"the Gaussian's sigma is {sigma}; expected more than 0, at most {(MOST_TAPS - 1) / 8:g} pixels")
    at = torch.arange(-math.ceil(4 * sigma), math.ceil(4 * sigma) + 1, dtype=torch.float64)
    along = torch.exp(-(at**2) / (2 * sigma**2))
    psf = along[:, None] * along
    return (psf / psf.sum()).float()


def motion_psf(length: float, degrees: float) -> Float[Tensor, "n n"]:
    """A straight, even motion of a length in samples, at an angle counted from the x axis upwards.

    Raises:
        InputError: a length or angle out of range.
    """
    if not (math.isfinite(length) and 0 < length <= MOST_TAPS - 3) or not math.isfinite(degrees):
        raise InputError(
            f"the motion is {length} pixels at {degrees} degrees; expected a length above 0, at most {MOST_TAPS - 3}"
        )
    reach = math.ceil(length / 2) + 1
    places = torch.linspace(-length / 2, length / 2, max(2, math.ceil(64 * length)), dtype=torch.float64)
    angle = math.radians(degrees)
    psf = torch.zeros(2 * reach + 1, 2 * reach + 1, dtype=torch.float64)
    y, x = reach - places * math.sin(angle), reach + places * math.cos(angle)
    for down in (0, 1):
        for across in (0, 1):
            rows, columns = y.floor().long() + down, x.floor().long() + across
            weights = (1 - (y - rows).abs()) * (1 - (x - columns).abs())
            psf.index_put_((rows, columns), weights, accumulate=True)
    return (psf / psf.sum()).float()


def _centered(psf: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Spectrum of a function whose middle lies at the origin."""
    canvas = torch.zeros(shape, dtype=psf.dtype)
    canvas[: psf.shape[0], : psf.shape[1]] = psf
    canvas = canvas.roll((-(psf.shape[0] // 2), -(psf.shape[1] // 2)), dims=(0, 1))
    spectrum: Tensor = torch.fft.rfft2(canvas)
    return spectrum
