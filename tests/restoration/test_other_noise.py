import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.measurements.noise import Rician, Speckle
from ungrid.metrics.error import psnr
from ungrid.testing.toys import tiny_picture


@pytest.mark.parametrize(("asked", "noise"), [("rician:20.4", Rician(0.08)), ("speckle:10", Speckle(10.0))])
@pytest.mark.parametrize("method", ["nonlocal_bayes", "total_variation"])
def test_other_noise_is_taken_out_by_what_takes_out_gaussian_noise(asked, noise, method):
    truth = tiny_picture(48, 48).values.float()
    noisy = noise.simulate(truth, torch.Generator().manual_seed(0))
    field = ug.restore(noisy.numpy(), denoise=asked, method=method)
    found = field.sample(field.grid()).clamp(0, 1)
    assert psnr(found, truth) > psnr(noisy.clamp(0, 1), truth) + 4
    assert float(found.mean()) == pytest.approx(float(truth.mean()), abs=0.02)
    assert field.record.fit["noise"] == asked
    assert 0.5 < field.record.fit["residual"] < 1.1


@pytest.mark.parametrize("name", ["rician", "speckle"])
def test_a_level_that_is_not_said_is_estimated(name):
    noise = {"rician": Rician(0.08), "speckle": Speckle(10.0)}[name]
    noisy = noise.simulate(0.2 + 0.6 * tiny_picture(64, 64).values.float(), torch.Generator().manual_seed(0))
    told = ug.restore(noisy.numpy(), denoise=name, method="total_variation").record.fit["noise"]
    assert told.startswith(name)
    assert float(told.partition(":")[2]) == pytest.approx(float(noise.describe().partition(":")[2]), rel=0.15)


@pytest.mark.parametrize(("asked", "says"), [("rician:0", "more than 0"), ("speckle:-1", "looks"), ("rician:1,2", "2 numbers")])
def test_numbers_that_cannot_be_are_refused(asked, says):
    with pytest.raises(InputError, match=says):
        ug.restore(tiny_picture(16, 16).values.numpy(), denoise=asked)
