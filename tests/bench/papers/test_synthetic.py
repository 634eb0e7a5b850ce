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
    spectrum = torch.fft.fft2(band_limited(101, 5, 0)[..., 0].double()).abs()
    frequency = torch.fft.fftfreq(101, dtype=torch.float64)
    above = (frequency[:, None].square() + frequency.square()).sqrt() > 0.0398 / 2**0.5
    assert float(spectrum[above].max()) < 1e-3 < float(spectrum[~above].min())


def test_the_highest_level_reaches_half_a_cycle():
    spectrum = torch.fft.fft2(band_limited(41, 9, 0)[..., 0].double()).abs()
    assert float(spectrum[0, 20]) > 1e-3


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
