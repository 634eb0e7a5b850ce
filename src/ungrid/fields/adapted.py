"""Low-rank adapters: a frozen field whose matrices are moved by products of thin ones."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.grid import Grid
from ungrid.encodings.limits import check_count, check_number
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.composite import CompositeField, check_parts, common_record
from ungrid.networks.initialize import uniform

MAX_RANK = 1024
MAX_ALPHA = 1e6


class AdaptedField(CompositeField):
    """A frozen field with low-rank adapters: each matrix W of its linear layers counts as W + (alpha / rank) B A.

    Only A [rank, n] and B [m, rank] are fitted, a few numbers for each layer: a field of a picture becomes that of a similar
    one, and its file says by how little. B starts at zero, so the field starts as it was. `merged` gives a field of the plain
    kind.

    Args:
        field: taken over and frozen, as by `ResidualField`; with linear layers.
        rank: of the products. Matrices that have no more numbers than their adapter would have stay as they are.
        alpha: the adapters' weight, times rank: the larger, the faster they move at a given rate; above 0, at most 10⁶.
        seed: of A, uniform in ±1/√n.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: a number out of range, or a field without a matrix that is large enough.
    Differs from the paper: it adapts the attention layers of transformers; here it is every large matrix of linear layers. A is
        normal there, and uniform in its code, as here. No dropout.
    """

    paper = "hu2022lora"

    def __init__(self, field: Field, rank: int = 4, *, alpha: float = 4.0, seed: int = 0):
        super().__init__()
        check_parts((field,))
        check_count("rank", rank, 1, MAX_RANK)
        check_number("alpha", alpha, 1e-6, MAX_ALPHA)
        matrices = _adapted_matrices(field, rank)
        if not matrices:
            raise InputError(
                f"{type(field).__name__} has no linear layer with more numbers than an adapter of rank {rank}; take a lower "
                f"rank, or ResidualField, which adds a field to any other"
            )
        self.box, self.out_dim, self.rank, self.alpha, self.seed = field.box, field.out_dim, rank, alpha, seed
        rng = torch.Generator().manual_seed(seed)
        self.names = tuple(matrices)
        self.downs, self.ups = nn.ParameterList(), nn.ParameterList()
        for weight in matrices.values():
            m, n = weight.shape
            self.downs.append(nn.Parameter(uniform((rank, n), 1 / math.sqrt(n), rng).to(weight)))
            self.ups.append(nn.Parameter(torch.zeros(m, rank).to(weight)))
        self.field = field.eval().requires_grad_(False)
        self.recipe, self.record = field.recipe, common_record((field,), field.out_dim)
        if self.record is not None:
            self.record.stored = "float32"  # half the digits are too few for small changes

    @property
    def parts(self) -> tuple[Field, ...]:
        """The frozen field."""
        return (self.field,)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return self._ask("values_at", coords)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: the frozen field is asked for it, with its matrices moved."""
        return self._ask("on", grid)

    def merged(self) -> Field:
        """A copy of the field with its matrices moved for good: the same values, no adapters, all of it can be fitted."""
        field = copy.deepcopy(self.field).requires_grad_(True)
        parameters = dict(field.named_parameters())
        with torch.no_grad():
            for name, matrix in self.matrices().items():
                parameters[name].copy_(matrix)
        field.record = copy.deepcopy(self.record)
        return field

    def matrices(self) -> dict[str, Float[Tensor, "m n"]]:
        """The moved matrices by their names in the frozen field."""
        frozen = dict(self.field.named_parameters())
        factor = self.alpha / self.rank
        adapters = zip(self.names, self.downs, self.ups, strict=True)
        return {name: frozen[name] + factor * (up @ down) for name, down, up in adapters}

    def train(self, mode: bool = True) -> "AdaptedField":
        """Enter or leave training mode; the frozen field stays in evaluation mode."""
        self.training = mode
        return self

    def _ask(self, what: str, where: Any) -> Tensor:
        moved = {f"field.{name}": matrix for name, matrix in self.matrices().items()}
        values: Tensor = torch.func.functional_call(_Question(self.field), moved, (what, where))
        return values


class _Question(nn.Module):
    """A field's methods as a call, since only a module's call can be made with other parameters."""

    def __init__(self, field: Field):
        super().__init__()
        self.field = field

    def forward(self, what: str, where: Any) -> Tensor:
        """What the method called `what` says."""
        values: Tensor = getattr(self.field, what)(where)
        return values


def _adapted_matrices(field: Field, rank: int) -> dict[str, Tensor]:
    """Weights of linear layers by name that have more numbers than an adapter of this rank."""
    layers = {f"{name}.weight": part.weight for name, part in field.named_modules() if isinstance(part, nn.Linear)}
    return {name: w for name, w in layers.items() if w.is_floating_point() and rank * sum(w.shape) < w.numel()}
