"""What happened between a scene and its picture: one small object, which candidates are asked to undo."""

from dataclasses import dataclass, replace

from jaxtyping import Bool, Float
from torch import Tensor

from ungrid.errors import InputError
from ungrid.measurements.noise import LEVELS, Gaussian, Noise, Poisson, PoissonGaussian, Rician, Speckle
from ungrid.measurements.noise_level import gaussian_level, poisson_peak, rician_level, speckle_looks
from ungrid.spec import lookup

NOISES = ("gaussian", "poisson", "poisson-gaussian", "rician", "speckle", "auto")
EXAMPLE = "gaussian:25, poisson, poisson:30, poisson-gaussian:30,5, rician:13, speckle:4 or auto"


@dataclass(frozen=True, eq=False)
class Degradation:
    """The picture is known · noise(pixels of (psf ∗ scene)): blurred, averaged over pixels, noisy, and known in part.

    Args:
        noise: of the samples.
        upscale: samples of the scene along each side of a pixel.
        psf: [rows, columns] point spread function in samples of the scene, its sum 1; None for none.
        known: [h, w] which pixels are known; None for all.
    """

    noise: Noise
    upscale: int = 1
    psf: Float[Tensor, "rows columns"] | None = None
    known: Bool[Tensor, "h w"] | None = None

    @property
    def is_noise(self) -> bool:
        """Whether nothing but noise happened."""
        return self.upscale == 1 and self.psf is None and self.known is None

    @property
    def is_mask(self) -> bool:
        """Whether pixels are missing, and nothing else happened but noise."""
        return self.upscale == 1 and self.psf is None and self.known is not None

    def with_noise(self, noise: Noise) -> "Degradation":
        """The same with another noise."""
        return replace(self, noise=noise)

    def describe(self) -> str:
        """In words, for reports."""
        parts = [self.noise.describe()]
        if self.upscale > 1:
            parts.append(f"upscale:{self.upscale}")
        if self.psf is not None:
            parts.append(f"psf:{self.psf.shape[0]}x{self.psf.shape[1]}")
        if self.known is not None:
            parts.append(f"known:{float(self.known.float().mean()):.1%}")
        return " ".join(parts)


def parse_noise(text: str, values: Float[Tensor, "y x c"]) -> Noise:
    """ "gaussian:25" (sigma in levels of 0 to 255), "poisson:30" (photons of white) … → the noise; what is left open is estimated
    from the samples.

    Args:
        text: a name in NOISES, and its numbers: gaussian, rician and auto estimate a sigma, poisson a peak, speckle its looks.
        values: noisy samples of a picture, without alpha.

    Raises:
        UnknownName: no such noise.
        InputError: numbers missing, wrong or too many; a picture too small to estimate from.
    """
    name, colon, rest = text.strip().partition(":")
    lookup(name, dict.fromkeys(NOISES), "noise")
    numbers = parse_numbers(text, rest) if colon else []
    expected = {"poisson-gaussian": (2,), "auto": (0,)}.get(name, (0, 1))
    if len(numbers) not in expected:
        raise InputError(f"the noise {text!r} has {len(numbers)} numbers; expected something like {EXAMPLE}")
    if name == "poisson-gaussian":
        return PoissonGaussian(numbers[0], numbers[1] / LEVELS)
    if name == "poisson":
        return Poisson(numbers[0] if numbers else poisson_peak(values))
    if name == "rician":
        return Rician(numbers[0] / LEVELS if numbers else rician_level(values))
    if name == "speckle":
        return Speckle(numbers[0] if numbers else speckle_looks(values))
    return Gaussian(numbers[0] / LEVELS if numbers else gaussian_level(values))


def parse_numbers(text: str, rest: str) -> list[float]:
    """The numbers with commas between that follow a name.

    Raises:
        InputError: something that is no number.
    """
    try:
        return [float(number) for number in rest.split(",")]
    except ValueError:
        raise InputError(
            f"{text!r} has something that is no number; expected numbers with commas between after the name"
        ) from None
