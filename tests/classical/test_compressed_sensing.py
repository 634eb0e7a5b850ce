import pytest
import torch

from ungrid.classical.compressed_sensing import _joined, _shrunk, _split, wavelet_sensing, zero_filled
from ungrid.measurements.fourier import FourierSamples
from ungrid.signals.phantoms import shepp_logan
from ungrid.tasks.magnetic_scan import grid_of


def scene(size=40):
    picture = shepp_logan(size).values
    return torch.cat([picture, 0 * picture], dim=-1)


def sensor(size=40):
    rng = torch.Generator().manual_seed(0)
    mask = torch.rand(size, size, generator=rng) < 0.35
    mask[size // 2 - 4 : size // 2 + 4, size // 2 - 4 : size // 2 + 4] = True
    return FourierSamples(grid_of((size, size)), mask=mask)


@pytest.mark.parametrize("n", [2, 7, 12])
def test_pairs_are_split_and_joined_without_loss_and_keep_their_length(n):
    values = torch.randn(n, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parts = _split(values, 0)
    torch.testing.assert_close(_joined(parts, 0), values)
    torch.testing.assert_close(parts.norm(), values.norm())


def test_shrinking_by_nothing_changes_nothing_and_by_much_leaves_means():
    values, rng = scene(21), torch.Generator().manual_seed(0)
    torch.testing.assert_close(_shrunk(values, 0.0, rng), values, atol=1e-5, rtol=0)
    assert float(_shrunk(values, 1e3, rng).std()) < 0.7 * float(values.std())


def test_wavelets_find_more_than_zero_filling():
    seen = sensor().A(scene())
    errors = [
        float((each - scene()).square().mean()) for each in (zero_filled(sensor(), seen), wavelet_sensing(sensor(), seen, 1e-3))
    ]
    assert errors[1] < errors[0] / 10
    assert torch.equal(wavelet_sensing(sensor(), seen, 1e-3), wavelet_sensing(sensor(), seen, 1e-3)), "one seed, one result"


def test_the_samples_are_met_where_wavelets_cost_little():
    seen = sensor().A(scene())
    found = wavelet_sensing(sensor(), seen, 1e-5)
    assert float((sensor().A(found) - seen).norm() / seen.norm()) < 1e-2
