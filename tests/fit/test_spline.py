import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fit.spline import SplineObservations, along_axes, axis_solver, from_coarser, from_neighbors

GRID = Grid(Box(("z", "y", "x"), ((-3.0, 9.0), (0.0, 5.0), (10.0, 20.0))), (12, 10, 20))
VALUES = torch.randn(12, 10, 20, 2, generator=torch.Generator().manual_seed(0))


def smooth(points):
    z, y, x = points.unbind(-1)
    return torch.stack([torch.sin(z / 4) * torch.cos(y / 3) + x / 10, z * y / 30], dim=-1)


def test_the_spline_goes_through_the_samples():
    observed = SplineObservations(GRID, VALUES)
    assert_close(observed.at(GRID.points().reshape(-1, 3)), VALUES.reshape(-1, 2), atol=1e-4, rtol=0)


def test_between_the_samples_it_is_scipy_s():
    ndimage = pytest.importorskip("scipy.ndimage", reason="needs the extra: dev")
    large = Grid(Box(("z", "y", "x"), ((0.0, 24.0),) * 3), (24, 24, 24))
    values = torch.randn(24, 24, 24, 1, generator=torch.Generator().manual_seed(0))
    points = 9 + 6 * torch.rand(200, 3, generator=torch.Generator().manual_seed(1))  # away from the ends, which differ
    expected = ndimage.map_coordinates(values[..., 0].double().numpy(), points.T.numpy() - 0.5, order=3, mode="mirror")
    assert np.abs(SplineObservations(large, values).at(points)[:, 0].numpy() - expected).max() < 1e-4


def test_each_sample_has_a_point_in_its_own_cell():
    observed = SplineObservations(GRID, smooth(GRID.points()))
    index = torch.arange(GRID.size)
    exact, between = observed.gather(index), observed.gather(index + GRID.size)
    assert torch.equal(exact.target, smooth(GRID.points()).reshape(-1, 2))
    offsets = (between.query - exact.query) / torch.tensor(GRID.spacing)
    assert float(offsets.abs().max()) <= 0.5 + 1e-5
    assert float(offsets.abs().mean()) == pytest.approx(0.25, abs=0.01)
    low, high = torch.tensor([-1.0, 1.0, 12.0]), torch.tensor([7.0, 4.0, 18.0])  # at the ends the spline is another one
    inside = ((between.query > low) & (between.query < high)).all(dim=1)
    assert_close(between.target[inside], smooth(between.query[inside]), atol=5e-3, rtol=0)


def test_a_corrected_sample_changes_the_spline():
    observed = SplineObservations(GRID, VALUES.clone())
    observed.correct(torch.tensor([77]), torch.tensor([[5.0, -5.0]]))
    point = GRID.points().reshape(-1, 3)[77:78]
    assert_close(observed.at(point), torch.tensor([[5.0, -5.0]]), atol=1e-3, rtol=0)
    assert len(observed) == 2 * GRID.size


@pytest.mark.parametrize("shape", [(1, 5, 6), (2, 2, 2), (3, 1, 1)])
def test_short_axes_are_no_trouble(shape):
    grid = Grid(Box(("z", "y", "x"), ((0.0, 1.0),) * 3), shape)
    values = torch.rand(*shape, 1, generator=torch.Generator().manual_seed(0))
    observed = SplineObservations(grid, values)
    assert_close(observed.at(grid.points().reshape(-1, 3)), values.reshape(-1, 1), atol=1e-3, rtol=0)


def test_a_solver_is_least_squares():
    places = (torch.arange(30, dtype=torch.float64) + 0.5) / 15 - 1
    solver = axis_solver(places, 9, 0.0)
    values = torch.randn(30, 1, generator=torch.Generator().manual_seed(0))
    from ungrid.encodings.dense_grid import DenseGrid

    spline = DenseGrid(1, ((9,),), 1, interpolation="cubic")
    spline.load_state_dict({"levels.0": along_axes(values, [solver])})
    left = values - spline(places.float()[:, None])
    nodes = torch.eye(12)
    basis = torch.stack([spline.reference(places.float()[:, None], [nodes[:, at : at + 1]])[:, 0] for at in range(12)])
    assert float((basis @ left).detach().abs().max()) < 1e-3


def test_single_samples_are_estimated_from_their_neighbors():
    values = smooth(GRID.points())
    missing = torch.tensor([0, 613, 1207, GRID.size - 1])
    flat = values.reshape(-1, 2).clone()
    flat[missing] = 99.0
    found = from_neighbors(flat.reshape(values.shape), missing)
    assert_close(found[1:3], values.reshape(-1, 2)[missing[1:3]], atol=0.02, rtol=0)
    assert float((found - values.reshape(-1, 2)[missing]).abs().max()) < 0.5


def test_a_wide_gap_is_filled_with_values_between_those_around_it():
    ramp = torch.linspace(0, 1, 40)[:, None, None, None].expand(40, 13, 1, 1).clone()
    missing = torch.zeros(40, 13, 1, dtype=torch.bool)
    missing[8:32, 3:] = True
    found = from_coarser(ramp.masked_fill(missing[..., None], math.nan), missing)
    assert torch.equal(found[~missing], ramp[~missing])
    assert float((found - ramp).abs().max()) < 0.2
    assert float(found.diff(dim=0).abs().max()) < 0.1
