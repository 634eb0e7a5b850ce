import pytest
import torch

from ungrid.classical.nonlocal_means import nonlocal_means


def square():
    values = torch.zeros(20, 22, 1)
    values[5:15, 6:16] = 1.0
    return values


def test_noise_is_averaged_away_and_edges_stay():
    noisy = square() + 0.1 * torch.randn(20, 22, 1, generator=torch.Generator().manual_seed(0))
    found = nonlocal_means(noisy, 0.2)
    assert float((found - square()).square().mean()) < float((noisy - square()).square().mean()) / 4
    assert float(found[8, 7] - found[8, 4]) > 0.8


@pytest.mark.parametrize("shape", [(9, 8, 2), (5, 6, 4, 2)])
def test_a_constant_stays_as_it_is_and_the_mean_is_kept(shape):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(nonlocal_means(torch.ones(shape), 0.1), torch.ones(shape))
    torch.testing.assert_close(nonlocal_means(values, 1e4, search=1), _mean_around(values))
    torch.testing.assert_close(nonlocal_means(values, 0.0), values)


def _mean_around(values):
    for axis in range(values.ndim - 1):
        values = sum(values.roll(k, axis) for k in (-1, 0, 1)) / 3
    return values
