import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import ShapeError
from ungrid.kernels.native_library import available, library, torch_only
from ungrid.kernels.slab_paths import SlabPaths

needs_native = pytest.mark.skipif(library() is None, reason="no native kernels were built")


def random(*shape, seed=0, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_paths(n_slabs, n_across):
    """Two runs, one with falling edges, both partly beyond the slabs; ray 7 is in none."""
    start = torch.cat([torch.linspace(-3, n_across + 2, 8), torch.linspace(n_across / 2, -1, 18)]).double()
    step = torch.cat([torch.linspace(-0.4, 0.9, 8), torch.full((18,), 0.3)]).double()
    return SlabPaths(n_slabs, n_across, 25, torch.tensor([[0, 7, 0], [8, 17, 8]]), start, step)


def test_a_pixel_sees_the_mean_between_its_edges_in_each_slab():
    slabs = torch.tensor([[1.0, 2.0, 4.0], [3.0, 0.0, 6.0]], dtype=torch.float64)
    edges = torch.tensor([0.5, 2.0], dtype=torch.float64)
    paths = SlabPaths(2, 3, 1, torch.tensor([[0, 1, 0]]), edges, torch.tensor([0.5, 1.0], dtype=torch.float64))
    assert_close(paths.project(slabs), torch.tensor([(0.5 + 2) / 1.5 + 6 / 2], dtype=torch.float64))


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (40, 33)])
def test_projecting_back_is_the_adjoint(shape):
    paths = some_paths(*shape)
    slabs, seen = random(*shape, dtype=torch.float64), random(25, seed=1, dtype=torch.float64)
    assert_close((paths.project(slabs) * seen).sum(), (slabs * paths.back_project(seen)).sum())
    assert paths.project(slabs)[7] == 0


@needs_native
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (40, 33)])
@pytest.mark.parametrize("instructions", available() or ["none"])
def test_native_agrees_with_the_reference_in_double_precision(monkeypatch, instructions, shape, threads):
    monkeypatch.setenv("UNGRID_KERNELS", instructions)
    paths, slabs, seen, before = some_paths(*shape), random(*shape), random(25, seed=1), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = [paths.project(slabs), paths.back_project(seen)]
    finally:
        torch.set_num_threads(before)
    with torch_only():
        expected = [paths.project(slabs.double()), paths.back_project(seen.double())]
    for native, reference in zip(found, expected, strict=True):
        assert_close(native.double(), reference, rtol=0, atol=1e-5 * float(reference.abs().max()))


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError, match="expected slabs"):
        some_paths(5, 3).project(torch.zeros(3, 5))
    with pytest.raises(ShapeError, match="expected 25"):
        some_paths(5, 3).back_project(torch.zeros(24))
