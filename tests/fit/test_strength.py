import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.fit.convex_solver import Convex
from ungrid.fit.strength import by_heldout, by_noise
from ungrid.measurements.linear import Samples
from ungrid.terms.linear import LinearMisfit
from ungrid.terms.smoothness import TotalVariation
from ungrid.testing.toys import unit_box

GRID = Grid(unit_box(2), (32, 32))


def noisy_disk(deviation, seed=0):
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    clean = ((y**2 + x**2) < 0.4).float()[..., None]
    return clean, clean + deviation * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))


def problem(noisy):
    return Convex((LinearMisfit(Samples(GRID), noisy),), (TotalVariation(GRID, 1.0),))


@pytest.mark.parametrize("deviation", [0.05, 0.2])
def test_the_residual_at_the_strength_by_noise_is_that_noise(deviation):
    clean, noisy = noisy_disk(deviation)
    found = by_noise(problem(noisy), deviation, start=torch.zeros_like(noisy))
    factor, residual = min(found.tried, key=lambda each: abs(each[0] - found.factor))
    assert factor == found.factor
    assert 0.8 * deviation < residual <= deviation
    assert (found.values - clean).square().mean() < (noisy - clean).square().mean() / 2


def test_more_noise_asks_for_more_strength_by_held_out_measurements():
    little, much = (by_heldout(problem(noisy_disk(d)[1]), start=torch.zeros(32, 32, 1)).factor for d in (0.02, 0.3))
    assert much > 3 * little


def test_what_is_kept_out_can_be_said():
    _, noisy = noisy_disk(0.1)
    rows = torch.zeros(32, 32, 1, dtype=torch.bool)
    rows[::4] = True
    found = by_heldout(problem(noisy), start=torch.zeros_like(noisy), kept_out=rows)
    assert found.factor > 0
    assert len(found.tried) > 2
