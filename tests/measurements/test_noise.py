import math

import pytest
import torch

from ungrid.errors import InputError
from ungrid.measurements.noise import Gaussian, Poisson, PoissonGaussian

MODELS = [Gaussian(0.1), Poisson(30.0), PoissonGaussian(30.0, 0.05)]


@pytest.mark.parametrize("noise", MODELS)
@pytest.mark.parametrize("value", [0.2, 0.9])
def test_simulated_samples_have_the_mean_and_variance_that_the_model_says(noise, value):
    truth = torch.full((300, 300), value, dtype=torch.float64)
    samples = noise.simulate(truth, torch.Generator().manual_seed(0))
    assert float(samples.mean()) == pytest.approx(value, abs=0.002)
    assert float(samples.var()) == pytest.approx(float(noise.variance(truth)[0, 0]), rel=0.03)


@pytest.mark.parametrize("noise", MODELS)
def test_the_true_value_is_the_likeliest_on_the_mean(noise):
    samples = noise.simulate(torch.full((200, 200), 0.4, dtype=torch.float64), torch.Generator().manual_seed(0))
    guesses = torch.linspace(0.3, 0.5, 41, dtype=torch.float64)
    losses = torch.stack([noise.negative_log_likelihood(guess.expand_as(samples), samples).mean() for guess in guesses])
    assert float(guesses[losses.argmin()]) == pytest.approx(0.4, abs=0.0075)


@pytest.mark.parametrize("noise", MODELS)
def test_the_same_generator_gives_the_same_samples_and_the_truth_stays(noise):
    truth = torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(1))
    before = truth.clone()
    first, again = (noise.simulate(truth, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(truth, before)


@pytest.mark.parametrize("make", [lambda: Gaussian(-0.1), lambda: Gaussian(math.nan), lambda: Gaussian(math.inf),
                                  lambda: Poisson(0.0), lambda: Poisson(-3.0), lambda: Poisson(math.nan),
                                  lambda: PoissonGaussian(0.0, 0.1), lambda: PoissonGaussian(30.0, -0.1)])  # fmt: skip
def test_a_noise_that_cannot_be_is_refused(make):
    with pytest.raises(InputError, match="expected"):
        make()


def test_a_noise_is_described_in_the_command_lines_own_spelling():
    assert [noise.describe() for noise in MODELS] == ["gaussian:25.5", "poisson:30", "poisson-gaussian:30,12.75"]
