"""A field with numbers that are not known beside it: the coefficients of an equation that are found with its solution."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.errors import InputError, nearest
from ungrid.fields.base import Field
from ungrid.fields.composite import CompositeField


class WithUnknowns(CompositeField):
    """values = field; further numbers are fitted with it, for the terms that ask for them by name.

    Args:
        field: what is drawn.
        names: of the numbers.
        starts: what each begins as.

    Shape: as the field's.
    Raises: InputError: names that are not different identifiers, or not as many starts.
    """

    def __init__(self, field: Field, names: tuple[str, ...], starts: tuple[float, ...]):
        super().__init__()
        if len(set(names)) < len(names) or not names or not all(name.isidentifier() for name in names):
            raise InputError(f"unknowns need different names, such as ('speed',); got {names}")
        if len(starts) != len(names):
            raise InputError(f"there are {len(names)} unknowns and {len(starts)} starts; give one for each")
        self.box, self.out_dim, self.field = field.box, field.out_dim, field
        self.names, self.starts = tuple(names), tuple(float(start) for start in starts)
        self.unknowns = nn.Parameter(torch.tensor(self.starts, dtype=field.dtype))
        self.recipe, self.record = field.recipe, field.record

    @property
    def parts(self) -> tuple[Field, ...]:
        """The field."""
        return (self.field,)

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values of the field at normalized coords."""
        return self.field.values_at(coords, inputs)

    def unknown(self, name: str) -> Float[Tensor, ""]:
        """One of the numbers.

        Raises:
            InputError: no such name.
        """
        return self.unknowns[self.place(name)]

    def place(self, name: str) -> int:
        """Where a number stands among the others.

        Raises:
            InputError: no such name.
        """
        if name not in self.names:
            raise InputError(f"there is no unknown {name!r}; there are {', '.join(self.names)}{nearest(name, self.names)}")
        return self.names.index(name)
