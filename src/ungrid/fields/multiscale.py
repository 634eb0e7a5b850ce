"""A field with several outputs of known band limits, of which one is looked at."""

from collections.abc import Mapping
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import CoordsLike, Field
from ungrid.networks.bacon import Bacon


class MultiscaleField(Field):
    """values = one output of `Bacon`, from coarse to fine, at normalized coords.

    The finest is fitted, queried and drawn unless `level` says otherwise. To zoom out without aliasing, and without averaging,
    draw `without_aliasing(grid)`: the finest level that the grid's samples hold. `levels` gives all at once, for
    `MultiscaleValues`.

    Args:
        box: where the field lives; one period.
        network: with its outputs.
        level: of the values, 0 for the coarsest; None for the finest.

    Shape: coords [*, d] in the units of the box → values [*, c].
    Raises: InputError: a network of another number of axes, or no such level.
    """

    paper = "lindell2022bacon"

    def __init__(self, box: Box, network: Bacon, level: int | None = None):
        super().__init__()
        if network.in_dim != box.dim:
            raise InputError(f"the box has {box.dim} axes and the network takes {network.in_dim}; they must be equal")
        if level is not None and level not in range(network.n_levels):
            raise InputError(f"level is {level}, expected one from 0 to {network.n_levels - 1}, or None for the finest")
        self.box, self.network, self.level = box, network, level
        self.out_dim = network.out_dim

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values of the field's level at normalized coords."""
        return self.network.at_level(coords, self.network.n_levels - 1 if self.level is None else self.level)

    def levels(self, coords: CoordsLike) -> Float[Tensor, "*batch levels c"]:
        """Values of all levels, from coarse to fine, at coords in the units of the box."""
        return self.network.outputs(self.box.normalize(self.as_coords(coords)))

    def at_level(self, level: int | None) -> "MultiscaleField":
        """This field seen at a level, 0 for the coarsest and None for the finest; it shares the weights.

        What was measured of this field is left out of the view's record, since it was measured at another level.

        Raises:
            InputError: no such level.
        """
        view = MultiscaleField(self.box, self.network, level)
        view.recipe = self.recipe
        if self.record is not None:
            view.record = self.record if level == self.level else replace(self.record, metrics={})
        return view.train(self.training)

    def without_aliasing(self, grid: Grid) -> "MultiscaleField":
        """This field seen at the finest level that the grid's samples hold: at least two for each period of its band limit.

        Raises:
            InputError: the grid is too coarse for the coarsest level.
        """
        across = zip(self.box.extent, grid.spacing, strict=True)  # a grid may be a part of the box
        return self.at_level(self.network.level_for(tuple(int(extent / spacing + 1e-6) for extent, spacing in across)))
