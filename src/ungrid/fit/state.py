"""The state of a fit: everything that moves while it runs, and how one step is taken."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ungrid.domain.sampling import Batch
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.record import Recipe
from ungrid.fields.stacked import StackedField
from ungrid.fit.optimizers import OPTIMIZERS
from ungrid.fit.problem import Problem
from ungrid.fit.schedules import SCHEDULES, with_warm_up
from ungrid.spec import lookup

PART_BYTES = 32 * 2**20  # activations evaluated at once: beyond this a batch is cut up, and its gradients added
WEIGHT_COPIES = 8  # weights, gradients, two of Adam's averages, a snapshot of three, one on its way to the disk


@dataclass(frozen=True)
class Snapshot:
    """All that is needed to continue a fit: tensors by name, and a tree of plain values."""

    tensors: dict[str, Tensor]
    plain: dict[str, Any]


class FitState:
    """A field on its way, with its optimizer, random numbers and clock.

    Args:
        field: what is fitted, in place.
        problem: what is known.
        recipe: how to descend.
        seed: of the order of batches.
        max_memory: bytes that the fit may take beyond the signal, or None.

    Raises:
        InputError: weights, optimizer and snapshot alone need more than `max_memory`, or nothing of the field can be fitted.
    """

    def __init__(self, field: Field, problem: Problem, recipe: Recipe, seed: int, *, max_memory: int | None = None):
        self.field, self.problem, self.recipe, self.seed = field, problem, recipe, seed
        self._part_points = max(256, _part_bytes(field, max_memory) // field.bytes_per_point())
        self.rng = torch.Generator().manual_seed(seed)
        fitted = [parameter for parameter in field.parameters() if parameter.requires_grad]
        if not fitted:
            raise InputError("all of the field's parameters are frozen; let some be fitted: field.requires_grad_(True)")
        self.optimizer = lookup(recipe.optimizer, OPTIMIZERS, "optimizer")(fitted, recipe)
        self.schedule = with_warm_up(lookup(recipe.schedule, SCHEDULES, "schedule"), recipe.warm_up)
        self.step = 0
        self.seconds = 0.0
        self.progress = 0.0
        self.rate_factor = 1.0
        self.member_losses: Tensor | None = None  # [members] of the last step, where the terms' losses have members
        self.psnr: float | None = None
        self.stopped_by: str | None = None
        self.extra: dict[str, Any] = {}  # what callbacks keep across a resume, by their own keys
        self.notes: list[str] = []

    def descend(self, batches: Mapping[str, Any]) -> dict[str, float]:
        """One step of the optimizer on these batches; returns the weighted loss of each term, before the step."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate * self.schedule(self.progress) * self.rate_factor
        first: dict[str, float] = {}

        def evaluate() -> float:
            self.optimizer.zero_grad(set_to_none=True)
            self.member_losses = None
            losses = {term.name: self._accumulate(term, batches[term.name]) for term in self.problem.terms}
            if self.recipe.clip is not None:
                clip_gradients(self.field, self.recipe.clip)
            first.update(losses if not first else {})
            return sum(losses.values())

        self.optimizer.step(evaluate)
        return first

    def snapshot(self) -> Snapshot:
        """A copy of everything, independent of what happens to the state later."""
        tensors: dict[str, Tensor] = {"rng": self.rng.get_state().clone()}
        tensors |= {f"field.{name}": value.detach().clone() for name, value in self.field.state_dict().items()}
        plain = {
            "step": self.step,
            "seconds": self.seconds,
            "progress": self.progress,
            "rate_factor": self.rate_factor,
            "extra": copy.deepcopy(self.extra),
            "notes": list(self.notes),
            "samplers": _take_apart({n: sampler.state() for n, sampler in self.problem.samplers().items()}, "samplers", tensors),
            "optimizer": _take_apart(self.optimizer.state_dict(), "optimizer", tensors),
        }
        return Snapshot(tensors, plain)

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from a snapshot, as if nothing had happened since."""
        self.restore_weights(snapshot)
        self.rng.set_state(snapshot.tensors["rng"])
        self.step, self.seconds = snapshot.plain["step"], snapshot.plain["seconds"]
        self.progress, self.rate_factor = snapshot.plain["progress"], snapshot.plain["rate_factor"]
        self.extra, self.notes = copy.deepcopy(snapshot.plain["extra"]), list(snapshot.plain["notes"])
        states = _put_together(snapshot.plain["samplers"], snapshot.tensors)
        for name, sampler in self.problem.samplers().items():
            sampler.restore(states[name])

    def restore_weights(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot's weights and optimizer; time, random numbers and rate go on."""
        prefix = "field."
        weights = {name.removeprefix(prefix): t for name, t in snapshot.tensors.items() if name.startswith(prefix)}
        self.field.load_state_dict(weights)
        self.optimizer.load_state_dict(_put_together(snapshot.plain["optimizer"], snapshot.tensors))

    def _accumulate(self, term: Any, batch: Any) -> float:
        """Add the gradients of one term; a large batch is cut up, since its loss is a mean over samples."""
        weight = term.weight(self.progress)
        if not isinstance(batch, Batch):
            return self._backward(weight * term(self.field, batch))
        part_size = self._part_points
        if batch.member is not None:  # a loss per member is no mean over the batch's samples: the batch stays whole
            part_size = len(batch)
        return sum(self._add(term, part, weight * (len(part) / len(batch))) for part in batch.split(part_size))

    def _add(self, term: Any, part: Batch, factor: float) -> float:
        """Add the gradients of factor · loss, without autograd's graph through the field where it can do without."""
        accumulate = getattr(term, "accumulate", None)
        done: float | None = None if accumulate is None or part.member is not None else accumulate(self.field, part, factor)
        return self._backward(factor * term(self.field, part)) if done is None else done

    def _backward(self, losses: Tensor) -> float:
        if losses.ndim:
            own = losses.detach()
            self.member_losses = own if self.member_losses is None else self.member_losses + own
        loss = losses.sum()  # one per member where there are members
        loss.backward()
        return float(loss.detach())


def clip_gradients(field: Field, most: float) -> None:
    """Shorten the whole gradient to a norm of `most`; in a stack of fields that of each member."""
    parameters = [parameter for parameter in field.parameters() if parameter.grad is not None]
    if not isinstance(field, StackedField):
        torch.nn.utils.clip_grad_norm_(parameters, most)
        return
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch.stack([grad.flatten(1).square().sum(dim=1) for grad in grads]).sum(dim=0).sqrt()
    factors = (most / (norms + 1e-6)).clamp_max(1.0)  # 1e-6 as `clip_grad_norm_` has it
    for grad in grads:
        grad.mul_(factors.reshape(-1, *[1] * (grad.ndim - 1)))


def _part_bytes(field: Field, max_memory: int | None) -> int:
    """Bytes of activations to have at once."""
    weights = sum(p.numel() * p.element_size() for p in field.parameters())
    most = max(PART_BYTES, weights)  # each part writes a gradient of every weight: many small ones would do little else
    if max_memory is None:
        return most
    held = WEIGHT_COPIES * weights
    if held + 2**20 > max_memory:
        raise InputError(
            f"this fit needs at least {held + 2**20:,} bytes for {field.n_params:,} parameters and their optimizer, and "
            f"max_memory is {max_memory:,}; allow more, or make the field smaller with max_bytes"
        )
    return min(most, (max_memory - held) // 2)


def _take_apart(tree: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """The tree with its tensors moved to `tensors`, a reference in their place, and keys that JSON can hold."""
    if isinstance(tree, Tensor):
        tensors[path] = tree.detach().clone()
        return {"tensor": path}
    if isinstance(tree, dict):
        return {"items": [[key, _take_apart(value, f"{path}.{key}", tensors)] for key, value in tree.items()]}
    if isinstance(tree, list | tuple):
        return {"list": [_take_apart(value, f"{path}.{i}", tensors) for i, value in enumerate(tree)]}
    return {"value": tree}


def _put_together(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Inverse of `_take_apart`; the tensors are copies."""
    if "tensor" in tree:
        return tensors[tree["tensor"]].clone()
    if "items" in tree:
        return {key: _put_together(value, tensors) for key, value in tree["items"]}
    if "list" in tree:
        return [_put_together(value, tensors) for value in tree["list"]]
    return tree["value"]
