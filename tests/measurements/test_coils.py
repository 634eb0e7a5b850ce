import math

import pytest
import torch

from ungrid.errors import InputError
from ungrid.measurements.coils import middle, sensitivities
from ungrid.measurements.fourier import FourierSamples
from ungrid.measurements.kspace import read_kspace
from ungrid.signals.phantoms import shepp_logan
from ungrid.tasks.magnetic_scan import grid_of

SIZE = 48


def coils(count=4, size=SIZE):
    """Smooth maps of coils around the picture, their squares sum to 1."""
    at = torch.linspace(-1, 1, size)
    maps = []
    for k in range(count):
        angle = 2 * math.pi * k / count
        far = (at[:, None] - math.sin(angle)) ** 2 + (at - math.cos(angle)) ** 2
        maps.append(torch.exp(-far / 1.5) * torch.exp(1j * (0.8 * k + 0.5 * at)))
    stack = torch.stack(maps)
    return stack / stack.abs().square().sum(dim=0).sqrt()


def head():
    return shepp_logan(SIZE).values[..., 0].to(torch.complex64)


def seen(trajectory=None):
    sensor = FourierSamples(grid_of((SIZE, SIZE)), trajectory=trajectory, coils=coils())
    return sensor.A(torch.view_as_real(head()))


def agreement(found):
    """|⟨s, found⟩| over the head: 1 where they agree but for a phase."""
    inner = (found.conj() * coils()).sum(dim=0).abs()
    return float(inner[head().abs() > 0.1].mean())


def test_sensitivities_are_found_in_the_full_middle_of_lines():
    mask = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    mask[::3] = mask[16:32] = True
    kspace = read_kspace(seen().reshape(4, SIZE, SIZE), mask=mask)
    assert middle(kspace).shape == (4, 16, 24)
    found = sensitivities(kspace)
    assert agreement(found) > 0.999
    torch.testing.assert_close(found.abs().square().sum(dim=0), torch.ones(SIZE, SIZE), atol=1e-4, rtol=0)


def test_sensitivities_are_found_along_radial_readouts():
    angles = torch.arange(40) * torch.pi / 40
    along = (torch.arange(SIZE) - SIZE // 2)[None, :, None] * torch.stack([angles.sin(), angles.cos()], dim=-1)[:, None]
    assert agreement(sensitivities(read_kspace(seen(along).reshape(4, 40, SIZE), trajectory=along))) > 0.998


def test_one_coil_and_a_middle_with_holes_are_refused(unchecked_types):
    waves = seen().reshape(4, SIZE, SIZE)
    holes = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    holes[::2] = True
    with pytest.raises(InputError, match="give them with coils"):
        sensitivities(read_kspace(waves, mask=holes))
    with pytest.raises(InputError, match="k-space has one"):
        sensitivities(read_kspace(waves[0]))
