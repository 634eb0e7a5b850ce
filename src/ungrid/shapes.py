"""Words for tensor shapes, and what lower rooms may ask of a field.

Axis words, used in annotations across the package: `*batch` any leading axes, `d` coordinate axes, `c` channels,
`n` points, `samples`, `rays`, `members`, `features`, `t z y x` axes of a grid.
"""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

__all__ = ["Coords", "FieldLike", "Float", "GridFieldLike", "MultiscaleFieldLike", "Values"]

Coords = Float[Tensor, "*batch d"]
Values = Float[Tensor, "*batch c"]


@runtime_checkable
class FieldLike(Protocol):
    """Anything that maps coords [*, d], in its own units, to values [*, c], each value depending on its own coord only."""

    def __call__(self, coords: Tensor, /) -> Tensor: ...


@runtime_checkable
class GridFieldLike(FieldLike, Protocol):
    """A field that is asked for its values on a whole grid, too: [*shape, c]."""

    def on(self, grid: Any, /) -> Tensor: ...


@runtime_checkable
class MultiscaleFieldLike(FieldLike, Protocol):
    """A field of several outputs at the same coords: [*, levels, c], from coarse to fine."""

    def levels(self, coords: Tensor, /) -> Tensor: ...
