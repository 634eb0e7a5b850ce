import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.errors import ShapeError
from ungrid.fields.lattice import LatticeField
from ungrid.measurements.linear import Samples
from ungrid.terms.linear import LinearMisfit
from ungrid.testing.toys import unit_box

GRID = Grid(unit_box(1), (4,))
FIELD = LatticeField.of(GRID.box, torch.tensor([1.0, 2.0, 3.0, 4.0])[:, None])


def test_the_loss_is_half_the_weighted_mean_of_squares():
    measured = torch.zeros(4, 1)
    assert float(LinearMisfit(Samples(GRID), measured)(FIELD)) == pytest.approx((1 + 4 + 9 + 16) / 8)
    weights = torch.tensor([0.0, 0.0, 0.0, 2.0])[:, None]
    assert float(LinearMisfit(Samples(GRID), measured, weight=weights)(FIELD)) == pytest.approx(2 * 16 / 8)


def test_normal_and_right_side_are_the_gradient():
    weights, measured = torch.tensor([0.5, 1.0, 2.0, 0.0])[:, None], torch.ones(4, 1)
    term = LinearMisfit(Samples(GRID), measured, weight=weights)
    field = LatticeField.of(GRID.box, FIELD.samples.detach())
    term(field).backward()
    expected = (term.normal(FIELD.samples.detach()) - term.right_side()) / 4
    torch.testing.assert_close(field.samples.grad, expected)


def test_measurements_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="measured were"):
        LinearMisfit(Samples(GRID), torch.zeros(5, 1))(FIELD)
