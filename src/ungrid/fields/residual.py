"""Detail above a frozen field: what a coarse field leaves over, fitted by another."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.encodings.limits import check_number
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.fields.composite import CompositeField, check_parts, common_box, common_record

MAX_SCALE = 1e12


class ResidualField(CompositeField):
    """values = coarse + scale · detail, where only the detail is fitted.

    The coarse field is taken over and frozen: its parameters require no gradients from here on, also after a file, and it
    stays in evaluation mode. Fit a field in steps, each finer than the last: the coarse one of a `ResidualField` may be one.
    `presets.detail_of` makes one from a fitted field and a signal.

    Args:
        coarse: what is there already. Hand over a copy to fit it further elsewhere.
        detail: what is fitted, of as many channels, in the same box. The recipe is its own.
        scale: of the detail, in the units of the values: best the size of what the coarse field leaves over; above 0.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: fields that do not go together, or a scale out of range.
    """

    def __init__(self, coarse: Field, detail: Field, scale: float = 1.0):
        super().__init__()
        check_parts((coarse, detail))
        check_number("scale", scale, 1e-12, MAX_SCALE)
        if coarse.out_dim != detail.out_dim:
            raise InputError(f"the coarse field has {coarse.out_dim} channels, the detail {detail.out_dim}; expected as many")
        self.box, self.out_dim = common_box((coarse, detail)), coarse.out_dim
        self.coarse, self.detail, self.scale = coarse.eval().requires_grad_(False), detail, scale
        self.recipe, self.record = detail.recipe, common_record((coarse, detail), self.out_dim)

    @property
    def parts(self) -> tuple[Field, ...]:
        """The coarse field and the detail."""
        return self.coarse, self.detail

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return self.coarse.values_at(coords) + self.scale * self.detail.values_at(coords)

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid: both fields are asked for it."""
        return self.coarse.on(grid) + self.scale * self.detail.on(grid)

    def train(self, mode: bool = True) -> "ResidualField":
        """Enter or leave training mode; the coarse field stays in evaluation mode, so that nothing of it moves."""
        self.training = mode
        self.detail.train(mode)
        return self
