"""The data term of a field with outputs at several scales: every one of them is held against the same observations."""

from collections.abc import Callable

import torch
from torch import Tensor

from ungrid.domain.sampling import Batch, Sampler
from ungrid.shapes import FieldLike
from ungrid.terms.misfit import Loss, Measure, recipe_loss


class MultiscaleMisfit:
    """Mean over levels of loss(measurement of the level, target): each level becomes what its band can hold of the signal.

    The sum over scales that the authors of BACON train with, divided by their number, as in their code.

    Args:
        measurement: (field, query [n, q]) → predictions [n, levels, *c], as `MultiscaleValues` gives.
        sampler: where the batches come from.
        loss: (prediction, target) → scalar, a mean over samples; None for the one that the field's recipe names, squared
            error where it has none.
        weight: factor in the total, constant or a function of the fraction done 0…1.
        name: in logs.
    """

    paper = "lindell2022bacon"

    def __init__(
        self,
        measurement: Measure,
        sampler: Sampler,
        loss: Loss | None = None,
        *,
        weight: float | Callable[[float], float] = 1.0,
        name: str = "misfit",
    ):
        self.measurement, self.sampler, self.loss, self.name = measurement, sampler, loss, name
        self._weight = weight

    def weight(self, progress: float) -> float:
        """Factor in the total at this fraction of the fit."""
        return self._weight(progress) if callable(self._weight) else self._weight

    def sample(self, rng: torch.Generator, field: FieldLike, batch_size: int | None) -> Batch:
        """The next batch of observations; which, does not depend on the field."""
        return self.sampler.sample(rng, batch_size)

    def __call__(self, field: FieldLike, batch: Batch) -> Tensor:
        """The loss on a batch: a scalar."""
        loss = self.loss or recipe_loss(field)
        levels = self.measurement(field, batch.query).unbind(dim=1)
        return torch.stack([loss(level, batch.target) for level in levels]).mean()
