"""How much noise samples have, from the samples alone: the finest wavelets, where pictures have next to nothing."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ungrid.errors import InputError
from ungrid.measurements.noise import LEAST_LIGHT, LEVELS, MOST_LOOKS, Noise, Poisson, Rician
from ungrid.measurements.stabilization import stabilize

SMALLEST = 8  # samples along each axis, from which a median says something
NORMAL_MEDIAN = 0.6744897501960817  # of |N(0, 1)|
WAVELET = (-0.12940952255092145, -0.22414386804185735, 0.836516303737469, -0.48296291314469025)  # Daubechies, two moments
PEAKS = (0.05, 1e7)  # photons of white, between which a peak is looked for
SIGMAS = (0.1 / LEVELS, 4.0)  # of Rician noise, in units of white
LOOKS = (0.1, MOST_LOOKS)


@torch.no_grad()
def gaussian_level(values: Float[Tensor, "y x c"]) -> float:
    """Standard deviation of white Gaussian noise in a picture: the root mean square over channels of median |d| / 0.6745, where d
    are the diagonal coefficients of the finest scale of Daubechies' wavelet with two vanishing moments.

    The median sees past edges, which are few. Fine texture it takes for noise: up to 4 levels too much on photographs, 0.8 as a
    rule, where the noise has 25.

    Args:
        values: noisy samples of a picture, at least 8×8.

    Raises:
        InputError: a smaller picture, or no channel.

    Differs from the paper (donoho1994ideal): that takes an orthogonal transform with borders; here, only whole windows count.
    """
    if values.dim() != 3 or min(values.shape[:2]) < SMALLEST or not values.shape[2]:
        raise InputError(
            f"the noise of a picture is estimated from at least {SMALLEST}×{SMALLEST} samples; got shape {tuple(values.shape)}; "
            f"say the noise, such as gaussian:25"
        )
    taps = torch.tensor(WAVELET, dtype=torch.float64, device=values.device)
    filters = torch.outer(taps, taps)[None, None]
    details = functional.conv2d(values.movedim(-1, 0)[:, None].double(), filters, stride=2).flatten(1)
    levels = details.abs().median(dim=1).values / NORMAL_MEDIAN
    return float(levels.square().mean().sqrt())


def poisson_peak(values: Float[Tensor, "y x c"]) -> float:
    """Photons of white, where a picture's noise is Poisson's: the peak for which the square root that evens out its variance
    leaves noise of deviation 1, as `gaussian_level` sees it.

    On photographs 10 to 20 % off at 30 and 100 photons; at 5, up to half too many, since the root does not even out the darkest
    places.

    Raises:
        InputError: a picture below 8×8, or one whose noise is that of no peak: none at all.
    """
    found = _crossing(lambda peak: gaussian_level(stabilize(values.double(), Poisson(peak))) - 1, PEAKS)
    if found is None:
        raise InputError("the picture's noise fits no number of photons; say the peak, such as poisson:30, or denoise auto")
    return found


def rician_level(values: Float[Tensor, "y x c"]) -> float:
    """Sigma of a picture's Rician noise: that for which `stabilization` leaves noise of deviation 1 (foi2011rician).

    Raises:
        InputError: a picture below 8×8, or one without noise.
    """
    found = _crossing(lambda sigma: 1 - gaussian_level(stabilize(values.double(), Rician(sigma))), SIGMAS)
    if found is None:
        raise InputError("the picture's noise fits no Rician sigma; say it, such as rician:13, or denoise auto")
    return found


def speckle_looks(values: Float[Tensor, "y x c"]) -> float:
    """Looks of a picture's speckle: as many as give its logarithm the deviation that `gaussian_level` sees.

    Raises:
        InputError: a picture below 8×8, or one without speckle.
    """
    spread = gaussian_level(values.double().clamp_min(LEAST_LIGHT).log()) ** 2
    found = _crossing(lambda looks: spread - float(torch.special.polygamma(1, torch.tensor(looks, dtype=torch.float64))), LOOKS)
    if found is None:
        raise InputError("the picture's noise fits no number of looks; say it, such as speckle:4, or denoise auto")
    return found


def _crossing(excess: Callable[[float], float], between: tuple[float, float]) -> float | None:
    """Where a rising function of a positive number crosses 0, to seven digits; None where it does not."""
    if excess(between[0]) > 0 or excess(between[1]) < 0:
        return None
    low, high = (math.log(end) for end in between)
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(math.exp(middle)) < 0 else (low, middle)
    return math.exp((low + high) / 2)


def is_negligible(noise: Noise, values: Float[Tensor, "*samples"]) -> bool:
    """Whether the noise is below a thousandth of white wherever the samples are."""
    return float(noise.variance(values).max()) < 1e-6
