import pytest
import torch

from ungrid.measurements.anscombe import stabilize, unstabilize
from ungrid.measurements.noise import Poisson, PoissonGaussian


@pytest.mark.parametrize("noise", [Poisson(30.0), Poisson(1000.0), PoissonGaussian(100.0, 0.05)])
@pytest.mark.parametrize("light", [0.3, 0.8])
def test_stabilized_noise_has_deviation_one(noise, light):
    truth = torch.full((300, 300), light, dtype=torch.float64)
    stabilized = stabilize(noise.simulate(truth, torch.Generator().manual_seed(0)), noise)
    assert float(stabilized.std()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("photons", [0.2, 1.0, 5.0, 40.0, 59.9, 60.1, 300.0])
def test_the_inverse_of_the_mean_has_no_bias(photons):
    noise = Poisson(photons * 2)
    counts = torch.arange(2000, dtype=torch.float64)
    chances = (torch.xlogy(counts, torch.tensor(photons)) - photons - torch.lgamma(counts + 1)).exp()
    mean = (chances * stabilize(counts / noise.peak, noise)).sum()
    assert float(unstabilize(mean, noise)) == pytest.approx(0.5, rel=3e-4)


def test_the_plain_inverse_would_be_too_dark():
    noise = Poisson(2.0)
    samples = noise.simulate(torch.full((300, 300), 0.5, dtype=torch.float64), torch.Generator().manual_seed(0))
    mean = stabilize(samples, noise).mean()
    plain = ((mean / 2) ** 2 - 3 / 8) / noise.peak
    assert float(plain) < 0.45
    assert float(unstabilize(mean, noise)) == pytest.approx(0.5, abs=0.01)


def test_below_the_mean_of_no_light_there_is_none():
    assert float(unstabilize(torch.tensor(0.3), Poisson(30.0))) == 0.0
