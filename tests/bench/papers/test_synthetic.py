import pytest
import torch

from ungrid.bench.papers.synthetic import METHODS, TRIANGLES, band_limited, star


def test_the_star_has_forty_wedges_half_of_it_white():
    picture = star(400)[..., 0]
    angle = torch.linspace(0, 2 * torch.pi, 20_000)[:-1]
    y, x = ((200 + 150 * part).round().long() for part in (angle.sin(), angle.cos()))
    around = picture[y, x]
    assert int((around.diff() > 0).sum()) in (TRIANGLES - 1, TRIANGLES)  # the first may begin at the seam
    assert float(around.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(picture[0].max()) == 0.0


def test_noise_has_no_frequency_above_its_limit():
    spectrum = torch.fft.fft2(band_limited(201, 5, 0)[..., 0].double()).abs()
    frequency = torch.fft.fftfreq(201, dtype=torch.float64)
    radius = (frequency[:, None].square() + frequency.square()).sqrt()
    limit = (0.0015 + (300**0.5 - 1) / 299 * 0.6985) / 2**0.5 * 1000 / 200
    assert float(spectrum[radius > 1.01 * limit].max()) < 1e-2 < float(spectrum[radius < 0.99 * limit].min())


def test_the_lowest_level_is_one_cycle_across_and_the_highest_reaches_half_a_cycle_a_pixel():
    low, high = (torch.fft.fft2(band_limited(101, level, 0)[..., 0].double()).abs() for level in (1, 9))
    assert float(low[0, 1]) > 0.1 > float(low[0, 2])
    assert float(high[0, 50]) > 0.1


def test_learning_rates_are_the_benchmarks():
    rates = {name: method.rate for name, method in METHODS.items()}
    assert rates == {
        "Fourier features": 1e-3,
        "SIREN": 1e-4,
        "WIRE": 5e-4,
        "grid": 0.1,
        "hash grid": 1e-2,
        "Gaussians": 0.05,
        "BACON": 0.05,
    }
