"""Least squares of a spline by sums: samples enter a squared error only as WᵀW and Wᵀy, which are made once."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.spline import N_TAPS, SplineField
from ungrid.kernels.banded import solve_banded

STEP = 2**18  # samples summed at once
LEAST = 1e-5  # of the mean diagonal, added to it: a node that no sample sees stays where it is
STRETCH, REACH = 2**17, 2**10  # nodes that are solved for at once, and those that they are solved with on either side
ROUNDS = 2  # the second takes what the first left where stretches meet


class Sums(NamedTuple):
    """Of n samples y = W θ: the diagonals of WᵀW from the main one [4, nodes], Wᵀy [nodes, c], and Σ y² over n c."""

    bands: Tensor
    right: Tensor
    energy: float
    n_values: int


class SampledSums:
    """Sums over the samples of a grid.

    Args:
        grid: where the values lie, of one axis.
        values: [n, c].
        known: indices that may be seen, or None for all.
        withheld: those that may be seen only after `give_back`, or None.
        is_solved: whether a spline is solved for all samples at once when some are given back.
    """

    def __init__(
        self,
        grid: Grid,
        values: Float[Tensor, "n c"],
        *,
        known: Int[Tensor, " k"] | None = None,
        withheld: Int[Tensor, " m"] | None = None,
        is_solved: bool = False,
    ):
        if grid.box.dim != 1:
            raise InputError(f"sums are made along one axis; the grid has {grid.box.axes}")
        self.grid, self.values, self.withheld, self.is_solved = grid, values, withheld, is_solved
        self._seen: Tensor | None = None
        if known is not None:
            self._seen = torch.zeros(len(values), dtype=torch.bool)
            self._seen[known.long()] = True
        self._given_back = False
        self._sums: Sums | None = None

    def sample(self, rng: torch.Generator, batch_size: int | None) -> Any:
        """Nothing by chance: `of` gives all there is."""
        raise InputError("sums are for a field that is a spline alone; take another order")

    def of(self, field: SplineField) -> Sums:
        """The sums for a spline's cells, made when they are first asked for."""
        if self._sums is None:
            self._sums = self._summed(field)
        return self._sums

    def give_back(self) -> None:
        """See the withheld samples, too, from now on."""
        if self.withheld is not None and self._seen is not None and not self._given_back:
            self._seen[self.withheld.long()] = True
            self._given_back, self._sums = True, None

    @property
    def is_given_back(self) -> bool:
        """Whether samples were withheld and may now be seen."""
        return self._given_back

    def state(self) -> dict[str, Any]:
        """Whether the withheld are given back."""
        return {"given_back": self._given_back}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        if state["given_back"]:
            self.give_back()

    def to(self, device: torch.device) -> None:
        """Move the values to a device."""
        self.values, self._sums = self.values.to(device), None

    @torch.no_grad()
    def _summed(self, field: SplineField) -> Sums:
        nodes = field.nodes
        bands = nodes.new_zeros(N_TAPS, len(nodes))
        right = torch.zeros_like(nodes)
        energy, n_seen = 0.0, 0
        low, high = field.box.bounds[0]
        for where, part in self.grid.chunks(STEP):
            coords = part.axis_coords(0, dtype=torch.float64, device=nodes.device)
            rows, weights = field.taps((coords - low) * (2 / (high - low)) - 1)
            values = self.values[where[0]].to(nodes) / field.scale
            if self._seen is not None:
                seen = self._seen[where[0]].to(nodes.device)
                weights, values = weights * seen[:, None], values * seen[:, None]
            energy += float(values.double().square().sum())
            n_seen += len(values) if self._seen is None else int(self._seen[where[0]].sum())
            for tap in range(N_TAPS):
                right.index_add_(0, rows[:, tap], weights[:, tap, None] * values)
                for beyond in range(N_TAPS - tap):
                    bands[beyond].index_add_(0, rows[:, tap], weights[:, tap] * weights[:, tap + beyond])
        bands[0] += LEAST * float(bands[0].mean())
        return Sums(bands, right, energy, n_seen * nodes.shape[1])


class SplineMisfit:
    """Mean squared error of a spline over all samples, in units of its scale, from their sums: a step costs the same for any
    number of samples.

    Args:
        sampler: of the sums.
        name: in logs.
    """

    def __init__(self, sampler: SampledSums, *, name: str = "misfit"):
        self.sampler, self.name = sampler, name

    def weight(self, progress: float) -> float:
        """Always 1."""
        return 1.0

    def sample(self, rng: torch.Generator, field: Any, batch_size: int | None) -> Sums:
        """The sums over all that may be seen. The nodes are told the curvature, by which an optimizer scales its steps."""
        if not isinstance(field, SplineField):
            raise InputError(f'order "sums" is for a SplineField; this one is a {type(field).__name__}: take "shuffled"')
        sums = self.sampler.of(field)
        field.nodes.curvature = sums.bands[0][:, None] * (2 / sums.n_values)  # type: ignore[attr-defined]
        return sums

    @torch.no_grad()
    def absorb(self, field: Any) -> None:
        """Solve for all samples when some are given back: descent would take hundreds of steps where cells are as many."""
        if isinstance(field, SplineField) and self.sampler.is_solved and self.sampler.is_given_back:
            field.nodes.copy_(solved(self.sampler.of(field), field.nodes))

    def __call__(self, field: Field, batch: Sums) -> Float[Tensor, ""]:
        """The loss."""
        assert isinstance(field, SplineField)
        loss: Tensor = _Quadratic.apply(field.nodes, batch)
        return loss


class _Quadratic(torch.autograd.Function):
    """(θᵀ WᵀW θ − 2 θᵀ Wᵀy + Σ y²) / n."""

    @staticmethod
    def forward(ctx: Any, nodes: Tensor, sums: Sums) -> Tensor:
        image = banded(sums.bands, nodes)
        ctx.save_for_backward(image.sub(sums.right).mul_(2 / sums.n_values))
        total = torch.sum(nodes * (image - 2 * sums.right), dtype=torch.float64) + sums.energy
        return (total.clamp_min(0.0) / sums.n_values).to(nodes.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return grad * slope, None


def solved(sums: Sums, nodes: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    """The nodes of the least squares, from ones nearby, a stretch at a time: what is far along a spline does not matter."""
    result, n = nodes.double(), len(nodes)
    for _ in range(ROUNDS if n > STRETCH else 1):
        for start in range(0, n, STRETCH):
            stop = min(start + STRETCH, n)
            low, high = max(0, start - REACH), min(n, stop + REACH)
            first, last = max(0, low - N_TAPS + 1), min(n, high + N_TAPS - 1)  # all that the stretch's equations see
            image = banded(sums.bands[:, first:last].double(), result[first:last])[low - first : high - first]
            rest, bands = sums.right[low:high].double() - image, sums.bands[:, low:high].double()
            for channel in range(nodes.shape[1]):
                change = solve_banded(bands, rest[:, channel])
                result[start:stop, channel] += change[start - low : stop - low]
    return result.to(nodes)


def banded(bands: Float[Tensor, "4 n"], nodes: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    """Product of a symmetric matrix, given by its diagonals from the main one, with columns."""
    image = bands[0][:, None] * nodes
    for beyond in range(1, min(len(bands), len(nodes))):
        off = bands[beyond][:-beyond, None]
        image[:-beyond].addcmul_(off, nodes[beyond:])
        image[beyond:].addcmul_(off, nodes[:-beyond])
    return image
