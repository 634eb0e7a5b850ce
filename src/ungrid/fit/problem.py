"""The problem: what is known of a signal, as weighted terms, and how a result is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ungrid.domain.sampling import Sampler
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.signals.base import Signal


@runtime_checkable
class Term(Protocol):
    """One summand of the loss, a misfit or a regularizer; it owns what it samples."""

    name: str

    def weight(self, progress: float) -> float:
        """Factor in the total at this fraction of the fit, 0…1."""
        ...

    def sample(self, rng: torch.Generator, field: Field, batch_size: int | None) -> Any:
        """The next batch; a `Batch`, whose loss is a mean over samples, may be evaluated in parts. The field as it is now may
        say where to look (its box, its empty space)."""
        ...

    def __call__(self, field: Field, batch: Any) -> Tensor:
        """The loss: a scalar, or one per member."""
        ...


@runtime_checkable
class Judge(Protocol):
    """How good a field is for this problem, in numbers a person asks for."""

    def monitor(self, field: Field) -> float:
        """PSNR [dB] on a fixed small sample of what is known; quick."""
        ...

    def quality(self, field: Field) -> dict[str, Any]:
        """Full measures against what is known: {"psnr": …, …}."""
        ...

    def heldout(self, field: Field) -> dict[str, Any] | None:
        """The same on samples that the fit has not seen; None where none are held out."""
        ...

    def give_back(self) -> None:
        """Let the fit see what was held out from now on."""
        ...


@dataclass(frozen=True)
class Problem:
    """Observations and priors as weighted terms.

    Args:
        terms: their names must differ; the loss is the weighted sum.
        judge: measures results, or None where no truth is known.
        signal: what the field will stand for, whose grid and metadata it then keeps; None where there is no such thing.

    Raises:
        InputError: no term, or two of one name: batches, logs and checkpoints go by it.
    """

    terms: tuple[Term, ...]
    judge: Judge | None = None
    signal: Signal | None = None

    def __post_init__(self) -> None:
        names = [term.name for term in self.terms]
        if not names or len(set(names)) < len(names):
            raise InputError(f"a problem needs terms of different names; got {names}; say Misfit(…, name=…)")

    def samplers(self) -> Mapping[str, Sampler]:
        """The samplers of those terms that have one, by term name: what a checkpoint must keep."""
        return {term.name: term.sampler for term in self.terms if hasattr(term, "sampler")}

    def to(self, device: torch.device) -> None:
        """Move all observations to a device."""
        for sampler in self.samplers().values():
            sampler.to(device)
