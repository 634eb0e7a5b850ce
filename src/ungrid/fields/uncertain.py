"""Fields that say how far off they may be, and the calibration that makes it true."""

from abc import abstractmethod
from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError
from ungrid.fields.base import CoordsLike, Field
from ungrid.shapes import Values

LEVELS = (0.5, 0.68, 0.8, 0.9, 0.95)  # coverages whose factors are kept


class Calibration(nn.Module):
    """spread² = Σₖ wₖ tₖ of a field's terms tₖ, and what a spread must be multiplied by for an interval of each coverage.

    The terms are the field's noise, its model's variance, and its detail (`UncertainField`). A factor for each coverage, and
    not one for all: errors between the samples of a picture have heavier tails than a Gaussian's. Uncalibrated, it is
    noise and variance added, with a Gaussian's factors. `ungrid.fit.calibrate` sets it.
    """

    weights: Tensor
    factors: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        gaussian = [NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS]
        self.register_buffer("weights", torch.tensor([1.0, 1.0, 0.0]))
        self.register_buffer("factors", torch.tensor(gaussian))
        self.register_buffer("scale", torch.ones(()))

    def spread(self, terms: Float[Tensor, "*batch c terms"]) -> Float[Tensor, "*batch c"]:
        """√Σₖ wₖ tₖ of terms ≥ 0."""
        return (terms * self.weights).sum(dim=-1).sqrt()

    def factor(self, coverage: float) -> Tensor:
        """What a spread must be multiplied by, linear between the coverages that are kept.

        Raises:
            InputError: a coverage outside [0, 0.95].
        """
        if not 0 <= coverage <= LEVELS[-1]:
            raise InputError(f"coverage is {coverage}; expected 0 to {LEVELS[-1]}, as far as the field is calibrated")
        ends = [0.0, *LEVELS]
        above = next(i for i, level in enumerate(LEVELS) if coverage <= level)
        low, high = ends[above], ends[above + 1]
        before = self.factors[above - 1] if above else torch.zeros_like(self.factors[0])
        return before + (coverage - low) / (high - low) * (self.factors[above] - before)


class UncertainField(Field):
    """A field that gives a standard deviation and an interval beside its values.

    A final class sets `calibration` and `spacing` and says what it knows: `noise_variance` and `model_variance_at`.
    To these comes the field's detail, its mean squared change over one `spacing` along each axis: pictures are harder to guess
    where they change.
    """

    calibration: Calibration
    spacing: tuple[float, ...]  # between the fitted samples along each axis, in the units of the box

    @abstractmethod
    def noise_variance(self) -> Float[Tensor, "c"]:
        """Mean squared misfit of each channel at the fitted samples."""

    @abstractmethod
    def model_variance_at(self, coords: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch c"]:
        """Variance of the values for want of knowing the weights, at normalized coords."""

    def deviation(self, coords: CoordsLike) -> Values:
        """Standard deviation [*, c] of the truth around the values at coords [*, d] in the units of the box.

        Of one channel each. Says most inside the box: beyond it nothing was calibrated.

        Raises:
            ShapeError: coords that do not end in d.
            InputError: coords of another dtype than the field's.
        """
        return self.calibration.scale * self.calibration.spread(self.terms(coords))

    def interval(self, coords: CoordsLike, coverage: float = 0.9) -> tuple[Values, Values]:
        """Lower and upper ends [*, c] between which the truth of a channel lies in this fraction of all places.

        Of all places together, not of each: where the picture is busy less is covered, where it is even more.

        Args:
            coords: [*, d] in the units of the box.
            coverage: 0 to 0.95.

        Raises:
            InputError: a coverage out of range.
        """
        factor = self.calibration.factor(coverage)
        coords = self.as_coords(coords)
        half = factor * self.calibration.spread(self.terms(coords))
        values = self(coords)
        return values - half, values + half

    def terms(self, coords: CoordsLike) -> Float[Tensor, "*batch c terms"]:
        """Noise, model's variance and detail of each channel at coords in the units of the box: what is weighed."""
        at = self.box.normalize(self.as_coords(coords))
        variance = self.model_variance_at(at)
        return torch.stack([self.noise_variance().expand_as(variance), variance, self._detail(at)], dim=-1)

    def _detail(self, coords: Tensor) -> Tensor:
        """Mean squared change over one spacing, both ways along each axis."""
        here = self.values_at(coords)
        steps = torch.diag(coords.new_tensor([2 * s / e for s, e in zip(self.spacing, self.box.extent, strict=True)]))
        changes = [self.values_at(coords + way * step) - here for step in steps for way in (-1, 1)]
        return torch.stack(changes).square().mean(dim=0)


def check_spacing(spacing: tuple[float, ...], dim: int) -> None:
    """Raise InputError unless there is one positive distance for each axis."""
    if len(spacing) != dim or not all(distance > 0 for distance in spacing):
        raise InputError(f"spacing is {spacing}; expected the distance of samples along each of {dim} axes")
