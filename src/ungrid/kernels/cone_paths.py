"""Projection of a cone beam through the slabs of a volume: as `slab_paths` across them, and then the same along z.

In a slab, a detector pixel sees the interval across it between the rays to its sides, and the interval along z between the rays
to its upper and lower edge, at the middle of the pixel (deman2004distance). Nothing here keeps a graph for gradients.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from ungrid.errors import MachineError, ShapeError
from ungrid.kernels.native_library import library
from ungrid.kernels.slab_paths import FAULTS, SlabPaths

SLABS_AT_ONCE = 16  # of the reference, whose arrays are [slabs, pixels, z]


class CCone(ctypes.Structure):
    """`Cone` of native/cone_paths.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("slabs", "seen", "runs", "start", "step", "depth", "deepen", "rises")),
        *((name, ctypes.c_int64) for name in ("n_slabs", "n_across", "n_z", "n_rows", "n_runs", "n_threads")),
        ("source_z", ctypes.c_float),
    )


@dataclass(frozen=True)
class ConePaths:
    """Which detector columns cross the slabs of a volume, and where their rays rise.

    Native for float32 on the CPU, as `SlabPaths`.

    Args:
        columns: the paths in the plane of the source, a ray for each column of each view.
        depth: [rays] the share of the way from source to detector at which the ray to a column's middle crosses slab 0.
        deepen: [rays] how much further it is at each next slab.
        rises: [rows + 1] height of the edges of the detector's rows over the source, in samples.
        source_z: height of the source, in samples from the volume's end.
        n_z: samples along z.
    """

    columns: SlabPaths
    depth: Tensor
    deepen: Tensor
    rises: Tensor
    source_z: float
    n_z: int

    def project(self, slabs: Float[Tensor, "n_slabs n_across n_z"]) -> Float[Tensor, "n_rays rows"]:
        """Σ over slabs of the mean that each detector pixel sees there; 0 for columns in no run."""
        if tuple(slabs.shape) != (self.columns.n_slabs, self.columns.n_across, self.n_z):
            raise ShapeError(f"expected slabs of another shape; got {tuple(slabs.shape)}")
        seen = slabs.new_zeros(self.columns.n_rays, len(self.rises) - 1)
        if SlabPaths.is_native(slabs):
            self._run("project", slabs.contiguous(), seen)
            return seen
        for first, rays, edges in self._parts():
            sums = pad(slabs[first : first + SLABS_AT_ONCE].cumsum(dim=1), (0, 0, 1, 0))
            below, share, width, low, part, height = self._crossings(first, rays, edges, sums)
            slab = torch.arange(len(sums), device=slabs.device)[:, None]
            at = torch.lerp(sums[slab, below], sums[slab, below + 1], share[..., None])
            upto = pad((at.diff(dim=1) / width[..., None]).cumsum(dim=2), (1, 0))
            at = torch.lerp(upto.gather(2, low), upto.gather(2, low + 1), part)
            seen[rays] += (at.diff(dim=2) / height).sum(dim=0)
        return seen

    def back_project(self, seen: Float[Tensor, "n_rays rows"]) -> Float[Tensor, "n_slabs n_across n_z"]:
        """The adjoint of `project`."""
        n_slabs, n_across = self.columns.n_slabs, self.columns.n_across
        if tuple(seen.shape) != (self.columns.n_rays, len(self.rises) - 1):
            raise ShapeError(f"expected {(self.columns.n_rays, len(self.rises) - 1)} numbers; got {tuple(seen.shape)}")
        if SlabPaths.is_native(seen):
            slabs = seen.new_empty(n_slabs, n_across, self.n_z)
            self._run("back_project", slabs, seen.contiguous())
            return slabs
        sums = seen.new_zeros(n_slabs, n_across + 1, self.n_z)
        for first, rays, edges in self._parts():
            own = sums[first : first + SLABS_AT_ONCE]
            below, share, width, low, part, height = self._crossings(first, rays, edges, own)
            spread = seen[rays] / height
            at = pad(spread, (1, 0)) - pad(spread, (0, 1))
            upto = seen.new_zeros(*width.shape, self.n_z + 1)
            upto.scatter_add_(2, low, at * (1 - part)).scatter_add_(2, low + 1, at * part)
            spread = upto.flip(2).cumsum(dim=2).flip(2)[..., 1:] / width[..., None]
            at = pad(spread, (0, 0, 1, 0)) - pad(spread, (0, 0, 0, 1))
            slab = torch.arange(len(own), device=seen.device)[:, None].expand_as(below)
            own.index_put_((slab, below), at * (1 - share[..., None]), accumulate=True)
            own.index_put_((slab, below + 1), at * share[..., None], accumulate=True)
        return sums.flip(1).cumsum(dim=1).flip(1)[:, 1:]

    def _parts(self) -> Iterator[tuple[int, slice, slice]]:
        """First slab, rays and edges of what is held at once."""
        for rays, edges in self.columns.each_run():
            for first in range(0, self.columns.n_slabs, SLABS_AT_ONCE):
                yield first, rays, edges

    def _crossings(self, first: int, rays: slice, edges: slice, sums: Tensor) -> tuple[Tensor, ...]:
        """As of `SlabPaths`, for some slabs; then the same along z, with the heights of the pixels there."""
        slab = torch.arange(first, first + len(sums), dtype=torch.float64, device=sums.device)[:, None]
        places = self.columns.start[edges].to(slab) + self.columns.step[edges].to(slab) * slab
        below, share = _cell(places, self.columns.n_across)
        way = (self.depth[rays].to(slab) + self.deepen[rays].to(slab) * slab)[..., None]
        heights = self.source_z + way * self.rises.to(slab)
        low, part = _cell(heights, self.n_z)
        width, height = places.diff(dim=1), heights.diff(dim=2)
        return below, share.to(sums), width.to(sums), low, part.to(sums), height.to(sums)

    def _run(self, name: str, slabs: Tensor, seen: Tensor) -> None:
        start, step = self.columns.in_float32
        kept = [each.float().contiguous() for each in (self.depth, self.deepen, self.rises)]
        call = CCone(
            *(each.data_ptr() for each in (slabs, seen, self.columns.runs, start, step, *kept)),
            *(self.columns.n_slabs, self.columns.n_across, self.n_z, len(self.rises) - 1, len(self.columns.runs)),
            torch.get_num_threads(),
            self.source_z,
        )
        code = getattr(library(), f"ungrid_cone_paths_{name}")(ctypes.byref(call))
        if code:
            raise MachineError(f"a native kernel stopped: {FAULTS.get(code, f'code {code}')}")


def _cell(places: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Of places in samples the one they lie in, 0 … n − 1, and the share of it that lies before."""
    inside = places.clamp(0, n)
    below = inside.floor().clamp_max(n - 1)
    return below.long(), inside - below
