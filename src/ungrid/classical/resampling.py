"""Sound at another rate: a windowed sinc, which keeps the band and adds nothing; or copies of its upper half above it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.terms.gabor import GaborFrame

papers = ("dietz2002spectral",)
CROSSINGS = 48  # of the sinc on either side
BETA = 10.06  # of the Kaiser window: what is beyond the band is 100 dB down
EDGE = 1 - (100 - 7.95) / (14.36 * 2 * CROSSINGS)  # middle of the band's edge, for it to end at half the lower rate
AT_ONCE = 2**14  # samples of the result
FRAME = 0.046  # seconds, of the frames that are copied from
LEAST_FALL, MOST_FALL = 0.1, 0.7  # of amplitude, from half an octave to the next half


@torch.no_grad()
def resampled(values: Float[Tensor, "n c"], ratio: float, n: int) -> Float[Tensor, "m c"]:
    """n samples at `ratio` times the rate, of the same stretch, by a Kaiser-windowed sinc: nothing above half the lower rate.

    Passes what is below 0.87 of that to 0.01 dB. Near the ends the window is cut, and its weights sum to 1 all the same.

    Args:
        values: a sound.
        ratio: new rate by old.
        n: samples of the result.

    Shape: [n, c] → [m, c].
    """
    pitch = max(1.0, 1 / ratio)  # of the lower rate, in samples of the source
    reach = math.ceil(CROSSINGS * pitch)
    bell = float(torch.special.i0(torch.tensor(BETA, dtype=torch.float64)))
    padded = torch.nn.functional.pad(values.double().T, (reach + 1, reach + 1)).T
    parts = []
    for at in torch.arange(n, dtype=torch.float64).split(AT_ONCE):
        centers = (at + 0.5) / ratio - 0.5
        first = centers.floor().long() - reach
        index = first[:, None] + torch.arange(2 * reach + 2)
        distance = (index - centers[:, None]) / pitch
        inside = (1 - (distance / CROSSINGS).square()).clamp_min(0)
        weights = torch.sinc(EDGE * distance) * torch.special.i0(BETA * inside.sqrt()) / bell * (distance.abs() <= CROSSINGS)
        weights = weights * ((index >= 0) & (index < len(values)))
        near = padded[(index + reach + 1).clamp(0, len(padded) - 1)]
        parts.append(torch.einsum("mt,mtc->mc", weights / weights.sum(dim=1, keepdim=True), near))
    return torch.cat(parts).to(values)


@torch.no_grad()
def replicated(values: Float[Tensor, "n c"], edge: float, rate: float) -> Float[Tensor, "n c"]:
    """The sound with copies of the upper half of its band above it, as strong as the band's fall foretells (dietz2002spectral).

    In each frame the waves from edge / 2 to the edge are moved up by half the edge, again and again, each copy weaker by the
    ratio that the amplitudes of edge / 2 … edge have to those of edge / 4 … edge / 2. What is heard is bright again; it is not
    what was there, and its phases have nothing to do with that.

    Args:
        values: with nothing above the edge.
        edge: Hz.
        rate: samples a second, more than twice the edge.
    """
    size = max(64, 2 ** round(math.log2(FRAME * rate)))
    return torch.stack([_with_copies(channel, edge / rate * size, size) for channel in values.unbind(-1)], dim=-1)


def _with_copies(channel: Tensor, edge: float, size: int) -> Tensor:
    frame = GaborFrame(len(channel), size)
    waves = frame.A(channel)
    step = max(4, 4 * round(0.87 * edge / 8))  # whole fours, for the copies of a tone to go on from frame to frame
    top, middle = 2 * step, step
    strong, weak = waves[:, middle:top].abs().square().sum(1), waves[:, middle // 2 : middle].abs().square().sum(1) * 2
    fall = (strong / weak.clamp_min(1e-30)).sqrt().clamp(LEAST_FALL, MOST_FALL)[:, None]
    copies, source = torch.zeros_like(waves), waves[:, middle:top]
    for k in range(1, -(-(waves.shape[1] - top) // step) + 1):
        start = top + (k - 1) * step
        width = min(step, waves.shape[1] - start)
        copies[:, start : start + width] = source[:, :width] * fall**k
    return channel + frame.A_adjoint(copies)
