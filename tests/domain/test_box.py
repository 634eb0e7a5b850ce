import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.errors import InputError, ShapeError
from ungrid.spec import from_spec, to_spec
from ungrid.testing.toys import unit_box

ends = st.floats(-1e6, 1e6).flatmap(lambda low: st.tuples(st.just(low), st.floats(1e-3, 1e6).map(lambda extent: low + extent)))


@settings(deadline=None, max_examples=50)
@given(bounds=st.lists(ends, min_size=1, max_size=3), unit=st.floats(-1, 1))
def test_normalizing_takes_corners_to_one_and_is_undone_by_its_inverse(bounds, unit):
    box = Box(("a", "b", "c")[: len(bounds)], tuple(bounds))
    corners = torch.tensor(bounds, dtype=torch.float64).T
    assert_close(
        box.normalize(corners), torch.tensor([[-1.0], [1.0]], dtype=torch.float64).expand(2, len(bounds)), rtol=0, atol=1e-6
    )
    inside = torch.full((len(bounds),), unit, dtype=torch.float64)
    assert_close(box.normalize(box.denormalize(inside)), inside, rtol=0, atol=1e-6)


def test_a_box_has_no_units_and_no_periodic_axes_unless_they_are_given():
    box = Box(("y", "x"), ((0.0, 2.0), (1.0, 4.0)))
    assert box.units == ("", "")
    assert box.periodic == (False, False)
    assert (box.dim, box.extent, box.axis("x")) == (2, (2.0, 3.0), 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), ()), "one distinct name"),
        ((("x", "x"), ((0.0, 1.0), (0.0, 1.0))), "one distinct name"),
        ((("x", "y"), ((0.0, 1.0),)), "one distinct name"),
        ((("x",), ((0.0, 1.0),), ("mm", "mm")), "one distinct name"),
        ((("x",), ((0.0, 1.0),), ("mm",), (True, False)), "one distinct name"),
        ((("x",), ((1.0, 1.0),)), "low < high"),
        ((("x",), ((2.0, 1.0),)), "low < high"),
        ((("x",), ((0.0, math.inf),)), "finite"),
        ((("x",), ((math.nan, 1.0),)), "finite"),
        ((("x",), ((0.0, 1.0),), ("mm",), (False,), ((1.0, 0.0, 0.0),)), "rows of 2"),
    ],
)
def test_a_box_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Box(*arguments)


def test_an_affine_takes_coords_to_the_world():
    turn = ((0.0, -2.0, 10.0), (2.0, 0.0, 20.0), (0.0, 0.0, 5.0))
    box = Box(("y", "x"), ((0.0, 4.0), (0.0, 8.0)), affine=turn)
    coords = torch.tensor([[1.0, 3.0], [0.0, 0.0]])
    assert box.to_world(coords).tolist() == [[4.0, 22.0, 5.0], [10.0, 20.0, 5.0]]
    assert box.to_world(coords.double()).dtype == torch.float64
    assert box.to_world(coords[:0]).shape == (0, 3)
    plain = unit_box(2)
    assert plain.to_world(coords) is coords


def test_the_border_belongs_to_the_box():
    box = Box(("y", "x"), ((0.0, 2.0), (0.0, 3.0)))
    coords = torch.tensor([[0.0, 0.0], [2.0, 3.0], [2.0001, 1.0], [1.0, -0.0001]])
    assert box.contains(coords).tolist() == [True, True, False, False]


def test_a_crop_keeps_what_is_not_named():
    box = Box(("y", "x"), ((0.0, 2.0), (0.0, 3.0)), ("px", "px"), (False, True), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    cropped = box.crop({"x": (1.0, 2.5)})
    assert cropped.bounds == ((0.0, 2.0), (1.0, 2.5))
    assert (cropped.axes, cropped.units, cropped.affine) == (box.axes, box.units, box.affine)
    assert box.crop({}) == box


def test_a_part_of_a_periodic_axis_does_not_wrap_and_the_other_axes_still_do():
    box = Box(("lat", "lon"), ((-90.0, 90.0), (0.0, 360.0)), ("degree", "degree"), (False, True))
    assert box.crop({"lat": (0.0, 45.0)}).periodic == (False, True)
    assert box.crop({"lon": (0.0, 90.0)}).periodic == (False, False)


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ({"z": (0.0, 1.0)}, r"no axis 'z' in this box; its axes are \('y', 'x'\)"),
        ({"x": (-1.0, 1.0)}, "region x=-1:1 does not lie in the box, whose x runs over 0:3 px"),
        ({"x": (1.0, 4.0)}, "does not lie in the box"),
        ({"x": (2.0, 1.0)}, "does not lie in the box"),
        ({"x": (1.0, 1.0)}, "does not lie in the box"),
        ({"x": (math.nan, 1.0)}, "does not lie in the box"),
    ],
)
def test_a_region_outside_the_box_is_refused(region, message):
    with pytest.raises(InputError, match=message):
        Box(("y", "x"), ((0.0, 2.0), (0.0, 3.0)), ("px", "px")).crop(region)


@pytest.mark.parametrize(
    "coords", [torch.zeros(3, 2, dtype=torch.int64), torch.zeros(()), torch.zeros(3), torch.zeros(2, 1), torch.zeros(3, 2).bool()]
)
def test_coords_that_do_not_fit_are_refused(coords):
    with pytest.raises(ShapeError):
        unit_box(2).check_coords(coords)


def test_a_box_is_rebuilt_equal_from_its_spec():
    box = Box(("y", "x"), ((0.0, 2.0), (0.1, 3.0)), ("s", "mm"), (True, False), ((1.0, 0.0, 0.5), (0.0, 1.0, 0.25)))
    assert from_spec(to_spec(box), {"Box": Box}) == box


def test_a_periodic_axis_brings_coords_into_the_box():
    box = Box(("lat", "lon"), ((-90.0, 90.0), (-180.0, 180.0)), ("degree", "degree"), (False, True))
    places = torch.tensor([[10.0, 190.0], [10.0, -530.0], [100.0, 20.0]])
    assert_close(box.denormalize(box.normalize(places)), torch.tensor([[10.0, -170.0], [10.0, -170.0], [100.0, 20.0]]))
    assert box.contains(places).tolist() == [True, True, False]


def test_boxes_that_differ_by_rounding_are_close():
    box = Box(("t",), ((0.0, 10.0),), ("s",))
    assert box.is_close(Box(("t",), ((1e-7, 10.0),), ("s",)))
    assert not box.is_close(Box(("t",), ((1e-3, 10.0),), ("s",)))
    assert not box.is_close(Box(("t",), ((0.0, 10.0),), ("min",)))


def test_a_part_of_a_periodic_axis_may_run_across_its_end():
    box = Box(("lat", "lon"), ((-90.0, 90.0), (-180.0, 180.0)), ("degree", "degree"), (False, True))
    across = box.crop({"lon": (170.0, 190.0)})
    assert (across.bounds[1], across.periodic) == ((170.0, 190.0), (False, False))
    assert box.crop({"lon": (170.0, -170.0)}) == across
    for region in ({"lon": (170.0, 540.0)}, {"lon": (500.0, 600.0)}, {"lat": (45.0, -45.0)}):
        with pytest.raises(InputError, match="does not lie in the box"):
            box.crop(region)
