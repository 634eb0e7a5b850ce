import math

import pytest
import torch

from ungrid.errors import InputError
from ungrid.measurements.noise import Gaussian, Poisson, PoissonGaussian, Rician, Speckle

MODELS = [Gaussian(0.1), Poisson(30.0), PoissonGaussian(30.0, 0.05), Speckle(25.0)]
ALL_MODELS = [*MODELS, Rician(0.1)]


@pytest.mark.parametrize("noise", MODELS)
@pytest.mark.parametrize("value", [0.2, 0.9])
def test_simulated_samples_have_the_mean_and_variance_that_the_model_says(noise, value):
    truth = torch.full((300, 300), value, dtype=torch.float64)
    samples = noise.simulate(truth, torch.Generator().manual_seed(0))
    assert float(samples.mean()) == pytest.approx(value, abs=0.002)
    assert float(samples.var()) == pytest.approx(float(noise.variance(truth)[0, 0]), rel=0.03)


@pytest.mark.parametrize("value", [0.0, 0.05, 0.2, 0.9])
def test_rician_samples_have_a_mean_above_their_value_and_the_variance_that_the_model_says(value):
    noise, truth = Rician(0.1), torch.full((300, 300), value, dtype=torch.float64)
    samples = noise.simulate(truth, torch.Generator().manual_seed(0))
    assert float(samples.mean()) == pytest.approx(float(noise.mean(truth)[0, 0]), abs=0.002)
    assert float(samples.mean()) > value
    assert float(samples.var()) == pytest.approx(float(noise.variance(truth)[0, 0]), rel=0.03)


def test_where_there_is_nothing_rician_samples_are_rayleighs():
    nothing = torch.zeros(1)
    assert float(Rician(0.2).mean(nothing)) == pytest.approx(0.2 * math.sqrt(math.pi / 2))
    assert float(Rician(0.2).variance(nothing)) == pytest.approx(0.04 * (2 - math.pi / 2))


@pytest.mark.parametrize("noise", ALL_MODELS)
def test_the_true_value_is_the_likeliest_on_the_mean(noise):
    samples = noise.simulate(torch.full((200, 200), 0.4, dtype=torch.float64), torch.Generator().manual_seed(0))
    guesses = torch.linspace(0.3, 0.5, 41, dtype=torch.float64)
    losses = torch.stack([noise.negative_log_likelihood(guess.expand_as(samples), samples).mean() for guess in guesses])
    assert float(guesses[losses.argmin()]) == pytest.approx(0.4, abs=0.0075)


@pytest.mark.parametrize("noise", ALL_MODELS)
def test_the_same_generator_gives_the_same_samples_and_the_truth_stays(noise):
    truth = torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(1))
    before = truth.clone()
    first, again = (noise.simulate(truth, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(truth, before)


@pytest.mark.parametrize("make", [lambda: Gaussian(-0.1), lambda: Gaussian(math.nan), lambda: Gaussian(math.inf),
                                  lambda: Poisson(0.0), lambda: Poisson(-3.0), lambda: Poisson(math.nan),
                                  lambda: PoissonGaussian(0.0, 0.1), lambda: PoissonGaussian(30.0, -0.1), lambda: Rician(0.0),
                                  lambda: Rician(math.nan), lambda: Speckle(0.0), lambda: Speckle(math.inf)])  # fmt: skip
def test_a_noise_that_cannot_be_is_refused(make):
    with pytest.raises(InputError, match="expected"):
        make()


def test_a_noise_is_described_in_the_command_lines_own_spelling():
    said = ["gaussian:25.5", "poisson:30", "poisson-gaussian:30,12.75", "speckle:25", "rician:25.5"]
    assert [noise.describe() for noise in ALL_MODELS] == said
