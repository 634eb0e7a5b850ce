import pytest
import torch

from ungrid.errors import InputError
from ungrid.restoration.registration import find_shift


def scene(seed=0):
    """Smooth, on a lattice of eighths of a pixel."""
    waves = torch.fft.rfft2(torch.randn(512, 512, generator=torch.Generator().manual_seed(seed)))
    squared = torch.fft.fftfreq(512)[:, None] ** 2 + torch.fft.rfftfreq(512) ** 2
    plane = torch.fft.irfft2(waves * torch.exp(-squared / (2 * 0.012**2)), s=(512, 512))
    return 0.5 + 0.15 * plane / plane.std()


def shot(plane, down=0, across=0):
    return (
        plane[128 + down : 384 + down, 128 + across : 384 + across].unflatten(0, (32, 8)).unflatten(2, (32, 8)).mean(dim=(1, 3))
    )


@pytest.mark.parametrize(("down", "across"), [(0, 0), (3, -5), (-12, 7), (41, -50)])
def test_shifts_are_found_to_hundredths_of_a_pixel(down, across):
    found = find_shift(shot(scene()), shot(scene(), down, across))
    assert found.down == pytest.approx(down / 8, abs=0.02)
    assert found.across == pytest.approx(across / 8, abs=0.02)
    assert found.likeness > 0.99


def test_noise_of_two_percent_moves_a_shift_by_few_hundredths():
    noise = 0.02 * torch.randn(32, 32, generator=torch.Generator().manual_seed(1))
    found = find_shift(shot(scene()), shot(scene(), 3, -5) + noise)
    assert (found.down, found.across) == (pytest.approx(3 / 8, abs=0.05), pytest.approx(-5 / 8, abs=0.05))


def test_another_scene_and_a_flat_one_are_refused():
    with pytest.raises(InputError, match="the shot does not show what the first one does"):
        find_shift(shot(scene()), shot(scene(7)))
    with pytest.raises(InputError, match="leave it out"):
        find_shift(shot(scene()), torch.full((32, 32), 0.5))


def test_shots_too_small_to_align_are_refused():
    with pytest.raises(InputError, match="16×16 pixels on; got 12×32"):
        find_shift(torch.zeros(12, 32), torch.zeros(12, 32))
