"""A spline on one axis whose cells are small where the signal is fast: for sound and other long records."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.interpolation import cubic_weights
from ungrid.encodings.limits import check_count, check_number
from ungrid.errors import InputError
from ungrid.fields.base import Field

MAX_CELLS = 2**31
MAX_CODE = 255
CODES_PER_OCTAVE = 8
N_TAPS = 4


class SplineField(Field):
    """values = scale · Σⱼ B(u(t) − j) θⱼ: a cubic B-spline of a bent time u, whose slope is the density of its cells.

    The density is itself a cubic B-spline over `n_windows` equal windows, 2^(code / 8) times a constant, so that a loud window
    full of high frequencies gets up to thousands of times the cells of silence. Linear in its parameters, hence fitted by least
    squares at once. Coords may be float64 beside float32 weights: float32 cannot tell the samples of a minute of sound apart.

    Args:
        box: where the field lives, of one axis.
        out_dim: channels.
        n_cells: of the spline, over the whole box.
        n_windows: of the density.
        scale: of the values, about their root mean square.

    Shape: coords [*, 1] in the units of the box → values [*, c]. Outside, the value at the nearer end.
    Raises: InputError: a box of several axes, or a size out of range.
    """

    paper = "unser1999splines"
    smoothness = 2.0

    def __init__(self, box: Box, out_dim: int, n_cells: int, n_windows: int = 1, *, scale: float = 1.0):
        super().__init__()
        if box.dim != 1:
            raise InputError(f"a spline has one axis, and the box has {box.axes}; take a grid for several: preset dense_grid")
        check_count("out_dim", out_dim, 1, 2**16)
        check_count("n_cells", n_cells, 1, MAX_CELLS)
        check_count("n_windows", n_windows, 1, MAX_CELLS)
        check_number("scale", scale, 1e-30, 1e30)
        self.box, self.out_dim, self.n_cells, self.n_windows, self.scale = box, out_dim, n_cells, n_windows, scale
        self.nodes = nn.Parameter(torch.zeros(n_cells + N_TAPS - 1, out_dim))
        self.register_buffer("codes", torch.zeros(n_windows + N_TAPS - 1, dtype=torch.uint8))

    @property
    def coords_dtype(self) -> torch.dtype:
        """float64: see the class."""
        return torch.float64

    def values_at(
        self, coords: Float[Tensor, "*batch 1"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Values at normalized coords."""
        rows, weights = self.taps(coords[..., 0])
        return self.scale * (weights[..., None] * self.nodes[rows]).sum(dim=-2)

    def on(self, grid: Grid) -> Float[Tensor, "n c"]:
        """Values on a whole grid, whose coordinates are taken in float64."""
        low, high = self.box.bounds[0]
        coords = grid.axis_coords(0, dtype=torch.float64, device=self.nodes.device)
        return self.values_at(((coords - low) * (2 / (high - low)) - 1)[:, None])

    def taps(self, coords: Float[Tensor, "*batch"]) -> tuple[Int[Tensor, "*batch 4"], Float[Tensor, "*batch 4"]]:
        """The four nodes that each normalized coordinate sees, and their weights in the nodes' dtype."""
        place = self.places(coords)
        cell = place.detach().nan_to_num(0.0).floor().long().clamp(0, self.n_cells - 1)
        rows = cell[..., None] + torch.arange(N_TAPS, device=coords.device)
        return rows, cubic_weights((place - cell).to(self.nodes.dtype))

    def places(self, coords: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        """u: where coordinates of [-1, 1] lie, in cells, in float64: the integral of the density."""
        density = torch.exp2(self.get_buffer("codes").double() / CODES_PER_OCTAVE)
        windows = density.unfold(0, N_TAPS, 1) @ _integrals(density.new_ones(()))  # of whole windows
        before = torch.cat([windows.new_zeros(1), windows.cumsum(0)])
        at = (coords.double().clamp(-1, 1) + 1) * (self.n_windows / 2)
        window = at.detach().nan_to_num(0.0).floor().long().clamp(0, self.n_windows - 1)
        around = _picked(density, window[..., None] + torch.arange(N_TAPS, device=coords.device))
        inside = (_integrals(at - window) * around).sum(dim=-1)
        return (_picked(before, window) + inside) * (self.n_cells / before[-1])

    def width_sum(self) -> int:
        """Floats that one point needs: float64 places and integrals, rows and weights, and the nodes that it sees."""
        return 40 + N_TAPS * (6 + 2 * self.out_dim)


def _picked(row: Tensor, index: Tensor) -> Tensor:
    """row[index], for a single index under `torch.func.vmap`, too."""
    return row.index_select(0, index.reshape(-1)).reshape(index.shape)


def _integrals(s: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 4"]:
    """Of the four cubic weights, from 0 to s."""
    first = (1 - (1 - s) ** 4) / 24
    second = (4 * s - 2 * s**3 + 0.75 * s**4) / 6
    last = s**4 / 24
    return torch.stack([first, second, s - first - second - last, last], dim=-1)
