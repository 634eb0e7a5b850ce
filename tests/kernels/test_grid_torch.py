"""Dense linear grids through `grid_sample` against the readable reference."""

import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.dense_grid import DenseGrid
from ungrid.kernels.grid_torch import sample_dense


def grid_of(d, n_features=2):
    return DenseGrid(d, ((5, 3, 4, 2)[:d], (9, 7, 6, 3)[:d]), n_features, init_scale=1.0)


def coords_of(d, n=61):
    """Random coords, and some on the box's faces and nodes and beyond."""
    coords = 2.2 * torch.rand(n, d, generator=torch.Generator().manual_seed(0)) - 1.1
    coords[:7] = torch.tensor([-torch.inf, -2, -1, 0, 1, 2, torch.inf])[:, None]
    return coords


@pytest.mark.parametrize(("d", "n_features"), [(1, 2), (2, 1), (2, 3), (2, 9), (3, 2), (3, 3), (4, 2)])
def test_features_and_the_tables_gradients_are_those_of_the_reference(d, n_features):
    grid, coords = grid_of(d, n_features), coords_of(d)
    tables = list(grid.levels)
    features, expected = sample_dense(coords, tables, grid.reference), grid.reference(coords, tables)
    assert_close(features, expected)
    weights = torch.randn(features.shape, generator=torch.Generator().manual_seed(1))
    assert_close(torch.autograd.grad((features * weights).sum(), tables), torch.autograd.grad((expected * weights).sum(), tables))


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 5), (2, 0)])
def test_any_leading_axes_and_no_points(shape):
    grid = grid_of(2)
    coords = torch.rand(*shape, 2)
    assert_close(sample_dense(coords, list(grid.levels), grid.reference), grid.reference(coords, list(grid.levels)))


@pytest.mark.parametrize("d", [2, 3])
def test_slopes_at_the_faces_and_coords_that_are_not_numbers_are_those_of_the_reference(d):
    grid, coords = grid_of(d), coords_of(d)
    coords[9, 0] = torch.nan
    tables = list(grid.levels)
    found, expected = sample_dense(coords, tables, grid.reference), grid.reference(coords, tables)
    assert expected[9].isnan().all()
    assert_close(found, expected, equal_nan=True)

    points = coords_of(d).requires_grad_()
    slopes, expected = (
        torch.autograd.grad(f(points, tables).sum(), points)[0]
        for f in (lambda *inputs: sample_dense(*inputs, grid.reference), grid.reference)
    )
    assert_close(slopes, expected)
    assert expected[points == 1].any()


def test_gradients_of_the_tables_gradients_are_exact():
    grid, coords = grid_of(2), coords_of(2)

    def second(encode):
        features = encode(coords, list(grid.levels))
        grads = torch.autograd.grad(features.sin().sum(), list(grid.levels), create_graph=True)
        return torch.autograd.grad(sum(grad.pow(2).sum() for grad in grads), list(grid.levels))

    assert_close(second(lambda *inputs: sample_dense(*inputs, grid.reference)), second(grid.reference), rtol=1e-4, atol=1e-5)


def test_frozen_tables_get_no_gradient():
    grid = grid_of(2)
    grid.levels[0].requires_grad_(False)
    sample_dense(coords_of(2), list(grid.levels), grid.reference).sum().backward()
    assert [table.grad is None for table in grid.levels] == [True, False]
