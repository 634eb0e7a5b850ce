import math

import torch
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fit.convex import admm
from ungrid.fit.primal_dual import primal_dual
from ungrid.measurements.fourier import FourierSamples
from ungrid.terms.smoothness import AtLeast, TotalVariation

SIDE = 24
GRID = Grid(Box(("y", "x"), ((0.0, float(SIDE)),) * 2), (SIDE, SIDE))


def spokes(count):
    """Readouts through frequency 0 [count, SIDE, 2]."""
    angles = math.pi * torch.arange(count, dtype=torch.float64) / count
    along = torch.arange(-SIDE // 2, SIDE // 2, dtype=torch.float64)
    return along[None, :, None] * torch.stack([angles.sin(), angles.cos()], dim=-1)[:, None]


def blocks():
    """A picture of two blocks with a phase."""
    picture = torch.zeros(SIDE, SIDE, 2)
    picture[5:14, 6:18, 0], picture[10:20, 3:9, 1] = 1.0, 0.5
    return picture


def objective(sensor, measured, values, strength):
    edges = TotalVariation(GRID, 1.0).apply(values).square().sum(dim=(0, -1)).sqrt().sum()
    return float(0.5 * (sensor.A(values) - measured).abs().square().sum() + strength * edges)


def test_along_spokes_the_metric_of_the_samples_brings_the_minimum_sooner():
    sensor = FourierSamples(GRID, trajectory=spokes(24), method="gridding")
    measured = sensor.A(blocks())
    products = (sensor.A, sensor.A_adjoint, measured, [(TotalVariation(GRID, 1.0), 0.03)])
    short, long = (primal_dual(*products, metric=sensor.metric, max_iterations=n, tolerance=0.0) for n in (60, 240))
    plain = primal_dual(*products, metric=torch.ones(len(measured)), max_iterations=60, tolerance=0.0)
    least = objective(sensor, measured, long.values, 0.03)
    assert objective(sensor, measured, short.values, 0.03) < 1.01 * least
    assert objective(sensor, measured, plain.values, 0.03) > 1.05 * least


def test_the_minimum_is_that_of_admm_where_samples_do_not_crowd():
    sensor = FourierSamples(GRID, mask=torch.rand(SIDE, SIDE, generator=torch.Generator().manual_seed(0)) < 0.6)
    measured = sensor.A(blocks())
    penalties = [(TotalVariation(GRID, 1.0), 0.05)]
    ones = torch.ones(len(measured))
    found = primal_dual(sensor.A, sensor.A_adjoint, measured, penalties, metric=ones, max_iterations=250, tolerance=1e-6)
    other = admm(
        lambda x: sensor.A_adjoint(sensor.A(x)), sensor.A_adjoint(measured), penalties, max_iterations=100, tolerance=1e-6
    )
    assert_close(found.values, other.values, atol=0.01, rtol=0)


def test_a_sample_of_no_weight_does_not_count():
    sensor = FourierSamples(GRID, trajectory=spokes(8))
    measured = sensor.A(blocks())
    weights = torch.ones(len(measured))
    weights[::5] = 0
    spoiled = torch.where(weights > 0, measured, measured + 100)
    how = {"metric": sensor.metric, "weights": weights, "max_iterations": 150, "tolerance": 0.0}
    penalties = [(TotalVariation(GRID, 1.0), 0.01)]
    clean = primal_dual(sensor.A, sensor.A_adjoint, measured, penalties, torch.zeros(SIDE, SIDE, 2), **how)
    found = primal_dual(sensor.A, sensor.A_adjoint, spoiled, penalties, torch.zeros(SIDE, SIDE, 2), **how)
    assert_close(found.values, clean.values, atol=1e-3, rtol=0)


def test_a_bound_is_kept():
    sensor = FourierSamples(GRID, trajectory=spokes(8), real=True)
    measured = sensor.A(blocks()[..., :1] - 0.3)
    penalties = [(TotalVariation(GRID, 1.0), 0.003), (AtLeast(GRID), 0.0)]
    found = primal_dual(sensor.A, sensor.A_adjoint, measured, penalties, metric=sensor.metric, max_iterations=300)
    assert float(found.values.min()) > -0.01


def test_it_stops_where_it_is_told_to():
    sensor = FourierSamples(GRID, trajectory=spokes(8))
    told = []
    found = primal_dual(
        sensor.A,
        sensor.A_adjoint,
        sensor.A(blocks()),
        [(TotalVariation(GRID, 1.0), 0.01)],
        metric=sensor.metric,
        callback=lambda iteration, share: told.append(share) or iteration == 7,
    )
    assert (found.iterations, len(told)) == (7, 7)
    assert found.relative_residual == told[-1]
