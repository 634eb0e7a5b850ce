from pathlib import Path

import pytest
import torch

from ungrid.errors import InputError
from ungrid.measurements.noise import LEVELS, Gaussian, Poisson, Rician, Speckle
from ungrid.measurements.noise_level import gaussian_level, is_negligible, poisson_peak, rician_level, speckle_looks
from ungrid.signals.image import read_picture
from ungrid.testing.toys import tiny_picture

SET14 = Path(__file__).parents[2].parent / "shared" / "data" / "images" / "set14"


@pytest.mark.parametrize("sigma", [5.0, 15.0, 25.0, 50.0])
def test_the_level_of_noise_on_a_smooth_picture_is_found(sigma):
    truth = tiny_picture(96, 96).values
    noisy = Gaussian(sigma / LEVELS).simulate(truth, torch.Generator().manual_seed(0))
    assert gaussian_level(noisy) * LEVELS == pytest.approx(sigma, rel=0.03)


@pytest.mark.parametrize(("peak", "error"), [(5.0, 0.2), (30.0, 0.1), (300.0, 0.1)])
def test_the_peak_of_photons_on_a_smooth_picture_is_found(peak, error):
    truth = tiny_picture(96, 96).values
    assert poisson_peak(Poisson(peak).simulate(truth, torch.Generator().manual_seed(0))) == pytest.approx(peak, rel=error)


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3])
def test_the_sigma_of_rician_noise_on_a_smooth_picture_is_found(sigma):
    truth = tiny_picture(96, 96).values
    assert rician_level(Rician(sigma).simulate(truth, torch.Generator().manual_seed(0))) == pytest.approx(sigma, rel=0.06)


@pytest.mark.parametrize("looks", [1.0, 4.0, 30.0])
def test_the_looks_of_speckle_on_a_smooth_picture_are_found(looks):
    truth = 0.2 + 0.6 * tiny_picture(96, 96).values
    assert speckle_looks(Speckle(looks).simulate(truth, torch.Generator().manual_seed(0))) == pytest.approx(looks, rel=0.12)


def test_a_picture_without_noise_has_no_looks_and_no_rician_sigma():
    for level in (rician_level, speckle_looks):
        with pytest.raises(InputError, match="say it"):
            level(torch.full((16, 16, 1), 0.5))


@pytest.mark.skipif(not SET14.exists(), reason="needs ../shared/data")
@pytest.mark.parametrize(("name", "most"), [("foreman", 0.5), ("flowers", 1.0), ("ppt3", 0.5)])
def test_photographs_texture_is_hardly_taken_for_noise(name, most):
    noisy = Gaussian(25 / LEVELS).simulate(read_picture(SET14 / f"{name}.png").values, torch.Generator().manual_seed(0))
    assert 25 <= gaussian_level(noisy) * LEVELS <= 25 + most


@pytest.mark.parametrize("shape", [(7, 30, 1), (16, 16), (16, 16, 0)])
@pytest.mark.usefixtures("unchecked_types")
def test_what_is_no_picture_or_too_small_is_refused(shape):
    with pytest.raises(InputError, match="at least 8×8"):
        gaussian_level(torch.zeros(shape))


def test_a_picture_without_noise_has_no_peak():
    with pytest.raises(InputError, match="fits no number of photons"):
        poisson_peak(torch.full((16, 16, 1), 0.5))


def test_noise_below_a_thousandth_of_white_is_negligible():
    values = torch.rand(4, 4, 1)
    assert is_negligible(Gaussian(0.0005), values)
    assert not is_negligible(Gaussian(0.01), values)
