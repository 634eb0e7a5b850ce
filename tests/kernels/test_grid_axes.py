"""Dense grids along axes in native code against the readable encoding of points, and when each serves."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.hash_grid import HashGrid
from ungrid.kernels.grid import encode_axes
from ungrid.kernels.native_library import available, library, torch_only

SETS = available() if library() else []
KERNELS = ["linear", "smoothstep", "cubic"]
needs_native = pytest.mark.skipif(not SETS, reason="no native kernels on this machine")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def grid_of(d, interpolation="cubic", n_features=2, *, resolutions=((1, 2, 1, 3), (5, 3, 4, 2), (9, 7, 6, 5), (12, 40, 11, 9))):
    """A small grid with table entries in ±1."""
    resolutions = tuple(cells[:d] for cells in resolutions)
    return DenseGrid(d, resolutions, n_features, interpolation=interpolation, init_scale=1.0)


def axes_of(*lengths, seed=0):
    """Axes in any order, with points beyond the ends of the box."""
    rng = torch.Generator().manual_seed(seed)
    return [2.2 * torch.rand(n, generator=rng) - 1.1 for n in lengths]


def natively(grid, axes):
    """The kernel's features; nothing else may be asked."""

    def forbidden(axes):
        raise AssertionError("the reference was asked")

    with torch.no_grad():
        return encode_axes(axes, grid.levels, grid.layout, forbidden)


def at_points(grid, axes, dtype=torch.float64):
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).to(dtype)
    return grid.reference(points, [table.detach().to(dtype) for table in grid.levels])


def assert_near(found, expected):
    """Equal up to rounding, of a coordinate's place among 40 cells in float32, times the slope between entries in ±1."""
    assert_close(found, expected.float(), rtol=0, atol=2e-5, equal_nan=True)


@needs_native
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("interpolation", KERNELS)
@pytest.mark.parametrize(
    ("instructions", "n_features"), [*itertools.product(SETS, [1, 2, 4, 8]), *((s, f) for s in SETS[-1:] for f in (3, 5, 17))]
)
def test_it_agrees_with_the_reference_in_double_precision(monkeypatch, instructions, n_features, interpolation, d):
    monkeypatch.setenv("UNGRID_KERNELS", instructions)
    grid = grid_of(d, interpolation, n_features)
    for axes in (axes_of(*(7, 5, 3, 19)[-d:]), [axis.sort().values for axis in axes_of(*(2, 3, 6, 37)[-d:])]):
        assert_near(natively(grid, axes), at_points(grid, axes))


@needs_native
@pytest.mark.parametrize("instructions", SETS)
@pytest.mark.parametrize("n_cells", [3, 90, 1000, 30_000])  # many points to a cell, to many cells to a point
@pytest.mark.parametrize("order", ["rising", "falling", "shuffled"])
@pytest.mark.parametrize("n_levels", [3, 4])
def test_cells_of_any_size_and_coordinates_in_any_order(monkeypatch, instructions, n_cells, order, n_levels):
    monkeypatch.setenv("UNGRID_KERNELS", instructions)
    grid = grid_of(2, resolutions=((3, 5), (4, 6), (5, n_cells), (2, 2 * n_cells))[-n_levels:])
    along = torch.linspace(-1.05, 1.05, 601)  # more than two blocks of the kernel's
    along = {"rising": along, "falling": along.flip(0), "shuffled": along[torch.randperm(601)]}[order]
    axes = [torch.linspace(-1, 1, 5), along]
    assert_close(natively(grid, axes), at_points(grid, axes, torch.float32), rtol=0, atol=2e-6)


@needs_native
@pytest.mark.parametrize("lengths", [(0, 4), (4, 0), (0, 0), (1, 1), (1, 300), (300, 1), (9, 257)])
def test_axes_of_any_length(lengths):
    grid, axes = grid_of(2), axes_of(*lengths)
    found = natively(grid, axes)
    assert found.shape == (*lengths, grid.out_dim)
    assert_near(found, at_points(grid, axes))


@needs_native
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("interpolation", KERNELS)
def test_on_nodes_and_at_and_beyond_the_ends_it_takes_the_cells_of_the_reference(interpolation, d):
    grid = grid_of(d, interpolation)
    ends = torch.tensor([-torch.inf, -3, -1.0000001, -1, 0, 1, 1.0000001, 3, torch.inf])
    axes = [torch.cat([ends.roll(axis)[:4], -1 + 2 * torch.arange(4) / grid.resolutions[2][axis]]) for axis in range(d)]
    assert_near(natively(grid, axes), at_points(grid, axes, torch.float32))


@needs_native
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("interpolation", KERNELS)
def test_a_coordinate_that_is_not_a_number_spoils_its_points_and_no_others(interpolation, d):
    grid, axes = grid_of(d, interpolation), axes_of(*(5, 4, 3, 18)[-d:])
    for axis in axes:
        axis[1] = torch.nan
    found = natively(grid, axes)
    assert_near(found, at_points(grid, axes, torch.float32))
    assert int(found.isfinite().all(-1).sum()) == math.prod(len(axis) - 1 for axis in axes)


@needs_native
@pytest.mark.parametrize("instructions", SETS)
@pytest.mark.parametrize("n_features", [1, 2, 3, 8, 17])
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_nothing_outside_a_table_is_seen(monkeypatch, instructions, n_features, d):
    monkeypatch.setenv("UNGRID_KERNELS", instructions)
    grid, axes = grid_of(d, "cubic", n_features), axes_of(*(5, 4, 3, 40)[-d:])
    axes[-1][:4] = torch.tensor([-torch.inf, torch.inf, -1e30, 1.0])
    fenced = [torch.full((table.numel() + 2000,), torch.nan) for table in grid.levels]
    tables = [a[1000:-1000].view_as(table).copy_(table.detach()) for a, table in zip(fenced, grid.levels, strict=True)]
    assert encode_axes(axes, tables, grid.layout, lambda axes: pytest.fail("the reference was asked")).isfinite().all()


@needs_native
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_changes_no_bit(d):
    grid, axes = grid_of(d), axes_of(*(3, 21, 1001)[-d:])
    found = {}
    for n_threads in (1, 2, 3, 7):
        torch.set_num_threads(n_threads)
        found[n_threads] = natively(grid, axes)
    assert all(torch.equal(found[1], other) for other in found.values())


@needs_native
def test_strided_axes_and_tables():
    grid, axes = grid_of(2), axes_of(8, 30)
    tables = [table.detach().mT.contiguous().mT for table in grid.levels]
    found = encode_axes([axes[0].repeat_interleave(2)[::2], axes[1].flip(0).flip(0)], tables, grid.layout, lambda axes: None)
    assert torch.equal(found, natively(grid, axes))


@needs_native
def test_a_grid_is_read_along_its_axes_only_where_no_gradient_is_asked_for(monkeypatch):
    grid, axes = grid_of(2), axes_of(5, 6)
    seen = []
    monkeypatch.setattr(grid, "forward", lambda points: seen.append(points.shape) or grid.reference(points, list(grid.levels)))
    with torch.no_grad():
        expected = grid.on_axes(axes)
    assert not seen
    grid.requires_grad_(False)
    assert torch.equal(grid.on_axes(axes), expected)
    assert not seen
    slopes = torch.autograd.grad(grid.on_axes([axes[0].requires_grad_(), axes[1]]).sum(), axes[0])[0]
    assert seen == [(5, 6, 2)]
    assert slopes.abs().min() > 0
    grid.requires_grad_(True)
    grid.on_axes([axes[0].detach(), axes[1]]).sum().backward()
    assert all(table.grad is not None for table in grid.levels)


def test_what_the_kernel_does_not_serve_goes_to_the_reference():
    grid, axes = grid_of(2), axes_of(5, 6)
    asked = []

    def recorded(axes):
        asked.append(len(axes))
        return torch.zeros(0)

    with torch.no_grad():
        with torch_only():
            encode_axes(axes, grid.levels, grid.layout, recorded)
        encode_axes([axis.double() for axis in axes], [table.double() for table in grid.levels], grid.layout, recorded)
        encode_axes(axes[:1], grid.levels, grid.layout, recorded)
        encode_axes(axes, [*grid.levels][:-1], grid.layout, recorded)
        encode_axes([axes[0], axes[1][None]], grid.levels, grid.layout, recorded)
        hashed = HashGrid(2, 4, 2, log2_hashmap_size=7, base_resolution=4, per_level_scale=1.7)
        encode_axes(axes, hashed.levels, hashed.layout, recorded)
        torch.func.vmap(lambda axis: encode_axes([axis, axis], grid.levels, grid.layout, recorded))(torch.zeros(3, 5))
    assert asked == [2, 2, 1, 2, 2, 2, 2]
