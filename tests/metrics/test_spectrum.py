import math

import jaxtyping
import pytest
import torch

from ungrid.errors import InputError, ShapeError
from ungrid.metrics import spectrum as spectrum_module
from ungrid.metrics.error import mse
from ungrid.metrics.spectrum import error_by_band, radial_power_spectrum

SHAPES = [(16, 1), (17, 2), (1, 1), (12, 15, 3), (9, 8, 1), (1, 7, 2), (4, 5, 6, 2)]


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
def test_energies_of_all_bands_add_up_to_the_mean_square(shape):
    result, reference = noise(*shape), noise(*shape, seed=1)
    bands = error_by_band(result, reference)
    assert sum(band.error_energy for band in bands) == pytest.approx(mse(result, reference), rel=1e-12)
    assert sum(band.reference_energy for band in bands) == pytest.approx(reference.square().mean().item(), rel=1e-12)
    assert [band.high for band in bands[:-1]] == [band.low for band in bands[1:]]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_radial_spectrum_adds_up_to_the_mean_square(shape):
    values = noise(*shape)
    spectrum = radial_power_spectrum(values)
    assert spectrum.energy.sum().item() == pytest.approx(values.square().mean().item(), rel=1e-12)
    assert spectrum.count.sum().item() == math.prod(shape[:-1])
    assert spectrum.frequency[0] == 0
    assert spectrum.energy[0].item() == pytest.approx(values.flatten(0, -2).mean(0).square().mean().item())


def test_chunks_do_not_change_the_energies(monkeypatch):
    values = noise(12, 15, 2)
    whole = radial_power_spectrum(values).energy
    monkeypatch.setattr(spectrum_module, "_CHUNK", 20)
    torch.testing.assert_close(radial_power_spectrum(values).energy, whole)


@pytest.mark.parametrize(("cycles", "high"), [(1, 1 / 64), (3, 1 / 16), (4, 1 / 16), (5, 1 / 8), (16, 1 / 4), (32, 1 / 2)])
def test_a_wave_lies_in_the_octave_of_its_frequency(cycles, high):
    wave = torch.cos(2 * torch.pi * cycles * torch.arange(64, dtype=torch.float64) / 64)[:, None]
    bands = error_by_band(torch.zeros_like(wave), wave)
    (holder,) = [band for band in bands if band.reference_energy > 1e-12]
    assert holder.high == high
    assert holder.low < cycles / 64
    assert holder.relative_error == pytest.approx(1)
    assert bands[-1].high == 0.5


def test_the_mean_value_has_a_band_of_its_own():
    reference = noise(32, 24, 3)
    bands = error_by_band(reference + 0.5, reference)
    assert bands[0].low == 0
    assert bands[0].error_energy == pytest.approx(0.25)
    assert all(band.error_energy < 1e-20 for band in bands[1:])


def test_the_corners_of_a_spectrum_lie_beyond_nyquist():
    board = (-1.0) ** (torch.arange(8)[:, None] + torch.arange(8))[..., None]
    bands = error_by_band(0 * board, board)
    assert (bands[-1].low, bands[-1].high) == (0.5, math.inf)
    assert bands[-1].reference_energy == pytest.approx(1)


def test_frequencies_are_per_unit_of_the_spacing():
    wave = torch.sin(2 * torch.pi * 6 * (torch.arange(60, dtype=torch.float64) + 0.5) / 60)[:, None]
    seconds = 0.01
    spectrum = radial_power_spectrum(wave, spacing=seconds)
    assert spectrum.frequency[spectrum.energy.argmax()].item() == pytest.approx(6 / (60 * seconds))
    (holder,) = [band for band in error_by_band(wave, 0 * wave, spacing=seconds) if band.error_energy > 1e-12]
    assert holder.low < 10 <= holder.high
    assert holder.high == pytest.approx(12.5)
    assert holder.relative_error == math.inf


def test_each_axis_has_its_own_spacing():
    wave = torch.cos(2 * torch.pi * 4 * torch.arange(16, dtype=torch.float64) / 16)
    picture = wave[:, None, None].expand(16, 32, 1)  # 4 cycles in 16 samples, 2 units apart: 1/8 cycle per unit
    spectrum = radial_power_spectrum(picture, spacing=(2.0, 1.0))
    assert spectrum.frequency[spectrum.energy.argmax()].item() == pytest.approx(1 / 8)


def test_white_noise_has_a_level_density():
    spectrum = radial_power_spectrum(noise(256, 256, 1))
    level = 1 / 256**2
    assert spectrum.density[20:120].mean().item() == pytest.approx(level, rel=0.05)


def test_a_hann_window_stops_the_leak_of_a_ramp():
    ramp = torch.linspace(0, 1, 256, dtype=torch.float64)[:, None] + 3
    plain, windowed = (error_by_band(0 * ramp, ramp, hann=hann) for hann in (False, True))
    assert windowed[-1].reference_energy < 1e-6 * plain[-1].reference_energy
    assert windowed[0].reference_energy == pytest.approx(plain[0].reference_energy, rel=1e-6)


def test_a_hann_window_keeps_the_energy_of_noise():
    spectrum = radial_power_spectrum(noise(128, 128, 3), hann=True)
    assert spectrum.energy.sum().item() == pytest.approx(1, rel=0.05)


def test_float32_is_as_good_as_float64():
    result, reference = noise(33, 20, 3), noise(33, 20, 3, seed=1)
    exact = error_by_band(result, reference)
    for band, expected in zip(error_by_band(result.float(), reference.float()), exact, strict=True):
        assert band.error_energy == pytest.approx(expected.error_energy, rel=1e-4)


def test_what_has_no_spectrum_is_refused():
    values = noise(8, 8, 1)
    with pytest.raises((ShapeError, jaxtyping.TypeCheckError)):
        error_by_band(values, values[:4])
    with pytest.raises(ShapeError, match="spacings"):
        error_by_band(values, values, spacing=(1.0, 1.0, 1.0))
    with pytest.raises(InputError, match="spacing"):
        radial_power_spectrum(values, spacing=0.0)
    with pytest.raises(ShapeError, match="at least one axis"):
        radial_power_spectrum(values[0, 0])
