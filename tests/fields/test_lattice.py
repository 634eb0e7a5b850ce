import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.fields.lattice import LatticeField
from ungrid.testing.examples import lattice_field

BOX = Box(("y", "x"), ((0.0, 4.0), (1.0, 7.0)), ("mm", "mm"))


def test_on_its_lattice_the_values_are_the_parameters_to_the_bit():
    field = lattice_field(BOX, 2)
    assert torch.equal(field.on(field.lattice), field.samples)
    part = (slice(1, 4), slice(2, 5))
    assert torch.equal(field.on(field.lattice.part(part)), field.samples[part])
    torch.testing.assert_close(field.on(field.lattice.refine(3.0))[1::3, 1::3], field.samples)


def test_a_grid_gives_what_its_points_give():
    field = lattice_field(BOX, 3).double()
    grid = Grid(Box(BOX.axes, ((0.3, 3.1), (2.0, 6.9)), BOX.units), (7, 9))
    torch.testing.assert_close(field.on(grid), field(grid.points(dtype=torch.float64)))


def test_parabolas_come_back_between_the_samples():
    grid = Grid(Box(("x",), ((-1.0, 1.0),)), (12,))
    field = LatticeField.of(grid.box, grid.points(dtype=torch.float64) ** 2)
    at = torch.linspace(-0.7, 0.7, 31, dtype=torch.float64)[:, None]
    torch.testing.assert_close(field(at), at**2)


def test_sizes_out_of_range_are_refused():
    with pytest.raises(ShapeError, match="needs that many sizes"):
        LatticeField(BOX, (3,), 1)
    with pytest.raises(InputError, match="number of values"):
        LatticeField(BOX, (2**20, 2**20), 1)
