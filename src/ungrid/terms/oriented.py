"""A prior for pictures: each neighborhood is smooth, and smoother along one direction than across it.

Pictures are not stationary: an edge has its energy across itself. So each neighborhood p is taken as Gaussian with a spectrum
s(p) · S_j, one of a few oriented ones, S_j(ω) ∝ ((ω·n_j)² + A |ω - (ω·n_j) n_j|² + ω₀²)^(-slope/2), which an edge across n_j
has. A filter h_j with |H_j|² = 1 / S_j makes such a signal white, so that its mean squared response is s(p) if direction j is
right, and larger if it is not. With squared responses averaged over a neighborhood, the probability of j is taken as ∝ s_j⁻²,
and the signal's energy is Σ_p,j (probability_j / s_j) · response_j²: `FilterBank.weights`.
"""

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.kernels.filter_bank import FilterBank

N_ORIENTATIONS = 12
RADIUS = 3  # taps on each side of a filter's center
ELONGATION = 30.0  # A: how much less energy lies along an edge than across it
SLOPE = 3.0  # of the spectrum: 1/f³, a little steeper than photographs as a whole
FLOOR = 0.02  # ω₀², in (radians per sample)²
TABLE = 64  # samples along each axis of the tabulated spectra


@functools.cache
def oriented_filters() -> FilterBank:
    """Whitening filters of 12 oriented spectra and an isotropic one, which comes last."""
    angles = [math.pi * j / N_ORIENTATIONS for j in range(N_ORIENTATIONS)]
    return FilterBank(torch.stack([_whitening(angle) for angle in [*angles, None]]))


def _whitening(angle: float | None) -> Float[Tensor, "taps taps"]:
    """A symmetric filter with |H(ω)| = S(ω)^(-1/2), but for the taps cut off; it answers a constant with 0, and white noise of
    unit innovation with the same."""
    frequency = 2 * math.pi * torch.fft.fftfreq(TABLE, dtype=torch.float64)
    squared = frequency[:, None] ** 2 + frequency**2
    if angle is not None:
        across = (frequency[:, None] * math.sin(angle) + frequency * math.cos(angle)) ** 2
        squared = across + ELONGATION * (squared - across)
    taps = torch.fft.fftshift(torch.fft.ifft2((squared + FLOOR) ** (SLOPE / 4)).real)
    inside = slice(TABLE // 2 - RADIUS, TABLE // 2 + RADIUS + 1)
    taps = taps[inside, inside].clone()
    taps[RADIUS, RADIUS] -= taps.sum()
    gain = torch.fft.fft2(taps, s=(TABLE, TABLE)).abs() + 1e-3
    whitening: Tensor = taps / gain.log().mean().exp()
    return whitening
