import math

import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.measurements.footprint import Footprint, gaussian_psf, motion_psf
from ungrid.testing import check_linear

PICTURE = Grid(Box(("y", "x"), ((0.0, 6.0), (0.0, 8.0)), ("px", "px")), (6, 8))


@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("psf", [None, torch.full((5, 3), 1 / 15), gaussian_psf(0.7)])
def test_every_footprint_is_linear_with_its_adjoint(factor, psf):
    check_linear(Footprint(PICTURE, factor, psf))


def test_a_pixel_is_the_mean_of_its_samples():
    sensor = Footprint(PICTURE, 2)
    values = torch.arange(12 * 16, dtype=torch.float64).reshape(12, 16, 1)
    assert sensor.grid.shape == (12, 16)
    assert float(sensor.A(values)[1, 2]) == float(values[2:4, 4:6].mean())


def test_the_scene_reaches_as_far_as_the_blur_and_in_whole_pixels():
    sensor = Footprint(PICTURE, 2, torch.full((5, 3), 1 / 15))
    assert sensor.margin == (2, 2)
    assert sensor.grid.box.bounds == ((-1.0, 7.0), (-1.0, 9.0))
    values = torch.zeros(16, 20, 1, dtype=torch.float64)
    values[0, 3] = 1.0  # two samples above the picture, inside the reach of its first row
    assert float(sensor.A(values)[0].sum()) == pytest.approx(3 / 15 / 4)
    assert sensor.A(torch.ones_like(values)).sub(1).abs().max() < 1e-6


def test_a_blur_that_is_not_symmetric_moves_light_its_way():
    psf = torch.zeros(1, 3)
    psf[0, 2] = 1.0
    values = torch.zeros(6, 10, 1)
    values[2, 4] = 1.0
    seen = Footprint(PICTURE, 1, psf).A(values)
    assert seen[2, 4] > 0.999  # column 3 of the picture is column 4 of the scene, and light goes one further


def test_a_gaussian_blurs_by_its_sigma():
    psf = gaussian_psf(2.0).double()
    at = torch.arange(len(psf), dtype=torch.float64) - len(psf) // 2
    assert float((psf.sum(1) * at**2).sum()) == pytest.approx(4.0, rel=1e-2)


@pytest.mark.parametrize("degrees", [0.0, 30.0, 90.0, 200.0])
def test_a_motion_has_its_length_and_its_angle(degrees):
    psf = motion_psf(15.0, degrees).double()
    at = torch.arange(len(psf), dtype=torch.float64) - len(psf) // 2
    across, down = (psf.sum(0) * at**2).sum(), (psf.sum(1) * at**2).sum()
    mixed = (psf * at[:, None] * at).sum()
    assert float(across + down) == pytest.approx(15**2 / 12, rel=0.05)
    assert float(-mixed) == pytest.approx(15**2 / 12 * math.sin(math.radians(degrees)) * math.cos(math.radians(degrees)), abs=0.5)


def test_functions_that_are_none_are_refused():
    with pytest.raises(ShapeError, match="odd sizes"):
        Footprint(PICTURE, 1, torch.full((2, 2), 0.25))
    with pytest.raises(InputError, match="sums to"):
        Footprint(PICTURE, 1, torch.full((3, 3), 1.0))
    with pytest.raises(InputError, match="below 0"):
        Footprint(PICTURE, 1, torch.tensor([[-0.5, 1.0, 0.5]]))
    with pytest.raises(InputError, match="factor"):
        Footprint(PICTURE, 0)
    for wrong in (0.0, math.nan, 1e6):
        with pytest.raises(InputError, match="sigma"):
            gaussian_psf(wrong)
        with pytest.raises(InputError, match="motion"):
            motion_psf(wrong, 0.0)
