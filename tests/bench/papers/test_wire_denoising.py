import pytest
import torch

from ungrid.bench.papers.wire_denoising import PHOTONS, READOUT, half_size, with_noise
from ungrid.testing.toys import tiny_picture


def test_noise_has_the_variance_of_photons_and_readout():
    noisy = with_noise(torch.full((200, 200), 0.4), 0)
    assert float(noisy.mean()) == pytest.approx(0.4, abs=0.005)
    assert float(noisy.var()) == pytest.approx((PHOTONS * 0.4 + READOUT**2) / PHOTONS**2, rel=0.03)


def test_half_the_size_reaches_from_0_to_1():
    half = half_size(tiny_picture(8, 10))
    assert half.grid.shape == (4, 5)
    assert (float(half.values.min()), float(half.values.max())) == (0.0, 1.0)
