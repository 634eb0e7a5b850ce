import torch

from ungrid.measurements.noise import Gaussian, Poisson, PoissonGaussian
from ungrid.restoration.degradation import Degradation, parse_noise


def test_a_noise_is_read_in_levels_and_photons():
    values = torch.zeros(8, 8, 1)
    assert parse_noise("gaussian:51", values) == Gaussian(0.2)
    assert parse_noise("poisson:30", values) == Poisson(30.0)
    assert parse_noise("poisson-gaussian:30,5.1", values) == PoissonGaussian(30.0, 5.1 / 255)


def test_what_is_left_open_is_estimated():
    noisy = 0.5 + 0.1 * torch.randn(64, 64, 1, generator=torch.Generator().manual_seed(0))
    for text in ("gaussian", "auto"):
        assert abs(parse_noise(text, noisy).sigma - 0.1) < 0.01


def test_a_degradation_says_what_it_is():
    assert Degradation(Gaussian(0.1)).describe() == "gaussian:25.5"
