import math

import pytest
import torch

from ungrid.classical.nonlocal_bayes import Settings, decorrelating, nonlocal_bayes
from ungrid.classical.total_variation import total_variation
from ungrid.errors import InputError, ShapeError
from ungrid.metrics.error import psnr

SMALL = Settings(patch=5, least=30, most=40, stride=3)


def stripes(height=40, width=40, channels=1):
    """A texture that repeats, which is what non-local methods live by."""
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    waves = [0.5 + 0.4 * torch.sin(2 * math.pi * (x + 0.5 * y + k) / 6).sign() for k in range(channels)]
    return torch.stack(waves, dim=-1)


def spoiled(truth, sigma=0.1):
    return truth + sigma * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_texture_is_found_again_where_total_variation_loses_it(channels):
    truth = stripes(channels=channels)
    noisy = spoiled(truth)
    found = psnr(nonlocal_bayes(noisy, 0.1, settings=SMALL), truth)
    assert found > psnr(noisy, truth) + 8
    assert found > psnr(total_variation(noisy, 0.07).values, truth) + 3


def test_flat_noise_becomes_nearly_flat():
    truth = torch.full((40, 40, 1), 0.5)
    assert psnr(nonlocal_bayes(spoiled(truth), 0.1), truth) > 40


def test_the_result_follows_a_change_of_unit_and_a_turn_of_the_picture():
    noisy = spoiled(stripes(24, 30)).double()
    found = nonlocal_bayes(noisy, 0.1, settings=SMALL)
    torch.testing.assert_close(nonlocal_bayes(10 * noisy - 3, 1.0, settings=SMALL), 10 * found - 3)


def test_gray_given_in_three_channels_is_estimated_as_gray():
    noisy = spoiled(stripes(24, 24)).double()
    alone = nonlocal_bayes(noisy, 0.1, settings=SMALL)
    thrice = nonlocal_bayes(noisy.expand(-1, -1, 3), 0.1 * math.sqrt(3), settings=SMALL)  # the mean's noise is √3 times as large
    torch.testing.assert_close(thrice, alone.expand(-1, -1, 3), atol=1e-6, rtol=0)


def test_channels_are_mixed_without_loss():
    mixing = decorrelating(torch.zeros(2, 2, 3, dtype=torch.float64))
    torch.testing.assert_close(mixing @ mixing.T, torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(mixing[0], torch.full((3,), 1 / math.sqrt(3), dtype=torch.float64))


@pytest.mark.parametrize("shape", [(2, 40, 1), (1, 1, 1), (1, 9, 1), (3, 4, 1), (8, 30, 2), (7, 7, 3)])
def test_small_pictures_have_estimates_too(shape):
    found = nonlocal_bayes(torch.rand(shape, generator=torch.Generator().manual_seed(0)), 0.1)
    assert found.shape == shape
    assert bool(found.isfinite().all())


def test_a_good_pilot_takes_the_first_steps_place():
    truth = stripes()
    noisy = spoiled(truth)
    alone, guided = (psnr(nonlocal_bayes(noisy, 0.1, pilot=pilot, settings=SMALL), truth) for pilot in (None, truth))
    assert guided > alone + 1


def test_every_pixel_has_an_estimate_where_all_patches_are_equal():
    noisy = spoiled(torch.full((40, 40, 1), 0.5))
    found = nonlocal_bayes(noisy, 0.1, pilot=torch.full_like(noisy, 0.5))
    assert bool(found.isfinite().all())
    assert psnr(found, torch.full_like(noisy, 0.5)) > 40


def test_without_noise_a_picture_stays():
    picture = stripes()
    assert torch.equal(nonlocal_bayes(picture, 0.0), picture)


@pytest.mark.usefixtures("unchecked_types")
def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="sigma is -1"):
        nonlocal_bayes(torch.zeros(8, 8, 1), -1.0)
    with pytest.raises(ShapeError, match="expected a picture"):
        nonlocal_bayes(torch.zeros(8, 8), 0.1)
    with pytest.raises(ShapeError, match="the pilot has shape"):
        nonlocal_bayes(torch.zeros(8, 8, 1), 0.1, pilot=torch.zeros(7, 8, 1))
