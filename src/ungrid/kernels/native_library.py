"""The native kernels' library: the best one that was built and that this processor runs, loaded once.

The environment's UNGRID_KERNELS forces one: `avx512`, `avx2`, `base`, or `torch` for none.
"""

import ctypes
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ungrid.errors import InputError
from ungrid.kernels.build import NATIVE, NOTE

ABI = 1  # of native/library.h
SETS = {"base": "baseline instructions", "avx2": "AVX2", "avx512": "AVX-512"}  # by rising `ungrid_cpu_level`
_hidden = 0


class Choice(NamedTuple):
    """The library to use, or None, and the line that says so."""

    handle: ctypes.CDLL | None
    line: str


def library() -> ctypes.CDLL | None:
    """The native kernels, or None where PyTorch operations serve. Each function returns 0, or 1 for out of memory, 2 for a fault.

    Raises: InputError: UNGRID_KERNELS names what is not there.
    """
    return None if _hidden else _choose(os.environ.get("UNGRID_KERNELS", ""), NATIVE).handle


def describe() -> str:
    """One line on which kernels serve, and why no native ones where that is so."""
    if _hidden:
        return "no native kernels (within torch_only); the torch path serves"
    return _choose(os.environ.get("UNGRID_KERNELS", ""), NATIVE).line


@contextmanager
def torch_only() -> Iterator[None]:
    """Within it, in all threads, no native kernel is used: for comparisons."""
    global _hidden
    _hidden += 1
    try:
        yield
    finally:
        _hidden -= 1


def available(folder: Path = NATIVE) -> list[str]:
    """The instruction sets that were built, fit this version and run on this processor, best last."""
    base = _load(folder, "base")
    level = base.ungrid_cpu_level() if base else -1
    return [name for rank, name in enumerate(SETS) if rank <= level and _load(folder, name)]


@functools.cache
def _choose(forced: str, folder: Path) -> Choice:
    there = available(folder)
    if forced and forced not in (*there, "torch"):
        raise InputError(f"UNGRID_KERNELS is {forced!r}, expected one of {', '.join([*there[::-1], 'torch'])}")
    if forced == "torch":
        return Choice(None, "no native kernels (UNGRID_KERNELS is torch); the torch path serves")
    if not there:
        return Choice(None, f"no native kernels ({_why_none(folder)}); the torch path serves")
    name = forced or there[-1]
    return Choice(_load(folder, name), f"native kernels: {SETS[name]}")


@functools.cache
def _load(folder: Path, name: str) -> ctypes.CDLL | None:
    """One library, or None where it is not there, does not load or has another ABI."""
    try:
        handle = ctypes.CDLL(str(folder / f"ungrid_{name}.so"))
        return handle if handle.ungrid_abi() == ABI else None
    except (OSError, AttributeError):
        return None


def _why_none(folder: Path) -> str:
    if (folder / NOTE).exists():
        return f"not built: {(folder / NOTE).read_text().strip()} when ungrid was installed"
    if (folder / "ungrid_base.so").exists():
        return "built for another version of ungrid: install it again"
    return "not built: install ungrid again where there is a C++ compiler"
