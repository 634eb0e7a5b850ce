"""What happened between a scene and its picture: one small object, which candidates are asked to undo."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.measurements.noise import LEVELS, Gaussian, Noise, Poisson, PoissonGaussian
from ungrid.measurements.noise_level import gaussian_level, poisson_peak
from ungrid.spec import lookup

NOISES = ("gaussian", "poisson", "poisson-gaussian", "auto")
EXAMPLE = "gaussian:25, poisson, poisson:30, poisson-gaussian:30,5 or auto"


@dataclass(frozen=True)
class Degradation:
    """The picture is noise(scene).

    Args:
        noise: of the samples.
    """

    noise: Noise

    def describe(self) -> str:
        """In words, for reports."""
        return self.noise.describe()


def parse_noise(text: str, values: Float[Tensor, "y x c"]) -> Noise:
    """ "gaussian:25" (sigma in levels of 0 to 255), "poisson:30" (photons of white) … → the noise; what is left open is estimated
    from the samples.

    Args:
        text: a name in NOISES, and its numbers: gaussian and auto estimate a sigma, poisson a peak.
        values: noisy samples of a picture, without alpha.

    Raises:
        UnknownName: no such noise.
        InputError: numbers missing, wrong or too many; a picture too small to estimate from.
    """
    name, colon, rest = text.strip().partition(":")
    lookup(name, dict.fromkeys(NOISES), "noise")
    numbers = _numbers(text, rest) if colon else []
    expected = {"gaussian": (0, 1), "poisson": (0, 1), "poisson-gaussian": (2,), "auto": (0,)}[name]
    if len(numbers) not in expected:
        raise InputError(f"the noise {text!r} has {len(numbers)} numbers; expected something like {EXAMPLE}")
    if name == "poisson-gaussian":
        return PoissonGaussian(numbers[0], numbers[1] / LEVELS)
    if name == "poisson":
        return Poisson(numbers[0] if numbers else poisson_peak(values))
    return Gaussian(numbers[0] / LEVELS if numbers else gaussian_level(values))


def _numbers(text: str, rest: str) -> list[float]:
    try:
        return [float(number) for number in rest.split(",")]
    except ValueError:
        raise InputError(f"the noise {text!r} has something that is no number; expected something like {EXAMPLE}") from None
