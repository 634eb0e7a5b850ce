"""Cubic splines of whole grids of samples: solved for axis by axis, and observed between the samples."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.domain.sampling import Batch
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.interpolation import KERNELS, axis_taps
from ungrid.fields.refinement import along_axes
from ungrid.fit.samplers import GridObservations

RIDGE = 1e-9  # decides where an axis has more nodes than samples


def axis_solver(places: Float[Tensor, "n"], n_cells: int, stiffness: float) -> Float[Tensor, "nodes n"]:
    """What takes samples along an axis to the nodes of the cubic spline nearest to them [n_cells + 3, n].

    Args:
        places: of the samples, in [-1, 1], float64.
        n_cells: of the spline.
        stiffness: of the bend at both ends, whose outermost nodes are hardly seen: without it they reach 1e8 in the corner of a
            volume, with 1e-3 they reach 60.
    """
    nodes, weights = axis_taps(places, n_cells, KERNELS["cubic"])
    basis = torch.zeros(len(places), n_cells + 3, dtype=torch.float64).scatter_(1, nodes, weights)
    ends = torch.zeros(2, n_cells + 3, dtype=torch.float64)
    ends[0, :3] = ends[1, -3:] = torch.tensor([1.0, -2.0, 1.0], dtype=torch.float64)
    normal = basis.T @ basis + stiffness * ends.T @ ends
    normal.diagonal().add_(RIDGE)
    solver: Tensor = torch.linalg.solve(normal, basis.T)
    return solver.float()


class SplineObservations:
    """Samples of a grid, and as many points between them, valued by the cubic spline through the samples.

    A field with half as many parameters as samples is free between them: it can be at 51 dB on the samples and at 39 dB from the
    spline on a plane between them. Each sample has one point of its own, anywhere in its cell, at the offsets of a sequence that
    fills a cell evenly.

    Args:
        grid: where the samples lie.
        values: [*grid.shape, c].
    """

    def __init__(self, grid: Grid, values: Float[Tensor, "*shape c"]):
        self.grid, self.values = grid, values
        self._exact = GridObservations(grid, values)
        cells = tuple(max(1, n - 1) for n in grid.shape)
        with torch.device("meta"):
            spline = DenseGrid(grid.box.dim, (cells,), values.shape[-1], interpolation="cubic")
        self._spline = spline.requires_grad_(False)
        self._solve()

    def __len__(self) -> int:
        return 2 * self.grid.size

    def gather(self, index: Int[Tensor, " n"]) -> Batch:
        """Points [n, d] and values [n, c]: those of samples below the grid's size, of the points between from there on."""
        size = self.grid.size
        batch = self._exact.gather(index % size)
        between = (index >= size).to(self.values.device)
        assert isinstance(batch.query, Tensor)
        points, target = batch.query, batch.target
        moved = points[between] + self._offsets(index[index >= size]).to(points)
        points[between], target[between] = moved, self.at(moved)
        return Batch(points, target)

    def at(self, points: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """The spline's values at points in the box's units; beyond the outermost samples those at the nearest place."""
        ends = [(float(along[0]), float(along[-1])) for along in (self.grid.axis_coords(at) for at in range(self.grid.box.dim))]
        low, high = points.new_tensor(ends).unbind(-1)
        spread = torch.where(high > low, high - low, 1.0)
        values: Tensor = self._spline((points - low) * (2 / spread) - 1)
        return values

    def correct(self, index: Int[Tensor, " n"], target: Float[Tensor, "n c"]) -> None:
        """Replace the samples at these indices, in place, and the spline."""
        self._exact.correct(index, target)
        self._solve()

    def to(self, device: torch.device) -> "SplineObservations":
        """The same observations on a device."""
        return SplineObservations(self.grid, self.values.to(device))

    def _offsets(self, index: Tensor) -> Tensor:
        """[n, d] from -1/2 to 1/2 of a cell, in the box's units."""
        dim = self.grid.box.dim
        ratio = 2.0
        for _ in range(32):  # the root of x^(d+1) = x + 1: its powers fill a cube evenly
            ratio = (1 + ratio) ** (1 / (dim + 1))
        steps = torch.tensor([ratio ** -(axis + 1) for axis in range(dim)], dtype=torch.float64)
        phases = (index.cpu().double()[:, None] * steps + 0.5) % 1.0 - 0.5
        return phases * torch.tensor(self.grid.spacing, dtype=torch.float64)

    @torch.no_grad()
    def _solve(self) -> None:
        solvers = []
        for n in self.grid.shape:
            places = torch.linspace(-1, 1, n, dtype=torch.float64) if n > 1 else torch.full((1,), -1.0, dtype=torch.float64)
            solvers.append(axis_solver(places, max(1, n - 1), 1.0).to(self.values.device))
        nodes = along_axes(self._exact.values.reshape(*self.grid.shape, -1), solvers).contiguous()
        self._spline.load_state_dict({"levels.0": nodes}, assign=True)


def from_neighbors(values: Float[Tensor, "*shape c"], missing: Int[Tensor, " m"]) -> Float[Tensor, "m c"]:
    """Estimates of single samples from those beside them: the mean over the axes of a cubic through four, or of two or one.

    Args:
        values: [*shape, c]; those at `missing` are not looked at, where others are.
        missing: flat indices.
    """
    shape = values.shape[:-1]
    flat, places = values.reshape(-1, values.shape[-1]), torch.unravel_index(missing, shape)
    is_missing = torch.zeros(len(flat), dtype=torch.bool).index_fill_(0, missing, True)
    total, weight = torch.zeros(len(missing), values.shape[-1]), torch.zeros(len(missing), 1)
    stride = 1
    for axis in reversed(range(len(shape))):
        at = places[axis]
        for step, share in ((1, 4.0), (-1, 4.0), (2, -1.0), (-2, -1.0)):  # the cubic through them, in the middle
            inside = (at + step >= 0) & (at + step < shape[axis])
            there = torch.where(inside, missing + step * stride, missing)
            usable = (inside & ~is_missing[there])[:, None]
            total += torch.where(usable, share * flat[there], 0.0)
            weight += torch.where(usable, share, 0.0)
        stride *= shape[axis]
    mean = flat.mean(dim=0)
    return torch.where(weight > 0, total / weight.clamp_min(1e-9), mean)


def from_coarser(values: Float[Tensor, "*shape c"], missing: Bool[Tensor, "*shape"]) -> Float[Tensor, "*shape c"]:
    """The values with smooth estimates of what is missing, however wide the gap: from means of what is known there, over cells
    twice as wide each until all have some.

    Args:
        values: what is missing may be anything, also NaN; some must be known.
        missing: which are.
    """
    if not missing.any():
        return values
    shape, dim = values.shape[:-1], values.dim() - 1
    if max(shape) == 1:
        return values
    padding = [after for n in reversed(shape) for after in (0, n % 2 if n > 1 else 0)]
    known = torch.nn.functional.pad((~missing)[..., None].to(values.dtype), (0, 0, *padding))
    total = torch.nn.functional.pad(values.masked_fill(missing[..., None], 0.0), (0, 0, *padding))
    for axis in range(dim):
        if shape[axis] > 1:
            total = total.unflatten(axis, (-1, 2)).sum(dim=axis + 1)
            known = known.unflatten(axis, (-1, 2)).sum(dim=axis + 1)
    coarse = from_coarser(total / known.clamp_min(1.0), known[..., 0] == 0)
    for axis in range(dim):
        if shape[axis] > 1:
            ahead = torch.cat([coarse.narrow(axis, 1, coarse.shape[axis] - 1), coarse.narrow(axis, -1, 1)], dim=axis)
            behind = torch.cat([coarse.narrow(axis, 0, 1), coarse.narrow(axis, 0, coarse.shape[axis] - 1)], dim=axis)
            halves = torch.stack([0.75 * coarse + 0.25 * behind, 0.75 * coarse + 0.25 * ahead], dim=axis + 1)
            coarse = halves.flatten(axis, axis + 1).narrow(axis, 0, shape[axis])
    return torch.where(missing[..., None], coarse, values)
