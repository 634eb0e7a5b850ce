import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.encodings.dense_grid import DenseGrid
from ungrid.errors import InputError, UnknownName
from ungrid.spec import from_spec, to_spec

KINDS = ["linear", "smoothstep", "cubic"]


def one_level(cells, values, interpolation="linear"):
    """A float64 grid with one level whose nodes hold `values` [*nodes]."""
    grid = DenseGrid(len(cells), (cells,), 1, interpolation=interpolation).double()
    grid.levels[0].data.copy_(values[..., None])
    return grid


def nodes(n_cells, margin=0):
    """Node positions of an axis, with `margin` nodes beyond each end."""
    return -1 + 2 * (torch.arange(-margin, n_cells + 1 + margin, dtype=torch.float64)) / n_cells


def test_a_linear_grid_reproduces_multilinear_functions():
    y, x = torch.meshgrid(nodes(3), nodes(5), indexing="ij")
    coords = torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    grid = one_level((3, 5), 1 + 2 * y - 3 * x + 0.5 * x * y)
    v, u = coords.unbind(-1)
    assert_close(grid(coords)[:, 0], 1 + 2 * v - 3 * u + 0.5 * u * v)


@pytest.mark.parametrize("kind", ["linear", "smoothstep"])
def test_two_tap_grids_pass_through_their_nodes(kind):
    values = torch.randn(7, dtype=torch.float64)
    assert_close(one_level((6,), values, kind)(nodes(6)[:, None])[:, 0], values)


@pytest.mark.parametrize("power", [0, 1, 2, 3])
def test_a_cubic_grid_reproduces_polynomials_up_to_degree_three(power):
    # B-spline coefficients of xᵖ for spacing h (Marsden): 1, ξ, ξ² - h²/3, ξ³ - h²ξ
    n_cells = 6
    h, xi = 2 / n_cells, nodes(n_cells, margin=1)
    coefficients = [xi**0, xi, xi**2 - h**2 / 3, xi**3 - h**2 * xi][power]
    coords = torch.linspace(-1, 1, 41, dtype=torch.float64)
    assert_close(one_level((n_cells,), coefficients, "cubic")(coords[:, None])[:, 0], coords**power)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_nodes_give_a_constant(kind):
    grid = DenseGrid(3, ((2, 3, 4),), 1, interpolation=kind)
    grid.levels[0].data.fill_(1.5)
    assert_close(grid(torch.rand(20, 3) * 2 - 1), torch.full((20, 1), 1.5))


def test_a_cubic_grid_has_the_second_derivatives_of_finite_differences():
    grid = one_level((5, 4), torch.randn(8, 7, dtype=torch.float64), "cubic")
    coords = torch.rand(10, 2, dtype=torch.float64) * 1.8 - 0.9
    hessian = torch.func.vmap(torch.func.hessian(lambda x: grid(x)[0]))(coords)
    step = 1e-4
    for i, j in [(0, 0), (0, 1), (1, 1)]:
        a, b = step * torch.eye(2, dtype=torch.float64)[[i, j]]
        corners = grid(coords + a + b) - grid(coords + a - b) - grid(coords - a + b) + grid(coords - a - b)
        assert_close(hessian[:, i, j], corners[:, 0] / (4 * step**2), atol=2e-2, rtol=1e-3)


def test_a_cubic_grid_has_continuous_second_derivatives_across_cells():
    grid = one_level((5,), torch.randn(8, dtype=torch.float64), "cubic")
    second = torch.func.vmap(torch.func.grad(torch.func.grad(lambda x: grid(x[None])[0])))
    inner = nodes(5)[1:-1]
    assert_close(second(inner - 1e-9), second(inner + 1e-9), atol=1e-5, rtol=0)


def test_a_linear_grid_has_no_second_derivative_along_an_axis():
    grid = one_level((4, 4), torch.randn(5, 5, dtype=torch.float64))
    hessian = torch.func.hessian(lambda x: grid(x)[0])(torch.tensor([0.1, 0.3], dtype=torch.float64))
    assert hessian.diag().tolist() == [0, 0]
    assert hessian[0, 1] != 0


def test_coords_outside_have_the_value_of_the_nearest_point():
    grid = DenseGrid(2, ((4, 4),), init_scale=1.0)
    outside = torch.tensor([[-3.0, 0.2], [1.7, 2.0]])
    assert_close(grid(outside), grid(outside.clamp(-1, 1)))


def test_levels_are_concatenated_coarse_first():
    grid = DenseGrid(1, ((2,), (8,)), 3, init_scale=1.0)
    coords = torch.tensor([[-1.0]])
    assert_close(grid(coords)[0], torch.cat([grid.levels[0][0], grid.levels[1][0]]))
    assert [tuple(level.shape) for level in grid.levels] == [(3, 3), (9, 3)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_a_grid_on_axes_equals_the_grid_at_points(kind, d):
    grid = DenseGrid(d, ((2, 3, 4, 2)[:d], (5, 4, 3, 6)[:d]), interpolation=kind, init_scale=1.0)
    axes = [torch.linspace(-1 + 0.05 * axis, 1.1, 3 + axis) for axis in range(d)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    assert_close(grid.on_axes(axes), grid(points), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_exact(kind):
    grid = DenseGrid(2, ((2, 3), (4, 3)), interpolation=kind, init_scale=1.0).double()
    coords = torch.tensor([[-0.7, 0.13], [0.4, -0.31]], dtype=torch.float64, requires_grad=True)
    assert gradcheck(grid, coords)
    assert gradgradcheck(grid, coords)


def test_many_grids_are_evaluated_together_by_vmap():
    grids = [DenseGrid(2, ((4, 4),), seed=seed, init_scale=1.0) for seed in range(3)]
    parameters, _ = torch.func.stack_module_state(grids)
    coords = torch.rand(5, 2)
    together = torch.func.vmap(lambda p: torch.func.functional_call(grids[0], p, (coords,)))(parameters)
    assert_close(together, torch.stack([grid(coords) for grid in grids]))


def test_nodes_start_within_the_init_scale():
    start = DenseGrid(2, ((64, 64),), init_scale=0.5).levels[0]
    assert start.abs().max() <= 0.5
    assert_close(start.std().item(), 0.5 / math.sqrt(3), atol=0.01, rtol=0)


def test_octaves_are_doublings_of_the_cells():
    assert DenseGrid(2, ((4, 16), (32, 32)), 2).octaves().tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"in_dim": 0},
        {"in_dim": 5},
        {"resolutions": ()},
        {"resolutions": ((4,),)},
        {"resolutions": ((4, 0),)},
        {"resolutions": ((4, 4),) * 65},
        {"n_features_per_level": 0},
        {"init_scale": math.nan},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        DenseGrid(**{"in_dim": 2, "resolutions": ((4, 4),), **wrong})


def test_an_unknown_interpolation_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'cubic'"):
        DenseGrid(2, ((4, 4),), interpolation="cubik")


def test_dense_grid_is_rebuilt_from_its_spec():
    grid = DenseGrid(2, ((4, 6), (8, 8)), 3, interpolation="cubic", init_scale=0.1, seed=5)
    rebuilt = from_spec(to_spec(grid), {"DenseGrid": DenseGrid})
    assert to_spec(rebuilt) == to_spec(grid)
    assert all(map(torch.equal, rebuilt.levels, grid.levels))


def test_a_huge_grid_is_built_on_the_meta_device_without_memory():
    with torch.device("meta"):
        grid = DenseGrid(3, ((10_000, 10_000, 10_000),))
    assert grid.levels[0].is_meta
