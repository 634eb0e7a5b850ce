"""Memory for what a forward pass keeps: often hundreds of megabytes, written once, read once, and wanted again a step later."""

import mmap
import weakref

import torch
from torch import Tensor

LARGE = 32 << 20  # bytes; the C library keeps smaller blocks for the next one itself
MAX_SPARES = 4
_spares: list[mmap.mmap] = []


def empty_floats(n: int) -> Tensor:
    """An uninitialized float32 vector. A large one gives its memory back for the next one of about its size.

    The system clears each fresh page when it is first touched, which is up to a fifth of a training step. Memory in
    waiting is marked as free: the system takes it when it needs it.
    """
    if 4 * n < LARGE or not hasattr(mmap, "MADV_FREE"):
        return torch.empty(n)
    memory = _take(4 * n) or _fresh(4 * n)
    view = memoryview(memory)
    weakref.finalize(view, _give_back, memory).atexit = False
    return torch.frombuffer(view, dtype=torch.float32, count=n)


def _fresh(size: int) -> mmap.mmap:
    """New memory, in pages of 2 MB where the system has them: 512 times fewer to clear and to look up."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        try:
            memory.madvise(mmap.MADV_HUGEPAGE)
        except OSError:  # a system without them
            return memory
    return memory


def _take(size: int) -> mmap.mmap | None:
    """A spare that is large enough, and not more than twice as large."""
    for memory in list(_spares):
        if size <= len(memory) <= 2 * size:
            try:
                _spares.remove(memory)
            except ValueError:  # another thread was faster
                continue
            return memory
    return None


def _give_back(memory: mmap.mmap) -> None:
    memory.madvise(mmap.MADV_FREE)
    _spares.append(memory)
    del _spares[:-MAX_SPARES]
