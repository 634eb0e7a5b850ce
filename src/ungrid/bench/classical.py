"""Classical ways to fill in a signal of which some samples are known, where the packages that have them are installed."""

import functools
import importlib
import importlib.util
import math
import os
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

MOST_BIHARMONIC = 256**2  # pixels: it solves one system of the unknown ones, in a time that grows faster than they do
MOST_TETRAHEDRAL = 2**17  # samples: a Delaunay triangulation of space takes a minute for these
THREADS = "OPENBLAS_NUM_THREADS"
Complete = Callable[[Tensor, Tensor], Tensor]


def scattered(shape: tuple[int, ...]) -> dict[str, Complete]:
    """(values [*shape, c], known [*shape]) → estimate [*shape, c], by name; those that serve for signals of this shape."""
    serves = {
        "scattered linear": len(shape) < 3 or math.prod(shape) <= MOST_TETRAHEDRAL,
        "scattered cubic": len(shape) < 3,
        "biharmonic": len(shape) == 2 and math.prod(shape) <= MOST_BIHARMONIC,
    }
    return {name: method for name, method in _installed().items() if serves[name]}


@functools.cache
def _installed() -> dict[str, Complete]:
    """All methods that there are packages for, each called once: the first call of a process may take seconds."""
    methods: dict[str, Complete] = {}
    if importlib.util.find_spec("scipy"):
        _import_with_one_thread("scipy.interpolate")
        methods |= {"scattered linear": linear, "scattered cubic": cubic}
    if importlib.util.find_spec("skimage"):
        methods["biharmonic"] = biharmonic
    known = torch.ones(8, 8, dtype=torch.bool)
    known[2:5, 3] = known[0, 0] = False
    for method in methods.values():
        method(torch.arange(64.0).reshape(8, 8, 1), known)
    return methods


def _import_with_one_thread(module: str) -> None:
    """Import it, if it is not yet, with an OpenBLAS of one thread: its threads spin while they wait, which takes a hundred times
    as long as the small matrices of a triangulation."""
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"  # read once, when the library is loaded
    try:
        importlib.import_module(module)
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


def linear(values: Tensor, known: Tensor) -> Tensor:
    """Linear over a Delaunay triangulation of the known samples; outside of it the nearest one."""
    return _griddata(values, known, "linear")


def cubic(values: Tensor, known: Tensor) -> Tensor:
    """Clough and Tocher's cubic over a Delaunay triangulation of the known pixels, a cubic spline on one axis; outside of them
    the nearest one."""
    return _griddata(values, known, "cubic")


def biharmonic(values: Tensor, known: Tensor) -> Tensor:
    """scikit-image's biharmonic inpainting."""
    from skimage.restoration import inpaint_biharmonic

    given = torch.where(known[..., None], values, 0.0).double().numpy()
    filled = inpaint_biharmonic(given, ~known.numpy(), channel_axis=-1)
    return torch.from_numpy(np.asarray(filled)).to(values.dtype)


def _griddata(values: Tensor, known: Tensor, method: str) -> Tensor:
    from scipy.interpolate import griddata

    at, given = known.nonzero().numpy(), values[known].double().numpy()
    unknown = (~known).nonzero().numpy()
    found = griddata(at, given, unknown, method=method).reshape(len(unknown), -1)
    beyond = np.isnan(found).any(axis=-1)
    if beyond.any():
        found[beyond] = griddata(at, given, unknown[beyond], method="nearest").reshape(-1, given.shape[-1])
    result = values.clone()
    result[~known] = torch.from_numpy(found).to(values.dtype)
    return result
