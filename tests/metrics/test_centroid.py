import math

import pytest
import torch

from ungrid.errors import InputError
from ungrid.metrics.centroid import spectral_centroid


@pytest.mark.parametrize("cycles", [0, 1, 3, 8])
def test_the_centroid_of_a_wave_is_its_frequency_in_half_cycles_per_sample(cycles):
    t = torch.arange(16, dtype=torch.float64) / 16
    wave = torch.cos(2 * math.pi * cycles * t)[:, None]
    assert spectral_centroid(wave) == pytest.approx(2 * cycles / 16, abs=1e-12)


def test_magnitudes_weigh_and_not_energies():
    t = torch.arange(16, dtype=torch.float64) / 16
    two = 3 * torch.cos(2 * math.pi * 2 * t) + torch.cos(2 * math.pi * 6 * t)
    assert spectral_centroid(two[:, None]) == pytest.approx(2 * (3 * 2 + 6) / 4 / 16)


def test_lines_and_channels_are_averaged_and_dark_ones_count_as_zero():
    t = torch.arange(16, dtype=torch.float64) / 16
    wave = torch.cos(2 * math.pi * 4 * t)
    picture = torch.stack([wave, torch.zeros(16)])[..., None].expand(2, 16, 3)
    assert spectral_centroid(picture) == pytest.approx(0.25)


def test_a_spectrum_needs_an_axis():
    with pytest.raises(InputError, match="at least one axis"):
        spectral_centroid(torch.zeros(3))
