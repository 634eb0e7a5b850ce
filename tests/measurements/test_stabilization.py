import pytest
import torch

from ungrid.measurements import anscombe
from ungrid.measurements.noise import Gaussian, Poisson, Rician, Speckle
from ungrid.measurements.stabilization import paper_of, stabilize, unstabilize


def samples_of(noise, value):
    return noise.simulate(torch.full((400, 400), value, dtype=torch.float64), torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("noise", "error"), [(Rician(0.05), 0.07), (Rician(0.2), 0.12), (Speckle(1.0), 0.06), (Speckle(10.0), 0.02)]
)
@pytest.mark.parametrize("value", [0.1, 0.3, 0.8])
def test_stabilized_noise_has_deviation_one(noise, error, value):
    assert float(stabilize(samples_of(noise, value), noise).std()) == pytest.approx(1.0, abs=error)


@pytest.mark.parametrize("noise", [Rician(0.02), Rician(0.1), Rician(0.4), Speckle(1.0), Speckle(4.0)])
@pytest.mark.parametrize("value", [0.3, 0.9])
def test_the_inverse_of_the_mean_has_no_bias(noise, value):
    mean = stabilize(samples_of(noise, value), noise).mean()
    assert float(unstabilize(mean, noise)) == pytest.approx(value, rel=0.01)


def test_the_plain_mean_of_rician_samples_would_be_too_bright():
    noise, value = Rician(0.2), 0.1
    samples = samples_of(noise, value)
    assert float(samples.mean()) > 0.25
    assert float(unstabilize(stabilize(samples, noise).mean(), noise)) == pytest.approx(value, abs=0.01)


def test_where_there_is_nothing_there_is_nothing():
    noise = Rician(0.1)
    assert float(unstabilize(stabilize(samples_of(noise, 0.0), noise).mean(), noise)) < 0.01
    assert float(unstabilize(torch.tensor(0.0), noise)) == 0.0


@pytest.mark.parametrize("noise", [Rician(0.1), Speckle(2.0), Poisson(30.0)])
def test_brighter_samples_stay_brighter(noise):
    values = torch.linspace(0.01, 6.0, 500)
    assert bool((torch.diff(stabilize(values, noise)) > 0).all())


def test_photons_are_left_to_anscombe():
    values, noise = torch.rand(4, 4, generator=torch.Generator().manual_seed(0)), Poisson(30.0)
    assert torch.equal(stabilize(values, noise), anscombe.stabilize(values, noise))
    assert paper_of(noise) == anscombe.paper


def test_gaussian_noise_needs_none():
    with pytest.raises(TypeError, match="no stabilization of Gaussian"):
        stabilize(torch.zeros(2), Gaussian(0.1))
    with pytest.raises(TypeError, match="no stabilization of Gaussian"):
        unstabilize(torch.zeros(2), Gaussian(0.1))
