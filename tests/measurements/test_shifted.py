import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.measurements.linear import inner_product
from ungrid.measurements.shifted import ShiftedFootprint

GRID = Grid(Box(("y", "x"), ((0.0, 12.0), (0.0, 14.0)), ("px", "px")), (12, 14))


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)), dtype=torch.float64)


@pytest.mark.parametrize(
    ("factor", "corner"), [(2, (0.0, 0.0)), (2, (1.3, 3.75)), (1, (0.5, 0.25)), (2, (4.0, 4.0)), (3, (2.9, 1.0))]
)
def test_the_adjoint_of_shifted_pixels_is_their_adjoint(factor, corner):
    shape = (3, 3) if factor == 3 else (4, 5)
    sensor = ShiftedFootprint(GRID, shape, factor, corner)
    scene, seen = noise(12, 14, 2), noise(*shape, 2)
    assert inner_product(sensor.A(scene), seen) == pytest.approx(inner_product(scene, sensor.A_adjoint(seen)), rel=1e-12)


def test_a_shift_by_whole_samples_gives_means_of_blocks():
    scene = noise(12, 14, 1)
    seen = ShiftedFootprint(GRID, (4, 5), 2, (3.0, 4.0)).A(scene)
    torch.testing.assert_close(seen, scene[3:11, 4:14].unflatten(0, (4, 2)).unflatten(2, (5, 2)).mean(dim=(1, 3)))


def test_a_pixel_of_a_ramp_is_the_ramp_at_its_middle():
    ramp = (torch.arange(14, dtype=torch.float64) + 0.5).expand(12, 14)[..., None]
    seen = ShiftedFootprint(GRID, (4, 4), 2, (1.5, 2.25)).A(ramp)
    # a scene that is even over its samples has steps: its mean over a sample is the ramp's, its mean over 0.75 and 0.25 is linear
    torch.testing.assert_close(seen[0, :, 0], 2.25 + 1 + 2 * torch.arange(4, dtype=torch.float64))


def test_a_shot_beyond_the_scene_is_refused():
    with pytest.raises(InputError, match="outside of a scene"):
        ShiftedFootprint(GRID, (4, 5), 2, (4.5, 0.0))
