"""Projection through slabs: for each detector pixel the sum over a grid's slabs of the mean of what it sees in each.

Rays that run mostly along y cross the grid's rows, others its columns: these are the slabs. In a slab, a detector pixel sees the
interval between the places where the rays to its two edges cross the slab's middle (deman2004distance). The mean there of the
samples, each as wide as its cell, is a difference of two values of their running sum, so the cost does not depend on how wide a
detector pixel is. Nothing here keeps a graph for gradients.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.errors import MachineError, ShapeError
from ungrid.kernels.native_library import library

FAULTS = {1: "out of memory"}


class CCall(ctypes.Structure):
    """`Call` of native/slab_paths.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("slabs", "seen", "runs", "start", "step")),
        *((name, ctypes.c_int64) for name in ("n_slabs", "n_across", "n_runs", "n_threads")),
    )


@dataclass(frozen=True)
class SlabPaths:
    """Which detector pixels cross the slabs of a grid, and where.

    A *run* is some pixels side by side, of n + 1 edges. Native for float32 on the CPU, where each run, or in the adjoint each
    slab, is one thread's own: the same bits for any number of threads. Elsewhere PyTorch operations serve, the reference.

    Args:
        n_slabs, n_across: of the grid.
        n_rays: detector pixels in all views, also those in no run.
        runs: [runs, 3] first ray, number of rays, first edge in `start` and `step`.
        start: [edges] where the rays to the edges cross the middle of slab 0, in samples from the slab's end; float64.
        step: [edges] how much further they cross each next slab.
    """

    n_slabs: int
    n_across: int
    n_rays: int
    runs: Tensor
    start: Tensor
    step: Tensor
    in_float32: tuple[Tensor, Tensor] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_float32", (self.start.float().contiguous(), self.step.float().contiguous()))

    def project(self, slabs: Float[Tensor, "n_slabs n_across"]) -> Float[Tensor, " n_rays"]:
        """What each pixel sees: Σ over slabs of the mean between its edges. 0 for pixels in no run."""
        if tuple(slabs.shape) != (self.n_slabs, self.n_across):
            raise ShapeError(f"expected slabs of shape {(self.n_slabs, self.n_across)}; got {tuple(slabs.shape)}")
        seen = slabs.new_zeros(self.n_rays)
        if self.is_native(slabs):
            self._run("project", slabs.contiguous(), seen)
            return seen
        sums = torch.nn.functional.pad(slabs.cumsum(dim=1), (1, 0))
        for rays, edges in self.each_run():
            below, share, width = self._crossings(edges, slabs)
            at = torch.lerp(sums.gather(1, below), sums.gather(1, below + 1), share)
            seen[rays] = (at.diff(dim=1) / width).sum(dim=0)
        return seen

    def back_project(self, seen: Float[Tensor, " n_rays"]) -> Float[Tensor, "n_slabs n_across"]:
        """The adjoint of `project`."""
        if tuple(seen.shape) != (self.n_rays,):
            raise ShapeError(f"expected {self.n_rays} numbers; got {tuple(seen.shape)}")
        if self.is_native(seen):
            slabs = seen.new_empty(self.n_slabs, self.n_across)
            self._run("back_project", slabs, seen.contiguous())
            return slabs
        sums = seen.new_zeros(self.n_slabs, self.n_across + 1)
        for rays, edges in self.each_run():
            below, share, width = self._crossings(edges, seen)
            spread = seen[rays] / width
            at = torch.nn.functional.pad(spread, (1, 0)) - torch.nn.functional.pad(spread, (0, 1))
            sums.scatter_add_(1, below, at * (1 - share))
            sums.scatter_add_(1, below + 1, at * share)
        return sums.flip(1).cumsum(dim=1).flip(1)[:, 1:]

    def each_run(self) -> Iterator[tuple[slice, slice]]:
        """The rays and the edges of each run."""
        for ray, n, edge in self.runs.tolist():
            yield slice(ray, ray + n), slice(edge, edge + n + 1)

    def _crossings(self, edges: slice, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For each slab and edge the sample it lies in and the share of that which lies before; the pixels' widths there."""
        slab = torch.arange(self.n_slabs, dtype=torch.float64, device=like.device)[:, None]
        places = self.start[edges].to(slab) + self.step[edges].to(slab) * slab
        inside = places.clamp(0, self.n_across)
        below = inside.floor().clamp_max(self.n_across - 1)
        return below.long(), (inside - below).to(like), places.diff(dim=1).to(like)

    @staticmethod
    def is_native(tensor: Tensor) -> bool:
        """Whether the native kernels take it."""
        return tensor.dtype == torch.float32 and tensor.device.type == "cpu" and library() is not None

    def _run(self, name: str, slabs: Tensor, seen: Tensor) -> None:
        call = CCall(
            slabs.data_ptr(),
            seen.data_ptr(),
            self.runs.data_ptr(),
            self.in_float32[0].data_ptr(),
            self.in_float32[1].data_ptr(),
            self.n_slabs,
            self.n_across,
            len(self.runs),
            torch.get_num_threads(),
        )
        code = getattr(library(), f"ungrid_slab_paths_{name}")(ctypes.byref(call))
        if code:
            raise MachineError(f"a native kernel stopped: {FAULTS.get(code, f'code {code}')}")
