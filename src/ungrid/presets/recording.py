"""The default for sound: a spline with more cells where the sound is rich, fitted by least squares."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.errors import InputError
from ungrid.fields.record import Recipe
from ungrid.fields.spline import CODES_PER_OCTAVE, N_TAPS, SplineField
from ungrid.fields.storage import file_bytes
from ungrid.presets.choice import Choice
from ungrid.signals.base import Signal

WINDOW = 256  # samples: longer ones smear attacks, shorter ones take more codes
# cells a sample. With more than one, what lies between the samples is free: at 1.25 the field of gt_counting.wav is 46.6 dB from
# the band-limited sound there, at 1.0 54.1, and 58 on the samples with either
MOST, LEAST = 1.0, 1 / 2**8
LEAST_CELLS = 32  # of a window: its code is a byte of the file, and a cell two for each channel
N_CODES = round(math.log2(MOST / LEAST) * CODES_PER_OCTAVE) + 1
WINDOWS_AT_ONCE = 2048
UNEVEN = 3.3  # dB by which a spline of uneven cells ends below what its windows promise: 2.8 to 4 on six recordings
CELLS = {"fast": 0.45, "balanced": 0.7, "best": 0.7}  # a sample, at most
ENOUGH = {"fast": 40.0, "balanced": 60.0, "best": 70.0}  # dB of SNR
STEPS = 40  # of conjugate gradients: ten of them after the held-out samples are given back


class Knots(NamedTuple):
    """Where a spline's cells should be: a code for each window, cells in all, and the SNR that is expected [dB]."""

    codes: Tensor
    n_cells: int
    expected: float


def recording_field(
    signal: Signal, *, cells_per_sample: float, enough: float = math.inf, window: int = WINDOW
) -> tuple[SplineField, float]:
    """A spline for a signal of one axis, with its recipe, and the SNR that is expected of it [dB].

    Args:
        signal: what will be fitted.
        cells_per_sample: at most; above 0.
        enough: dB beyond which cells are saved.
        window: samples for which one density is chosen.

    Raises:
        InputError: a signal of several axes.
    """
    if signal.box.dim != 1:
        raise InputError(f"a spline has one axis, the signal {signal.box.axes}")
    knots = place_knots(signal.values, cells_per_sample, enough=enough, window=window)
    energy = float(signal.known_values.double().square().mean())
    field = SplineField(signal.box, signal.out_dim, knots.n_cells, len(knots.codes) - N_TAPS + 1, scale=math.sqrt(energy) or 1.0)
    field.get_buffer("codes").copy_(knots.codes)
    field.recipe = spline_recipe()
    return field, knots.expected - UNEVEN


def spline_recipe() -> Recipe:
    """Conjugate gradients on sums of the samples."""
    return Recipe(optimizer="conjugate_gradients", learning_rate=1.0, steps=STEPS, order="sums")


@torch.no_grad()
def place_knots(
    values: Float[Tensor, "n c"], cells_per_sample: float, *, enough: float = math.inf, window: int = WINDOW
) -> Knots:
    """Densities for which the energy that is lost beyond the cells' highest frequency, and the cells, are least together.

    In each window what a spline of its cells misses is lost; one more cell is put where it saves the most of it, until the cells
    are used up or the loss is `enough` dB below the signal.

    Shape: values [n, c] → codes [windows + 3].
    """
    n = len(values)
    window = round(max(min(window, max(16, n // 4)), LEAST_CELLS / cells_per_sample))
    n_windows = max(1, round(n / window))
    lost = lost_in_windows(values, n_windows, window)
    energy = max(float(values.double().square().sum()), 1e-30)

    def snr(left: float) -> float:
        return 10 * math.log10(energy / max(left, 1e-30))

    codes = codes_of(lost, lambda share, left: share <= cells_per_sample and snr(left) - UNEVEN <= enough)
    share, left = _share_and_loss(lost, codes)
    n_cells = max(1, round(min(share, cells_per_sample) * n) - N_TAPS)
    return Knots(with_ends(codes), n_cells, snr(left))


def with_ends(codes: Int[Tensor, "windows"]) -> Tensor:
    """The codes [windows + 3] of a spline of density: a window's own is its second and third."""
    return torch.cat([codes[:1], codes, codes[-1:], codes[-1:]]).to(torch.uint8)


def codes_at(lost: Float[Tensor, "windows codes"], price: float) -> Int[Tensor, "windows"]:
    """For each window the density at which what is lost and the price of its cells are least together."""
    return _eased((lost + price * densities().float()).argmin(dim=1))


def codes_of(lost: Float[Tensor, "windows codes"], allowed: Callable[[float, float], bool]) -> Int[Tensor, "windows"]:
    """Densities at the lowest price of a cell at which the cells a sample and the energy lost are allowed."""
    low, high = math.log(1e-14), math.log(1e6)
    scale = max(float(lost[:, 0].double().mean()), 1e-30)
    for _ in range(40):
        middle = (low + high) / 2
        if allowed(*_share_and_loss(lost, codes_at(lost, scale * math.exp(middle)))):
            high = middle
        else:
            low = middle
    return codes_at(lost, scale * math.exp(high))


def _share_and_loss(lost: Tensor, codes: Tensor) -> tuple[float, float]:
    return float(densities()[codes].mean()), float(lost.gather(1, codes[:, None]).sum(dtype=torch.float64))


def _eased(codes: Tensor) -> Tensor:
    """No window an octave and more below a neighbor: the density between them is smooth, and a rich one needs all its own."""
    for _ in range(N_CODES // CODES_PER_OCTAVE):
        ahead, behind = torch.cat([codes[1:], codes[-1:]]), torch.cat([codes[:1], codes[:-1]])
        codes = torch.maximum(codes, torch.maximum(ahead, behind) - CODES_PER_OCTAVE)
    return codes


def lost_in_windows(values: Float[Tensor, "n c"], n_windows: int, window: int) -> Float[Tensor, "windows codes"]:
    """Energy of each window beyond the highest frequency of each density [windows, codes]."""
    n = len(values)
    starts = (torch.arange(n_windows, dtype=torch.float64) + 0.5) * (n / n_windows) - window
    missed = _missed(window).to(values)
    taper = torch.hann_window(2 * window, periodic=True) * math.sqrt(4 / 3)
    lost = values.new_zeros(n_windows, N_CODES)
    inside = torch.arange(2 * window)
    for begin in range(0, n_windows, WINDOWS_AT_ONCE):
        index = starts[begin : begin + WINDOWS_AT_ONCE].long()[:, None] + inside
        outside = (index < 0) | (index >= n)
        parts = values[index.clamp(0, n - 1)].masked_fill(outside[..., None], 0.0) * taper[:, None]
        power = torch.fft.rfft(parts, dim=1).abs().square().sum(dim=2) / (2 * window)
        lost[begin : begin + WINDOWS_AT_ONCE] = power @ missed
    return lost


def densities() -> Tensor:
    """Of each code, in cells a sample."""
    return MOST * 2.0 ** (-torch.arange(N_CODES - 1, -1, -1, dtype=torch.float64) / CODES_PER_OCTAVE)


def _missed(window: int) -> Float[Tensor, "bins codes"]:
    """Share of a sine's energy that the best cubic spline misses: 1 − sinc⁸(f) / Σₖ sinc⁸(f − k), f in cycles a cell."""
    cycles = torch.linspace(0, 0.5, window + 1, dtype=torch.float64)[:, None] / densities()
    images = torch.sinc(cycles[..., None] - torch.arange(-2, 3) - cycles.round()[..., None]) ** 8
    kept = torch.sinc(cycles) ** 8 / images.sum(dim=-1)
    return torch.where(densities() >= MOST, 0.0, (1 - kept).clamp(0, 1))  # as many cells as samples give each its value


def choose_recording(signal: Signal, effort: str, *, max_bytes: int | None = None, seed: int = 0) -> Choice:
    """The default for sound: a spline with cells where the sound is rich; arguments and errors as of `presets.auto.choose`.

    Of gt_bach.wav it has 60.1 dB after 0.3 s of CPU in the loop, a multiresolution grid with a network 30.2 dB after 3.1 s
    (docs/guides/audio). Nothing of it is random, so the seed changes nothing but which samples are held out.
    """
    cells, enough = CELLS[effort], ENOUGH[effort]
    field, expected = recording_field(signal, cells_per_sample=cells, enough=enough)
    while max_bytes is not None and (size := file_bytes(field, "float16")) > max_bytes:
        if field.n_cells == 1:
            raise InputError(f"max_bytes is {max_bytes}; a field of this signal needs at least {size}")
        cells = 0.95 * min(cells, field.n_cells / signal.grid.size) * max_bytes / size
        field, expected = recording_field(signal, cells_per_sample=cells, enough=enough)
    per_value = field.n_params / signal.values.numel()
    reason = (
        f"{effort}: a cubic spline of {field.n_cells:,} cells, dense where the sound is rich, {field.n_params:,} parameters "
        f"({per_value:.2f} per value), by least squares; an SNR of about {expected:.0f} dB"
    )
    return Choice(field, "float16", "none", reason)
