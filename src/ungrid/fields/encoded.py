"""The plain field: an encoding, then a network."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.base import Encoding
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.hash_grid import HashGrid
from ungrid.errors import InputError
from ungrid.fields.base import CACHE_POINTS, Field
from ungrid.kernels.step_native import add_squared_error
from ungrid.networks.base import Network
from ungrid.networks.mlp import Mlp

SEPARABLE_TIMES = 4  # 65,536 points of a picture: 2 % of the work is along the axes, and 7 % in chunks of a fourth


class EncodedField(Field):
    """values = scale · network(encoding(normalized coords)) + offset.

    Args:
        box: where the field lives.
        encoding: coords → features; `Identity` for networks that take coordinates.
        network: features → raw values.
        value_scale: factor of each channel, or one for all: takes the network's range to the signal's.
        value_offset: added to each channel, or one for all.

    Shape: coords [*, d] in the units of the box → values [*, c].

    Raises:
        InputError: parts whose sizes do not fit together.
    """

    def __init__(
        self,
        box: Box,
        encoding: Encoding,
        network: Network,
        value_scale: tuple[float, ...] = (1.0,),
        value_offset: tuple[float, ...] = (0.0,),
    ):
        super().__init__()
        if encoding.in_dim != box.dim or network.in_dim != encoding.out_dim:
            raise InputError(
                f"parts do not fit: box of {box.dim} axes → encoding {encoding.in_dim} → {encoding.out_dim}, "
                f"network {network.in_dim} → {network.out_dim}"
            )
        for name, given in (("value_scale", value_scale), ("value_offset", value_offset)):
            if len(given) not in (1, network.out_dim):
                raise InputError(f"{name} has {len(given)} entries; expected 1 or {network.out_dim}, one per channel")
        self.box, self.encoding, self.network = box, encoding, network
        self.value_scale, self.value_offset = tuple(value_scale), tuple(value_offset)
        self.out_dim = network.out_dim

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        return self._scaled(self.network(self.encoding(coords)))

    def on(self, grid: Grid) -> Float[Tensor, "*shape c"]:
        """Values on a whole grid; the encoding is asked along the grid's axes rather than point by point."""
        own = next(self.parameters(), torch.zeros(()))
        axes = []
        for axis, (low, high) in enumerate(self.box.bounds):
            # float64, then rounded: a grid of a million points across keeps distinct coordinates
            coords = grid.axis_coords(axis, dtype=torch.float64, device=own.device)
            axes.append(coords.sub_(low).mul_(2 / (high - low)).sub_(1).to(own.dtype))
        return self._scaled(self.network(self.encoding.on_axes(axes)))

    def add_squared_error(self, coords: Float[Tensor, "n d"], targets: Float[Tensor, "n c"], factor: float) -> float | None:
        """Add the gradients of factor · mean (values − targets)² to the parameters in one native call, and return that number.

        None, and nothing done, for other parts than a grid and a perceptron, and where native code does not serve.
        """
        if not isinstance(self.encoding, DenseGrid | HashGrid) or not isinstance(self.network, Mlp):
            return None
        network = self.network.perceptron()
        if network is None:
            return None
        grid = (self.encoding.layout, tuple(self.encoding.levels))
        normalized = self.box.normalize(self.as_coords(coords))
        return add_squared_error(normalized, targets, grid, network, (self.value_scale, self.value_offset), factor)

    @property
    def most_points(self) -> int:
        """Number of points beyond which larger chunks are not faster; more where a chunk's axes are encoded by themselves."""
        return CACHE_POINTS * SEPARABLE_TIMES if self.encoding.is_separable else super().most_points

    def _scaled(self, raw: Tensor) -> Tensor:
        offset = _per_channel(self.value_offset, raw)
        if len(self.value_scale) == 1:
            return torch.add(offset, raw, alpha=self.value_scale[0])
        return torch.addcmul(offset, raw, _per_channel(self.value_scale, raw))


def _per_channel(numbers: tuple[float, ...], like: Tensor) -> Tensor:
    """[c], or [] where one number serves all channels."""
    return torch.tensor(numbers if len(numbers) > 1 else numbers[0], dtype=like.dtype, device=like.device)
