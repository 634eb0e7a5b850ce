import torch
from torch.testing import assert_close

from ungrid.differentiate import gradient, laplacian
from ungrid.signals.closed_forms import GaussianBumps, disc

BUMPS = GaussianBumps([(0.1, -0.2), (-0.5, 0.4)], [0.3, 0.15], [1.0, -0.7])


def test_the_derivatives_of_the_bumps_are_those_of_autograd():
    coords = torch.rand(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert_close(BUMPS.gradient(coords), gradient(BUMPS, coords))
    assert_close(BUMPS.laplacian(coords), laplacian(BUMPS, coords))


def test_the_bumps_take_any_leading_axes():
    assert BUMPS(torch.zeros(2)).shape == (1,)
    assert BUMPS.gradient(torch.zeros(0, 3, 2)).shape == (0, 3, 1, 2)


def test_a_discs_line_integral_is_its_chord():
    axis = (torch.arange(4000) + 0.5) / 2000 - 1
    points = torch.stack([torch.full_like(axis, 0.3), axis], dim=-1)
    assert_close(disc(points, radius=0.5).mean() * 2, torch.tensor(0.8), atol=1e-3, rtol=0)
