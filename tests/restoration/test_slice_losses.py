import math

import pytest
import torch

from ungrid.errors import InputError
from ungrid.restoration.slice_losses import ThickSlices, through
from ungrid.signals.volume import from_array

VALUES = torch.rand(6, 8, 10, generator=torch.Generator().manual_seed(0))


def stack(spacing=(3.0, 1.0, 1.0)):
    return from_array(VALUES, spacing=spacing)


def test_the_axis_of_coarsest_spacing_is_the_one_through_the_slices():
    assert through(stack(), "it") == (0, 3.0)
    assert through(stack((1.0, 1.0, 2.5)), "it") == (2, 2.5)


def test_the_nearest_spacing_that_fills_the_volume_is_taken():
    assert ThickSlices().scan(stack()).grid.shape == (18, 8, 10)
    scan = ThickSlices(1.1).scan(stack())
    assert scan.grid.shape == (16, 8, 10)
    assert scan.grid.spacing[0] == pytest.approx(18 / 16)
    assert ThickSlices(1.1, thickness=2.0).describe(stack(), scan.grid) == "slices:3->1.125 mm along z, 2 mm thick"


def test_of_another_stack_the_part_inside_of_the_first_counts():
    affine = [[0, 0, 1, 0.5], [0, 2, 0, 1.0], [1, 0, 0, -3.5], [0, 0, 0, 1]]
    other = from_array(torch.rand(40, 4, 10), affine=torch.tensor(affine, dtype=torch.float64))
    scan = ThickSlices(1.0, stacks=(other,)).scan(stack())
    assert scan.seen[1].shape == (18, 4, 10, 1)
    assert scan.sensors[1].axis == 1
    assert not scan.is_single
    torch.testing.assert_close(scan.sensors[1].A(torch.ones(18, 8, 10, 1)), torch.ones(18, 4, 10, 1))


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        ({"spacing": 3.0}, "slices are 3 mm apart; expected a finer spacing"),
        ({"spacing": -1.0}, "expected a number of mm above 0"),
        ({"thickness": math.nan}, "expected a number of mm above 0"),
        ({"profile": "disc"}, "expected one of box, gaussian"),
        ({"stacks": (stack((1.0, 1.0, 1.0)),)}, "stack 2 has voxels of 1 × 1 × 1 mm"),
    ],
)
def test_slices_that_cannot_be_are_refused(loss, says):
    with pytest.raises(InputError, match=says) as caught:
        ThickSlices(**loss).scan(stack())
    assert "\n" not in str(caught.value)


def test_stacks_elsewhere_or_askew_are_refused():
    with pytest.raises(InputError, match="expected thick slices"):
        ThickSlices(0.5).scan(stack((1.0, 1.0, 1.0)))
    away = torch.tensor([[0, 0, 1, 99.0], [0, 3, 0, 99], [1, 0, 0, 99], [0, 0, 0, 1]])
    with pytest.raises(InputError, match="outside of the first"):
        ThickSlices(1.0, stacks=(from_array(VALUES, affine=away),)).scan(stack())
    askew = torch.tensor([[0.1, 0, 1, 0], [0, 3, 0, 0], [1, 0, -0.1, 0], [0, 0, 0, 1]])
    with pytest.raises(InputError, match="leans against the first one"):
        ThickSlices(1.0, stacks=(from_array(VALUES, affine=askew),)).scan(stack())
    with pytest.raises(InputError, match="no number"):
        ThickSlices(1.0).scan(from_array(VALUES.where(VALUES > 0.1, torch.nan), spacing=(3.0, 1.0, 1.0)))
