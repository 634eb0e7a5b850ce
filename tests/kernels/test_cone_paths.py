import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import ShapeError
from ungrid.kernels.cone_paths import ConePaths
from ungrid.kernels.native_library import available, library, torch_only
from ungrid.kernels.slab_paths import SlabPaths

needs_native = pytest.mark.skipif(library() is None, reason="no native kernels were built")
SHAPES = [(1, 1, 1), (5, 3, 4), (18, 11, 20)]


def random(*shape, seed=0, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_paths(n_slabs, n_across, n_z):
    """Two runs, one with falling edges; ray 5 is in none; rows that see beyond the volume."""
    start = torch.cat([torch.linspace(-2, n_across + 1, 6), torch.linspace(n_across / 2, -1, 5)]).double()
    step = torch.cat([torch.linspace(-0.4, 0.9, 6), torch.full((5,), 0.3)]).double()
    columns = SlabPaths(n_slabs, n_across, 10, torch.tensor([[0, 5, 0], [6, 4, 6]]), start, step)
    depth, rises = torch.linspace(0.4, 0.5, 10).double(), torch.linspace(-n_z, 1.3 * n_z, 8).double()
    return ConePaths(columns, depth, 0.3 * depth / n_slabs, rises, 0.4 * n_z, n_z)


def test_a_volume_that_is_even_along_z_gives_each_row_that_it_fills_what_its_plane_gives():
    paths, plane = some_paths(5, 3, 4), random(5, 3, dtype=torch.float64)
    seen = paths.project(plane[..., None].expand(5, 3, 4))
    assert_close(seen[:, 3], paths.columns.project(plane))  # the row whose rays stay nearest to the source's plane


@pytest.mark.parametrize("shape", SHAPES)
def test_projecting_back_is_the_adjoint(shape):
    paths = some_paths(*shape)
    slabs, seen = random(*shape, dtype=torch.float64), random(10, 7, seed=1, dtype=torch.float64)
    product = (paths.project(slabs) * seen).sum()
    assert float(product) > 0
    assert_close(product, (slabs * paths.back_project(seen)).sum())
    assert not paths.project(slabs)[5].any()


@needs_native
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("instructions", available() or ["none"])
def test_native_agrees_with_the_reference_in_double_precision(monkeypatch, instructions, shape, threads):
    monkeypatch.setenv("UNGRID_KERNELS", instructions)
    paths, slabs, seen, before = some_paths(*shape), random(*shape), random(10, 7, seed=1), torch.get_num_threads()
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
    with pytest.raises(ShapeError, match="slabs"):
        some_paths(5, 3, 4).project(torch.zeros(5, 4, 3))
    with pytest.raises(ShapeError, match="expected"):
        some_paths(5, 3, 4).back_project(torch.zeros(10, 8))
