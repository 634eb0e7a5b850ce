"""Multiresolution grids in native code: how a grid is described to native/grid.cpp, and its two calls."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ungrid.errors import MachineError
from ungrid.kernels.native_library import library

INTERPOLATIONS = {"linear": 2, "smoothstep": 2, "cubic": 4}  # name → nodes per axis, in the order of native/grid_corners.h
MAX_DIM = 4
FAULTS = {1: "out of memory"}


class CLevel(ctypes.Structure):
    """`Level` of native/grid_corners.h."""

    _fields_ = (
        ("scale", ctypes.c_float * MAX_DIM),
        ("shift", ctypes.c_float),
        ("last_cell", ctypes.c_int32 * MAX_DIM),
        ("stride", ctypes.c_uint32 * MAX_DIM),
        ("n_rows", ctypes.c_uint32),
        ("is_hashed", ctypes.c_int32),
    )


class CShape(ctypes.Structure):
    """`Shape` of native/grid.cpp."""

    _fields_ = tuple((name, ctypes.c_int32) for name in ("dim", "kernel", "n_levels", "n_features"))


class CCall(ctypes.Structure):
    """`Call` of native/grid.cpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("coords", "direction", "grad", "tables", "features", "slopes")),
        ("n", ctypes.c_int64),
        ("n_threads", ctypes.c_int32),
    )


class CAxesCall(ctypes.Structure):
    """`AxesCall` of native/grid_axes.cpp."""

    _fields_ = (*((name, ctypes.c_void_p) for name in ("coords", "lengths", "tables", "features")), ("n_threads", ctypes.c_int32))


class Level(NamedTuple):
    """One level of a grid: coordinate x lies at (x + 1) · scale + shift, in cells, and sees the nodes from its cell's on.

    A node's row in the table is Σ node · stride, less n_rows where that is past the end; in a hashed level it is the exclusive
    or ⊕ node · stride modulo n_rows, a power of two.
    """

    scale: tuple[float, ...]
    shift: float
    last_cell: tuple[int, ...]
    strides: tuple[int, ...]
    n_rows: int
    is_hashed: bool


@dataclass(frozen=True)
class Layout:
    """All that the kernels know of a grid but its tables: made once for an encoding, by `dense_layout` or `hash_layout`."""

    dim: int
    n_features: int  # of one level
    table_sizes: tuple[int, ...]  # numbers in the table of each level
    is_dense: bool  # each level's table is an array of its nodes, the last axis contiguous
    is_dense_linear: bool
    shape: bytes  # a CShape
    levels: bytes  # a CLevel for each level


def dense_layout(resolutions: Sequence[Sequence[int]], n_features: int, interpolation: str) -> Layout:
    """Of levels with `resolutions` cells along each axis; their nodes begin at coordinate -1, or one cell before it for "cubic".

    Tables are [*nodes, n_features] with cells + 1 nodes per axis, or cells + 3 for "cubic".
    """
    levels = [_dense_level(cells, INTERPOLATIONS[interpolation]) for cells in resolutions]
    return _layout(levels, n_features, interpolation, is_dense=True)


def hash_layout(
    lattices: Sequence[tuple[float, int, int, bool]], primes: Sequence[int], n_features: int, interpolation: str
) -> Layout:
    """Of levels given as instant-ngp's (scale, nodes per axis, rows, whether hashed), on as many axes as there are primes.

    Coordinate x lies at (x + 1) / 2 · scale + 1/2. Tables are [rows, n_features]; the first axis is contiguous in a dense level.
    """
    return _layout([_lattice_level(*lattice, primes) for lattice in lattices], n_features, interpolation, is_dense=False)


def _dense_level(cells: Sequence[int], n_taps: int) -> Level:
    strides: list[int] = []
    n_rows = 1
    for n_cells in reversed(cells):
        strides.insert(0, n_rows)
        n_rows *= n_cells + n_taps - 1
    return Level(tuple(n / 2 for n in cells), 0.0, tuple(n - 1 for n in cells), tuple(strides), n_rows, is_hashed=False)


def _lattice_level(scale: float, resolution: int, n_rows: int, is_hashed: bool, primes: Sequence[int]) -> Level:
    dim = len(primes)
    strides = tuple(primes) if is_hashed else tuple(resolution**axis for axis in range(dim))
    last_cell = resolution if is_hashed else resolution - 1  # the last that a coordinate in [-1, 1] reaches
    return Level((scale / 2,) * dim, 0.5, (last_cell,) * dim, strides, n_rows, is_hashed)


def _layout(levels: list[Level], n_features: int, interpolation: str, *, is_dense: bool) -> Layout:
    n_taps = INTERPOLATIONS[interpolation]
    for level in levels:  # native code relies on it to stay inside a table
        reach = sum((last + n_taps - 1) * stride for last, stride in zip(level.last_cell, level.strides, strict=True))
        assert level.n_rows.bit_count() == 1 if level.is_hashed else reach < 2 * level.n_rows
        assert not is_dense or (reach < level.n_rows and level.strides[-1] == 1)
    dim = len(levels[0].scale)
    return Layout(
        dim,
        n_features,
        tuple(level.n_rows * n_features for level in levels),
        is_dense,
        is_dense and interpolation == "linear",
        bytes(CShape(dim, list(INTERPOLATIONS).index(interpolation), len(levels), n_features)),
        b"".join(bytes(_c_level(level)) for level in levels),
    )


def _c_level(level: Level) -> CLevel:
    scale, last_cell = (ctypes.c_float * MAX_DIM)(*level.scale), (ctypes.c_int32 * MAX_DIM)(*level.last_cell)
    strides = (ctypes.c_uint32 * MAX_DIM)(*level.strides)
    return CLevel(scale, level.shift, last_cell, strides, level.n_rows, level.is_hashed)


def read(
    layout: Layout,
    tables: Sequence[Tensor],
    coords: Tensor,
    *,
    direction: Tensor | None = None,
    grad: Tensor | None = None,
    wanted: tuple[bool, bool] = (True, False),
) -> tuple[Tensor | None, Tensor | None]:
    """Features [*, levels · F] of coords [*, d], and slopes [*, d] = Σ grad · ∂features/∂coords, as wanted.

    With a direction [*, d] both are of the features' derivative along it.
    """
    coords, tables = coords.contiguous(), [table.contiguous() for table in tables]
    features = coords.new_empty(*coords.shape[:-1], len(tables) * layout.n_features) if wanted[0] else None
    slopes = torch.empty_like(coords) if wanted[1] else None
    if any(wanted):
        _run("ungrid_grid_read", layout, tables, coords, direction, grad, features, slopes)
    return features, slopes


def read_axes(layout: Layout, tables: Sequence[Tensor], axis_coords: Sequence[Tensor]) -> Tensor:
    """Features [*shape, levels · F] on the grid of the given axis coordinates, of a dense layout."""
    assert layout.is_dense
    native = library()
    assert native is not None
    axis_coords, tables = [coords.contiguous() for coords in axis_coords], [table.contiguous() for table in tables]
    lengths = [len(coords) for coords in axis_coords]
    features = tables[0].new_empty(*lengths, len(tables) * layout.n_features)
    arrays = (_addresses(axis_coords), (ctypes.c_int64 * len(lengths))(*lengths), _addresses(tables))
    addresses = [ctypes.addressof(array) for array in arrays]
    call = CAxesCall(*addresses, features.data_ptr(), torch.get_num_threads())
    _check(native.ungrid_grid_read_axes(layout.shape, layout.levels, ctypes.byref(call)))
    return features


def scatter(
    layout: Layout,
    tables: Sequence[Tensor],
    coords: Tensor,
    *,
    grad: Tensor,
    direction: Tensor | None = None,
    wanted: Sequence[bool],
) -> list[Tensor | None]:
    """Gradients of the tables that are wanted: Σ grad · ∂features/∂table or, with a direction, of the derivative along it."""
    grads = [
        torch.empty_like(t, memory_format=torch.contiguous_format) if w else None for t, w in zip(tables, wanted, strict=True)
    ]
    if any(wanted):
        _run("ungrid_grid_scatter", layout, grads, coords.contiguous(), direction, grad, None, None)
    return grads


def _run(
    name: str,
    layout: Layout,
    tables: Sequence[Tensor | None],
    coords: Tensor,
    direction: Tensor | None,
    grad: Tensor | None,
    features: Tensor | None,
    slopes: Tensor | None,
) -> None:
    native = library()
    assert native is not None
    direction = None if direction is None else direction.contiguous()
    grad = None if grad is None else grad.contiguous()
    addresses = _addresses(tables)
    arrays = (
        _address(coords),
        _address(direction),
        _address(grad),
        ctypes.addressof(addresses),
        _address(features),
        _address(slopes),
    )
    call = CCall(*arrays, coords.numel() // layout.dim, torch.get_num_threads())
    _check(getattr(native, name)(layout.shape, layout.levels, ctypes.byref(call)))


def _check(code: int) -> None:
    if code:
        raise MachineError(f"a native kernel stopped: {FAULTS.get(code, f'code {code}')}")


def _addresses(tensors: Sequence[Tensor | None]) -> "ctypes.Array[ctypes.c_void_p]":
    return (ctypes.c_void_p * len(tensors))(*map(_address, tensors))


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
