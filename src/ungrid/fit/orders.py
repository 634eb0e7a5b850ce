"""Orders in which to draw observations."""

import math
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

MANY = 2**27  # samples, from which the order of a pass is kept in 32 bits
FOCUSED = 0.75  # of a batch; docs/explain/loop.md has what other shares gave
MOST_OFTEN = 8  # mean errors, beyond which a sample is drawn no more often
SIXTEENTHS = 16


@runtime_checkable
class Order(Protocol):
    """How indices below n are drawn."""

    def draw(self, n: int, batch_size: int, rng: torch.Generator) -> Tensor:
        """The next `batch_size` indices [m] in [0, n); an order by passes may give fewer at a pass's end."""
        ...

    def state(self) -> dict[str, Any]:
        """What to continue from: a tree of plain values and tensors."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from them."""
        ...

    def lengthen(self, n: int) -> None:
        """From now on there are n indices, the first ones being those of before."""
        ...


class Uniform:
    """Each sample independently, with replacement."""

    def draw(self, n: int, batch_size: int, rng: torch.Generator) -> Int[Tensor, " m"]:
        """`batch_size` indices."""
        return torch.randint(n, (batch_size,), generator=rng)

    def state(self) -> dict[str, Any]:
        """Nothing: the generator holds it all."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to do."""

    def lengthen(self, n: int) -> None:
        """Nothing to do."""


class Stratified:
    """One sample from each of `batch_size` equal runs of indices: a batch is spread over the whole signal."""

    def draw(self, n: int, batch_size: int, rng: torch.Generator) -> Int[Tensor, " m"]:
        """`batch_size` indices, increasing."""
        jitter = torch.rand(batch_size, generator=rng, dtype=torch.float64)
        index = ((torch.arange(batch_size, dtype=torch.float64) + jitter) * (n / batch_size)).long()
        return index.clamp_max(n - 1)

    def state(self) -> dict[str, Any]:
        """Nothing: the generator holds it all."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to do."""

    def lengthen(self, n: int) -> None:
        """Nothing to do."""


class Shuffled:
    """Without replacement: every sample once a pass, each pass in a new random order; the remainder of a pass is skipped."""

    def __init__(self) -> None:
        self._seed: int | None = None
        self._at = 0
        self._order: Tensor | None = None

    def draw(self, n: int, batch_size: int, rng: torch.Generator) -> Int[Tensor, " m"]:
        """`batch_size` indices, none of them drawn before in this pass."""
        if self._seed is None or self._at + batch_size > n:
            self._seed = int(torch.randint(2**62, (1,), generator=rng))
            self._order, self._at = None, 0
        if self._order is None or len(self._order) != n:
            dtype = torch.int32 if MANY <= n < 2**31 else torch.int64  # half the memory where it matters
            self._order = torch.randperm(n, generator=torch.Generator().manual_seed(self._seed), dtype=dtype)
        index = self._order[self._at : self._at + batch_size]
        self._at += batch_size
        return index

    def state(self) -> dict[str, Any]:
        """The pass's seed and how far it is."""
        return {"seed": self._seed, "at": self._at}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue in that pass."""
        self._seed, self._at, self._order = state["seed"], state["at"], None

    def lengthen(self, n: int) -> None:
        """Begin a new pass."""
        self._seed, self._at, self._order = None, 0, None


class Focused:
    """A quarter of each batch as `Shuffled` has it, the rest where the field is wrong: once it was told where.

    A sample is drawn in proportion to its error, at most 8 mean errors, and a sixteenth of the mean; at equal distances along the
    sum.
    """

    def __init__(self) -> None:
        self._evenly = Shuffled()
        self._codes: Tensor | None = None  # [n] 1 to 129: sixteenths of the mean error, and one
        self._sums: Tensor | None = None

    def focus(self, errors: Float[Tensor, " n"]) -> None:
        """Take how wrong the field is at each index; where it is right everywhere, or not a number, forget what was known."""
        mean = float(errors.mean(dtype=torch.float64))
        self._codes = self._sums = None
        if math.isfinite(mean) and mean > 0:
            self._codes = (errors / mean).clamp_max_(MOST_OFTEN).mul_(SIXTEENTHS).round_().add_(1).to(torch.uint8)

    def draw(self, n: int, batch_size: int, rng: torch.Generator) -> Int[Tensor, " m"]:
        """`batch_size` indices, or less than a quarter fewer at a pass's end."""
        if self._codes is None:
            return self._evenly.draw(n, batch_size, rng)
        if self._sums is None:
            self._sums = self._codes.cumsum(0, dtype=torch.int64 if n > 2**24 else torch.int32)
        n_wrong = round(FOCUSED * batch_size)
        steps = torch.arange(n_wrong, dtype=torch.float64) + torch.rand(n_wrong, generator=rng, dtype=torch.float64)
        places = (steps * (int(self._sums[-1]) / max(n_wrong, 1))).to(self._sums.dtype)
        wrong = torch.searchsorted(self._sums, places, right=True).clamp_max_(n - 1)
        return wrong if n_wrong == batch_size else torch.cat([self._evenly.draw(n, batch_size - n_wrong, rng), wrong])

    def state(self) -> dict[str, Any]:
        """The pass, and how often each sample is drawn."""
        return {"evenly": self._evenly.state(), "codes": self._codes}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue with them."""
        self._evenly.restore(state["evenly"])
        self._codes, self._sums = state["codes"], None

    def lengthen(self, n: int) -> None:
        """New samples count as wrong as the mean."""
        self._evenly.lengthen(n)
        if self._codes is not None:
            new = torch.full((n - len(self._codes),), SIXTEENTHS + 1, dtype=torch.uint8)
            self._codes, self._sums = torch.cat([self._codes, new]), None


ORDERS: dict[str, type] = {"focused": Focused, "shuffled": Shuffled, "stratified": Stratified, "uniform": Uniform}
