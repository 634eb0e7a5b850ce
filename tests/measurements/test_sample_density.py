import math

import torch
from torch.testing import assert_close

from ungrid.measurements.sample_density import density_weights


def whole_numbers(side):
    """All frequencies of a centered FFT [side², 2]."""
    k = torch.arange(-side // 2, side // 2, dtype=torch.float64)
    return torch.stack(torch.meshgrid(k, k, indexing="ij"), dim=-1).reshape(-1, 2)


def test_frequencies_of_an_fft_count_fully():
    assert_close(density_weights((8, 8), whole_numbers(8)), torch.ones(64), atol=1e-4, rtol=0)


def test_samples_that_are_alike_share_what_one_counts():
    points = torch.cat([whole_numbers(8), whole_numbers(8)[:3], whole_numbers(8)[:3]])
    weights = density_weights((8, 8), points)
    assert_close(weights[:3], torch.full((3,), 1 / 3), atol=1e-4, rtol=0)
    assert_close(weights[3:64], torch.ones(61), atol=1e-4, rtol=0)


def test_they_are_what_the_sum_over_all_rows_says():
    rng = torch.Generator().manual_seed(0)
    shape, points = (6, 9), (torch.rand(20, 2, generator=rng, dtype=torch.float64) - 0.5) * torch.tensor([6.0, 9.0])
    y, x = torch.meshgrid(torch.arange(6.0), torch.arange(9.0), indexing="ij")
    places = torch.stack([y / 6, x / 9], dim=-1).reshape(-1, 2).double()
    rows = torch.exp(-2j * math.pi * (points @ places.T)) / math.sqrt(54)
    alike = (rows @ rows.mH).abs().square().sum(dim=1)
    assert_close(density_weights(shape, points).double(), 1 / alike, rtol=1e-4, atol=0)


def test_weights_fall_toward_frequency_0_of_spokes():
    angles = torch.linspace(0, math.pi, 17, dtype=torch.float64)[:-1]
    radii = torch.tensor([0.5, 2.0, 7.5], dtype=torch.float64)
    points = (radii[:, None, None] * torch.stack([angles.sin(), angles.cos()], dim=-1)).reshape(-1, 2)
    weights = density_weights((16, 16), points).reshape(3, 16).mean(dim=1)
    assert weights[0] < weights[1] < weights[2]
