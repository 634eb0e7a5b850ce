"""Line integrals of a field: what a tomograph measures, in the plane or in a volume."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.domain.grid import Grid
from ungrid.domain.scanners import ConeBeam, PlaneRays, Scanner
from ungrid.errors import InputError
from ungrid.kernels.cone_paths import ConePaths
from ungrid.kernels.slab_paths import SlabPaths
from ungrid.measurements.linear import LinearMeasurement


class LineIntegral(LinearMeasurement):
    """The mean over each detector pixel of ∫ value ds along the rays to it (deman2004distance).

    A ray is followed through the grid's rows or columns, whichever it crosses more steeply; in each, a detector pixel sees the
    samples between the rays to its two edges, so nothing aliases however wide it is. No matrix is kept: memory is a few times
    that of the values and the measurements.

    Args:
        grid: of axes (y, x), for a cone beam (z, y, x).
        scanner: a `ParallelBeam`, `FanBeam` or `ConeBeam`.

    Shape: values [*grid.shape, c] per unit of length → line integrals [views, bins, c], of a cone beam [views, rows, bins, c].
    Raises: InputError: a grid of other axes, or a source inside it.
    """

    paper = "deman2004distance"

    def __init__(self, grid: Grid, scanner: Scanner):
        axes = ("z", "y", "x") if isinstance(scanner, ConeBeam) else ("y", "x")
        if grid.box.axes != axes:
            raise InputError(f"line integrals of a {type(scanner).__name__} need a grid of axes {axes}; got {grid.box.axes}")
        self.grid, self.scanner = grid, scanner
        _check_outside(scanner, grid)
        middles, edges = scanner.middles(), scanner.edges()
        rowwise = _crosses_rows(middles, grid)
        self._lengths = _step_lengths(middles, rowwise, grid)
        paths = [_paths(edges, rowwise, grid, rows) for rows in (True, False)]
        self._paths: list[SlabPaths] | list[ConePaths] = paths
        if isinstance(scanner, ConeBeam):
            self._paths = [_rising(own, scanner, grid, rows) for own, rows in zip(paths, (True, False), strict=True)]
            self._lengths = self._lengths[:, None] * _slants(middles, scanner)

    def A(self, values: Float[Tensor, "*shape c"], /) -> Float[Tensor, "views *pixels c"]:
        """Line integrals."""
        seen: Tensor = _Project.apply(values, self)
        return seen

    def A_adjoint(self, seen: Float[Tensor, "views *pixels c"], /) -> Float[Tensor, "*shape c"]:
        """Each measurement spread back over what it saw."""
        values: Tensor = _BackProject.apply(seen, self)
        return values

    def _project(self, values: Tensor) -> Tensor:
        rows, columns = self._paths
        channels = [rows.project(own) + columns.project(own.transpose(0, 1)) for own in _z_last(values).unbind(-1)]
        seen = torch.stack(channels, dim=-1).unflatten(0, (len(self._lengths), -1))
        projected: Tensor = (seen if seen.ndim == 3 else seen.transpose(1, 2)) * self._lengths[..., None].to(values)
        return projected

    def _back_project(self, seen: Tensor) -> Tensor:
        rows, columns = self._paths
        weighted = seen * self._lengths[..., None].to(seen)
        rays = (weighted if seen.ndim == 3 else weighted.transpose(1, 2)).flatten(0, 1)
        found = [rows.back_project(own) + columns.back_project(own).transpose(0, 1) for own in rays.unbind(-1)]
        return _z_first(torch.stack(found, dim=-1))


class _Project(torch.autograd.Function):
    """`LineIntegral`, whose derivative is its adjoint."""

    @staticmethod
    def forward(values: Tensor, sensor: LineIntegral) -> Tensor:
        return sensor._project(values.detach())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.sensor = inputs[1]

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        return _BackProject.apply(slope, ctx.sensor), None


class _BackProject(torch.autograd.Function):
    """The adjoint, whose derivative is `LineIntegral`."""

    @staticmethod
    def forward(seen: Tensor, sensor: LineIntegral) -> Tensor:
        return sensor._back_project(seen.detach())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.sensor = inputs[1]

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        return _Project.apply(slope, ctx.sensor), None


def _z_last(values: Tensor) -> Tensor:
    """[z, y, x, c] → [y, x, z, c]; a plane as it is."""
    return values if values.ndim == 3 else values.permute(1, 2, 0, 3)


def _z_first(values: Tensor) -> Tensor:
    """[y, x, z, c] → [z, y, x, c]; a plane as it is."""
    return values if values.ndim == 3 else values.permute(2, 0, 1, 3)


def _rising(paths: SlabPaths, scanner: ConeBeam, grid: Grid, rows: bool) -> ConePaths:
    """The paths in the plane of the source, with where they rise to."""
    axis = 1 if rows else 2
    (low, _), (bottom, _), pitch = grid.box.bounds[axis], grid.box.bounds[0], grid.spacing
    middles = scanner.middles()
    point, along = (middles.points[..., axis - 1] - low) / pitch[axis], middles.directions[..., axis - 1] / pitch[axis]
    depth, deepen = ((0.5 - point) / along).flatten(), (1 / along).flatten()
    return ConePaths(paths, depth, deepen, scanner.rises() / pitch[0], (scanner.height - bottom) / pitch[0], grid.shape[0])


def _slants(middles: PlaneRays, scanner: ConeBeam) -> Tensor:
    """How much longer rays to the middles of pixels are than in the plane of the source [views, rows, bins]."""
    rises = scanner.rises()
    middle = (rises[1:] + rises[:-1])[None, :, None] / 2
    slants: Tensor = (1 + (middle / middles.directions.norm(dim=-1)[:, None]).square()).sqrt()
    return slants


def _check_outside(scanner: Scanner, grid: Grid) -> None:
    """Raise InputError where a source is so near that it turns inside the grid's box."""
    distance = getattr(scanner, "source_distance", None)
    corners = [max(abs(low - at), abs(high - at)) for (low, high), at in zip(grid.box.bounds[-2:], scanner.axis, strict=True)]
    reach = math.hypot(*corners)
    if distance is not None and distance <= reach:
        raise InputError(
            f"the source turns {distance:g} from the axis, inside what is reconstructed, which reaches {reach:.4g} from it; "
            f"check the distances' unit, or ask for a smaller size"
        )


def _crosses_rows(rays: PlaneRays, grid: Grid) -> Tensor:
    """Which rays cross the grid's rows more steeply than its columns [views, bins]."""
    pitch = torch.tensor(grid.spacing[-2:], dtype=torch.float64)
    in_samples = (rays.directions / pitch).abs()
    return in_samples[..., 0] >= in_samples[..., 1]


def _step_lengths(rays: PlaneRays, rowwise: Tensor, grid: Grid) -> Tensor:
    """Length of each ray in one slab [views, bins], in the box's unit."""
    pitch = torch.tensor(grid.spacing[-2:], dtype=torch.float64)
    steps = pitch * rays.directions.norm(dim=-1, keepdim=True) / rays.directions.abs().clamp_min(1e-300)
    return torch.where(rowwise, steps[..., 0], steps[..., 1])


def _paths(edges: PlaneRays, rowwise: Tensor, grid: Grid, rows: bool) -> SlabPaths:
    """Where the detector pixels whose rays cross rows, or columns, of the grid do so."""
    low = torch.tensor([low for low, _ in grid.box.bounds[-2:]], dtype=torch.float64)
    pitch = torch.tensor(grid.spacing[-2:], dtype=torch.float64)
    points, directions = (edges.points - low) / pitch, edges.directions / pitch
    slab, across = (0, 1) if rows else (1, 0)
    step = directions[..., across] / directions[..., slab]
    start = points[..., across] + (0.5 - points[..., slab]) * step
    runs, n_bins, n_edges, kept = [], rowwise.shape[1], 0, []
    for view, chosen in enumerate(rowwise == rows):
        flips = torch.nn.functional.pad(chosen.int(), (1, 1)).diff()
        for first, end in zip(flips.eq(1).nonzero()[:, 0].tolist(), flips.eq(-1).nonzero()[:, 0].tolist(), strict=True):
            runs.append((view * n_bins + first, end - first, n_edges))
            kept.append((view, slice(first, end + 1)))
            n_edges += end - first + 1
    table = torch.tensor(runs, dtype=torch.int64).reshape(-1, 3)
    found = [torch.cat([each[own] for own in kept] or [each.new_empty(0)]) for each in (start, step)]
    return SlabPaths(grid.shape[-2:][slab], grid.shape[-2:][across], rowwise.numel(), table, *found)
