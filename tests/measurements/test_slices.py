import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.measurements.linear import inner_product
from ungrid.measurements.slices import SliceFootprint

BOX = Box(("z", "y", "x"), ((-4.0, 8.0), (0.0, 5.0), (0.0, 6.0)), ("mm",) * 3)
FINE = Grid(BOX, (12, 5, 6))


def test_slices_that_touch_are_means_of_the_cells_in_them():
    values = torch.randn(12, 5, 6, 2, generator=torch.Generator().manual_seed(0))
    seen = SliceFootprint(FINE, Grid(BOX, (3, 5, 6)), 0, 4.0).A(values)
    torch.testing.assert_close(seen, values.unflatten(0, (3, 4)).mean(dim=1))


@pytest.mark.parametrize("profile", ["box", "gaussian"])
@pytest.mark.parametrize(("shape", "axis"), [((4, 5, 6), 0), ((12, 2, 6), 1), ((6, 5, 2), 2)])
def test_the_adjoint_is_one_and_a_constant_stays(shape, axis, profile):
    rng = torch.Generator().manual_seed(0)
    sensor = SliceFootprint(FINE, Grid(BOX, shape), axis, 2.7, profile)
    values, seen = (torch.randn(*sizes, 1, dtype=torch.float64, generator=rng) for sizes in (FINE.shape, shape))
    assert inner_product(sensor.A(values), seen) == pytest.approx(inner_product(values, sensor.A_adjoint(seen)))
    torch.testing.assert_close(sensor.A(torch.ones_like(values)), torch.ones_like(seen))


def test_a_bell_sees_half_as_much_at_half_its_width():
    grid = Grid(Box(("z", "y", "x"), ((0.0, 101.0), (0.0, 1.0), (0.0, 1.0)), ("mm",) * 3), (1010, 1, 1))
    sensor = SliceFootprint(grid, Grid(grid.box, (1, 1, 1)), 0, 20.0, "gaussian")
    weights = sensor.A_adjoint(torch.ones(1, 1, 1, 1, dtype=torch.float64)).flatten()
    assert float(weights[505 + 100] / weights[505]) == pytest.approx(0.5, abs=0.01)


def test_a_stack_beside_the_volume_is_refused():
    away = Box(BOX.axes, ((20.0, 32.0), *BOX.bounds[1:]), BOX.units)
    with pytest.raises(InputError, match="lie outside of the volume"):
        SliceFootprint(FINE, Grid(away, (3, 5, 6)), 0, 4.0)
    with pytest.raises(InputError, match="profile 'disc'"):
        SliceFootprint(FINE, Grid(BOX, (3, 5, 6)), 0, 4.0, "disc")
