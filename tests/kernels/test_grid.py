"""The native grid encoding against the readable one: features, first and second derivatives, and when each serves."""

import itertools

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.autograd.functional import jacobian
from torch.fx.experimental.proxy_tensor import make_fx
from torch.testing import assert_close

from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.hash_grid import PRIMES, HashGrid
from ungrid.kernels.grid import encode
from ungrid.kernels.grid_native import dense_layout, hash_layout, scatter
from ungrid.kernels.native_library import available, library, torch_only

SETS = available() if library() else []
KINDS = [("dense", "linear"), ("dense", "smoothstep"), ("dense", "cubic"), ("hash", "linear"), ("hash", "smoothstep")]
needs_native = pytest.mark.skipif(not SETS, reason="no native kernels on this machine")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def grid_of(kind, interpolation, d, n_features=2):
    """A small grid with table entries in ±1, of dense and, for "hash", wrapping dense and hashed levels."""
    if kind == "dense":
        return DenseGrid(d, ((5, 3, 4, 2)[:d], (9, 7, 6, 3)[:d]), n_features, interpolation=interpolation, init_scale=1.0)
    grid = HashGrid(d, 4, n_features, log2_hashmap_size=7, base_resolution=4, per_level_scale=1.7, interpolation=interpolation)
    for table in grid.levels:
        nn.init.uniform_(table, -1, 1, generator=torch.Generator().manual_seed(1))
    return grid


def layout_of(grid):
    if isinstance(grid, DenseGrid):
        return dense_layout(grid.resolutions, grid.n_features_per_level, grid.interpolation)
    return hash_layout(grid.lattices, PRIMES[: grid.in_dim], grid.n_features_per_level, grid.interpolation)


def native_of(grid):
    """The native encoding as a function of (coords, tables), which must not ask the reference."""
    layout = layout_of(grid)

    def forbidden(coords, tables):
        raise AssertionError("the reference was asked")

    return lambda coords, tables: encode(coords, tables, layout, forbidden)


def random_coords(*shape, seed=0):
    return 2.2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 1.1


def derivatives(function, coords, tables, dtype=torch.float32):
    """Features; gradients of coords and tables; gradients of direction · grad_coords by grad, coords and tables."""
    coords = coords.to(dtype, copy=True).requires_grad_()
    tables = [table.detach().to(dtype, copy=True).requires_grad_() for table in tables]
    features = function(coords, tables)
    rng = torch.Generator().manual_seed(7)
    grad = torch.randn(features.shape, generator=rng).to(dtype).requires_grad_()
    first = torch.autograd.grad(features, [coords, *tables], grad, create_graph=True)
    direction = torch.randn(coords.shape, generator=rng).to(dtype)
    inputs = [grad, coords, *tables]
    second = torch.autograd.grad(first[0], inputs, direction, allow_unused=True, materialize_grads=True)
    return [x.detach() for x in (features, *first, *second)]


def assert_near(found, expected, rtol=2e-5):
    """All tensors equal up to rtol of the largest magnitude of each; NaN where NaN is expected."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        scale = other.nan_to_num(0, 0, 0).abs().max().item() if other.numel() else 0
        assert_close(one, other.to(one.dtype), rtol=0, atol=rtol * scale, equal_nan=True)


@needs_native
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize(("kind", "interpolation"), KINDS)
@pytest.mark.parametrize(
    ("instructions", "n_features"), [*itertools.product(SETS[-1:], [1, 2, 3, 4, 8]), *((s, 15) for s in SETS)]
)
def test_two_derivatives_agree_with_the_reference_in_double_precision(
    monkeypatch, instructions, n_features, kind, interpolation, d
):
    monkeypatch.setenv("UNGRID_KERNELS", instructions)
    grid, coords = grid_of(kind, interpolation, d, n_features), random_coords(37, d)
    expected = derivatives(grid.reference, coords, grid.levels, torch.float64)
    assert_near(derivatives(native_of(grid), coords, grid.levels), expected)


@needs_native
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize(("kind", "interpolation"), KINDS)
def test_on_nodes_and_at_and_beyond_the_ends_it_takes_the_cells_of_the_reference(kind, interpolation, d):
    grid = grid_of(kind, interpolation, d)
    if kind == "dense":
        nodes = [-1 + 2 * torch.arange(cells + 1) / cells for cells in grid.resolutions[1]]
    else:
        scale = grid.lattices[1].scale
        nodes = [2 * (torch.arange(round(scale) + 1) - 0.5) / scale - 1] * d
    ends = torch.tensor([-torch.inf, -3, -1.0000001, -1, 0, 1, 1.0000001, 3, torch.inf])
    coords = torch.stack([torch.cat([ends.roll(axis), nodes[axis][:3], nodes[axis][-2:]]) for axis in range(d)], dim=-1)
    expected = derivatives(grid.reference, coords, grid.levels)
    assert_near(derivatives(native_of(grid), coords, grid.levels), expected)


@needs_native
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize(("kind", "interpolation"), KINDS)
def test_coords_that_are_not_numbers_give_what_the_reference_gives(kind, interpolation, d):
    grid, coords = grid_of(kind, interpolation, d), random_coords(19, d)
    coords[3] = torch.nan
    coords[11, -1] = torch.nan
    found, expected = (derivatives(function, coords, grid.levels) for function in (native_of(grid), grid.reference))
    assert expected[0][3].isnan().all()
    first = 2 + len(grid.levels)
    assert_near(found[:first], expected[:first])


@needs_native
@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize(("kind", "interpolation"), KINDS)
def test_nothing_outside_a_table_is_read_or_written(monkeypatch, kind, interpolation, d):
    grid, coords = grid_of(kind, interpolation, d), random_coords(50, d)
    coords[:5] = torch.tensor([torch.nan, -torch.inf, torch.inf, -1e30, 1.0])[:, None]
    inside = [torch.full((table.numel() + 2000,), torch.nan) for table in grid.levels]
    tables = [a[1000:-1000].view_as(table).copy_(table.detach()) for a, table in zip(inside, grid.levels, strict=True)]
    assert native_of(grid)(coords[1:], tables).isfinite().all()

    around = []

    def fenced(table, **_):
        around.append(torch.full((table.numel() + 2000,), 0.5))
        return around[-1][1000:-1000].view_as(table)

    monkeypatch.setattr(torch, "empty_like", fenced)
    scatter(layout_of(grid), tables, coords, grad=torch.ones(50, grid.out_dim), wanted=[True] * len(tables))
    assert all((a[:1000] == 0.5).all() and (a[-1000:] == 0.5).all() for a in around)


@needs_native
@pytest.mark.parametrize("shape", [(0,), (1,), (17,), (1025,), (), (3, 5), (2, 0, 3)])
@pytest.mark.parametrize("kind", ["dense", "hash"])
def test_any_number_of_points_and_leading_axes(kind, shape):
    grid, coords = grid_of(kind, "linear", 2), random_coords(*shape, 2)
    found = derivatives(native_of(grid), coords, grid.levels)
    assert found[0].shape == (*shape, grid.out_dim)
    assert_near(found, derivatives(grid.reference, coords, grid.levels, torch.float64))


@needs_native
@pytest.mark.parametrize("kind", ["dense", "hash"])
def test_strided_coords_tables_and_gradients(kind):
    grid = grid_of(kind, "smoothstep", 3)
    native = native_of(grid)

    def strided(coords, tables):
        return native(coords.T.contiguous().T, [table.mT.contiguous().mT for table in tables]).T.contiguous().T

    coords = random_coords(40, 3)
    assert_near(derivatives(strided, coords, grid.levels), derivatives(grid.reference, coords, grid.levels, torch.float64))
    native_of(grid)(coords, grid.levels).sum().backward()  # an expanded gradient
    expected = grid.reference(coords, tables := [table.detach().requires_grad_() for table in grid.levels])
    assert_near([table.grad for table in grid.levels], torch.autograd.grad(expected.sum(), tables))


@needs_native
@pytest.mark.parametrize(("kind", "interpolation"), KINDS)
@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_changes_no_bit(kind, interpolation):
    grid, coords = grid_of(kind, interpolation, 2), random_coords(3001, 2)
    found = {}
    for n_threads in (1, 2, 3, 7):
        torch.set_num_threads(n_threads)
        found[n_threads] = derivatives(native_of(grid), coords, grid.levels)
    for n_threads in (2, 3, 7):
        assert all(map(torch.equal, found[1], found[n_threads]))


@needs_native
@pytest.mark.parametrize(("kind", "interpolation"), [("dense", "cubic"), ("hash", "smoothstep")])
def test_third_derivatives_come_from_the_reference(kind, interpolation):
    grid, coords = grid_of(kind, interpolation, 2), random_coords(23, 2)

    def third(use_native, dtype):
        points = coords.to(dtype).requires_grad_()
        tables = [table.detach().to(dtype).requires_grad_() for table in grid.levels]
        features = encode(points, tables, layout_of(grid), grid.reference) if use_native else grid.reference(points, tables)
        slope = torch.autograd.grad(features.sin().sum(), points, create_graph=True)[0]
        bend = torch.autograd.grad(slope.pow(2).sum(), points, create_graph=True)[0]
        return torch.autograd.grad(bend.sum(), [points, *tables])

    assert_near(third(True, torch.float32), third(False, torch.float64), rtol=1e-4)


@needs_native
def test_gradients_of_the_tables_gradients_are_exact():
    grid, coords = grid_of("hash", "smoothstep", 2), random_coords(23, 2)

    def second(use_native, dtype):
        points = coords.to(dtype).requires_grad_()
        tables = [table.detach().to(dtype).requires_grad_() for table in grid.levels]
        features = encode(points, tables, layout_of(grid), grid.reference) if use_native else grid.reference(points, tables)
        grads = torch.autograd.grad(features.sin().sum(), [points, *tables], create_graph=True)
        return torch.autograd.grad(sum(g.pow(2).sum() for g in grads), [points, *tables])

    assert_near(second(True, torch.float32), second(False, torch.float64), rtol=1e-4)


@needs_native
def test_coords_that_depend_on_the_tables_are_not_counted_twice():
    grid = grid_of("dense", "cubic", 1)

    def third(use_native, dtype):
        tables = [table.detach().to(dtype).requires_grad_() for table in grid.levels]
        points = tables[0][:, :1].tanh()
        features = encode(points, tables, layout_of(grid), grid.reference) if use_native else grid.reference(points, tables)
        for _ in range(3):
            features = torch.autograd.grad(features.pow(2).sum(), points, create_graph=True)[0]
        return torch.autograd.grad(features.sum(), tables)

    assert_near(third(True, torch.float32), third(False, torch.float64), rtol=1e-3)


@needs_native
def test_only_what_is_asked_for_is_computed(monkeypatch):
    grid, coords = grid_of("hash", "linear", 2), random_coords(9, 2)
    features = native_of(grid)(coords.requires_grad_(), grid.levels)
    asked = []

    def recorded(*args, wanted, **rest):
        asked.append(wanted)
        return scatter(*args, wanted=wanted, **rest)

    monkeypatch.setattr("ungrid.kernels.grid.scatter", recorded)
    torch.autograd.grad(features.sum(), coords, retain_graph=True)
    torch.autograd.grad(features.sum(), [grid.levels[1]], retain_graph=True)
    features.sum().backward()
    assert asked == [[False] * 4, [False, True, False, False], [True] * 4]


@needs_native
def test_frozen_tables_get_no_gradient():
    grid, coords = grid_of("hash", "linear", 2), random_coords(9, 2)
    grid.levels[2].requires_grad_(False)
    native_of(grid)(coords, grid.levels).sum().backward()
    assert [table.grad is None for table in grid.levels] == [False, False, True, False]


def recording(grid):
    """The encoding, given its reference, and the list of dtypes that the reference was asked for."""
    asked = []
    layout, reference = layout_of(grid), grid.reference

    def recorded(coords, tables):
        asked.append(coords.dtype)
        return reference(coords, tables)

    return lambda coords, tables: encode(coords, tables, layout, recorded), asked


def test_other_dtypes_and_machines_without_a_library_go_to_the_reference():
    grid, coords = grid_of("dense", "cubic", 2), random_coords(9, 2)
    function, asked = recording(grid)
    with torch_only():
        function(coords, grid.levels)
    function(coords.double(), [table.double() for table in grid.levels])
    function(coords.to("meta"), [table.to("meta") for table in grid.levels])
    assert asked == [torch.float32, torch.float64, torch.float32]


def test_transforms_forward_mode_and_tracing_agree_with_the_reference():
    grid, coords = grid_of("dense", "cubic", 2), random_coords(9, 2)
    tables = [table.detach() for table in grid.levels]
    function, asked = recording(grid)
    encoded = lambda points: function(points, tables)  # noqa: E731
    expected = jacobian(lambda points: grid.reference(points, tables), coords)
    assert_close(jacobian(encoded, coords, vectorize=True), expected)
    assert_close(torch.func.jacrev(encoded)(coords), expected)
    assert_close(torch.func.jacfwd(encoded)(coords), expected)
    assert_close(torch.func.vmap(encoded)(coords), encoded(coords))
    with forward_ad.dual_level():
        slope = forward_ad.unpack_dual(encoded(forward_ad.make_dual(coords, torch.ones_like(coords)))).tangent
    assert_close(slope, expected.sum((-1, -2)))
    assert asked

    other = random_coords(9, 2, seed=1)
    assert_close(make_fx(encoded)(coords)(other), encoded(other))


@needs_native
def test_tables_of_another_size_go_to_the_reference():
    grid = grid_of("dense", "linear", 1)
    function, asked = recording(grid)
    with pytest.raises((RuntimeError, ValueError, IndexError)):
        function(random_coords(5, 2), grid.levels)
    assert asked
