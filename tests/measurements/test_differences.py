import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.errors import ShapeError
from ungrid.measurements.differences import Differences
from ungrid.measurements.linear import inner_product
from ungrid.testing.toys import pixel_box


@pytest.mark.parametrize("some", [False, True])
def test_differences_and_their_adjoint_agree(some):
    grid, rng = Grid(pixel_box(5, 7), (5, 7)), torch.Generator().manual_seed(0)
    sensor = Differences(grid, torch.rand(2, 5, 7, generator=rng) < 0.5 if some else None)
    values, seen = torch.randn(5, 7, 2, generator=rng), torch.randn(2, 5, 7, 2, generator=rng)
    assert inner_product(sensor.A(values), seen) == pytest.approx(inner_product(values, sensor.A_adjoint(seen)), rel=1e-5)


def test_differences_of_a_slope_are_even():
    grid = Grid(pixel_box(4, 6), (4, 6))
    found = Differences(grid).A(torch.arange(6.0).expand(4, 6)[..., None])
    assert torch.equal(found[1, :, :-1], torch.ones(4, 5, 1))
    assert not found[0].any()
    with pytest.raises(ShapeError, match="counted has shape"):
        Differences(grid, torch.ones(2, 4, 5, dtype=torch.bool))
