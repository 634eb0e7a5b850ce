"""The data term: how far what a sensor would see is from what it saw."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.sampling import Batch, Sampler
from ungrid.shapes import FieldLike
from ungrid.spec import lookup
from ungrid.terms.regression import LOSSES, squared_error

Measure = Callable[[FieldLike, Any], Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]


class Misfit:
    """loss(measurement(field, query), target) over batches of one sampler.

    Where the measurement sees several levels of a field (`has_levels`), each is held against the same target, and the loss is
    their mean: the sum over scales that the authors of BACON train with, divided by their number, as in their code.

    Args:
        measurement: (field, query [n, q]) → prediction [n, *c], or [n, levels, *c] if its `has_levels` is true.
        sampler: where the batches come from.
        loss: (prediction, target) → scalar, a mean over samples; None for the one that the field's recipe names, squared
            error where it has none.
        weight: factor in the total, constant or a function of the fraction done 0…1.
        name: in logs.
    """

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
        """The loss on a batch: a scalar, or one value per member."""
        loss = self.loss or _recipe_loss(field)
        return loss(*self._seen(field, batch))

    def accumulate(self, field: FieldLike, batch: Batch, factor: float) -> float | None:
        """Add the gradients of factor · loss to the field's parameters in one go, and return that number.

        None, and nothing done, where the loss, the measurement or the field needs autograd.
        """
        add = getattr(self.measurement, "add_squared_error", None)
        if add is None or (self.loss or _recipe_loss(field)) is not squared_error:
            return None
        done: float | None = add(field, batch, factor)
        return done

    @torch.no_grad()
    def refocus(self, field: FieldLike) -> None:
        """Tell the sampler how wrong the field is at each observation: the root of the mean square over its numbers."""
        refocus = getattr(self.sampler, "refocus", None)
        if refocus is not None:
            refocus(lambda batch: self._errors(field, batch))

    def _errors(self, field: FieldLike, batch: Batch) -> Tensor:
        prediction, target = self._seen(field, batch)
        return (prediction - target).abs().square().reshape(len(batch), -1).mean(dim=1).sqrt()

    def _seen(self, field: FieldLike, batch: Batch) -> tuple[Tensor, Tensor]:
        """Predictions and targets times their weights, sample by sample; of several levels each counts as a sample of its own."""
        prediction: Tensor = self.measurement(field, batch.query)
        target, weight = batch.target, batch.weight
        if getattr(self.measurement, "has_levels", False):
            n_levels = prediction.shape[1]
            target, prediction = target.repeat_interleave(n_levels, dim=0), prediction.flatten(0, 1)
            weight = None if weight is None else weight.repeat_interleave(n_levels, dim=0)
        return (prediction, target) if weight is None else (weight * prediction, weight * target)


def _recipe_loss(field: FieldLike) -> Loss:
    """The loss that the field's recipe names, squared error where it has none."""
    recipe = getattr(field, "recipe", None)
    return squared_error if recipe is None else lookup(recipe.loss, LOSSES, "loss")
