import gc
import mmap

import pytest
import torch

from ungrid.kernels import memory
from ungrid.kernels.memory import LARGE, MAX_SPARES, empty_floats

N = LARGE // 4
reuses = pytest.mark.skipif(not hasattr(mmap, "MADV_FREE"), reason="this system has no memory that is free until it is needed")


@pytest.fixture(autouse=True)
def no_spares(monkeypatch):
    monkeypatch.setattr(memory, "_spares", [])


@pytest.mark.parametrize("n", [0, 1, 1000, N, N + 3])
def test_a_vector_has_the_length_that_was_asked_for_and_may_be_written(n):
    vector = empty_floats(n)
    assert vector.shape == (n,)
    assert vector.dtype == torch.float32
    vector[-1:] = 7
    assert vector[-1:].tolist() == [7] * min(n, 1)


@reuses
def test_the_memory_of_a_large_vector_serves_the_next_one():
    vector = empty_floats(N + 100)
    address = vector.data_ptr()
    del vector
    assert empty_floats(N).data_ptr() == address


@reuses
def test_memory_that_a_view_still_uses_is_not_given_away():
    view = empty_floats(N)[10:20]
    view.fill_(3)
    gc.collect()
    empty_floats(N).fill_(4)
    assert view.tolist() == [3] * 10


@reuses
@pytest.mark.parametrize("n", [N + 1, N // 2 - 1])
def test_memory_too_small_or_far_too_large_is_left(monkeypatch, n):
    monkeypatch.setattr(memory, "LARGE", 4)
    vector = empty_floats(N)
    address = vector.data_ptr()
    del vector
    assert empty_floats(n).data_ptr() != address


@reuses
def test_only_a_few_spares_wait():
    vectors = [empty_floats(N) for _ in range(MAX_SPARES + 2)]
    del vectors
    assert len(memory._spares) == MAX_SPARES
