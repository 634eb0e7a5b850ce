import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.differentiate import gradient, hessian
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.placed import Cropped, Transformed, Warped
from ungrid.fields.record import Record
from ungrid.testing.analytic_fields import MM_BOX, LineField, WaveField, places
from ungrid.testing.toys import plane_wave

K = (1.0, 0.5)
WAVE = plane_wave(K)
PART = MM_BOX.crop({"y": (1.0, 2.0), "x": (0.0, 4.5)})
TURN = ((math.cos(0.3), -math.sin(0.3), 0.7), (math.sin(0.3), math.cos(0.3), -0.2))


def wave():
    return WaveField((K,))


def picture_of(field, shape):
    field.record = Record("image", shape, ("y",), {"file": "a.png", "bit_depth": 8})
    return field


def moved(x):
    matrix = torch.tensor(TURN, dtype=torch.float64)
    return x @ matrix[:, :2].T + matrix[:, 2]


def test_a_crop_has_the_same_values_and_slopes_at_the_same_coordinates():
    cut, x = Cropped(wave(), PART), places(box=PART)
    assert cut.box == PART
    assert_close(cut(x), WAVE(x))
    assert_close(gradient(cut, x), WAVE.gradient(x))


def test_a_grid_of_a_crop_is_one_of_the_field():
    field, grid = wave(), Grid(PART, (3, 4))
    assert_close(Cropped(field, PART).on(grid), WAVE(grid.points(dtype=torch.float64)))
    assert field.asked == [grid]


def test_a_crop_of_a_picture_keeps_its_pixels():
    cut = Cropped(picture_of(wave(), (8, 12)), PART)
    assert cut.record.shape == (2, 9)
    assert cut.record.source == {"bit_depth": 8}


def test_boxes_that_are_no_part_of_the_field_are_refused():
    with pytest.raises(InputError, match="does not lie in the box"):
        Cropped(wave(), Box(("y", "x"), ((1.0, 4.5), (0.0, 1.0)), ("mm", "mm")))
    with pytest.raises(InputError, match="no axis 'z'"):
        Cropped(wave(), Box(("z", "x"), ((1.0, 2.0), (0.0, 1.0)), ("mm", "mm")))
    with pytest.raises(InputError, match="is no part of the field's"):
        Cropped(wave(), Box(("y", "x"), ((1.0, 2.0), (0.0, 1.0)), ("px", "px")))
    with pytest.raises(InputError, match="is no part of the field's"):
        Cropped(wave(), Box(("x", "y"), ((1.0, 2.0), (0.0, 1.0)), ("mm", "mm")))


def test_a_turned_field_is_seen_through_the_map_with_the_slopes_of_the_chain_rule():
    turned, x = Transformed(wave(), MM_BOX, TURN), places()
    linear = torch.tensor(TURN, dtype=torch.float64)[:, :2]
    assert_close(turned(x), WAVE(moved(x)))
    assert_close(gradient(turned, x), WAVE.gradient(moved(x)) @ linear)
    assert_close(hessian(turned, x), linear.T @ WAVE.hessian(moved(x)) @ linear)
    grid = Grid(MM_BOX, (3, 4))
    assert_close(turned.on(grid), turned(grid.points(dtype=torch.float64)))


def test_a_change_of_units_asks_the_field_for_a_grid():
    meters, field = Box(("y", "x"), ((0.0, 0.004), (-0.001, 0.005)), ("m", "m")), wave()
    seen = Transformed(field, meters, ((1000.0, 0.0, 0.0), (0.0, 1000.0, 0.0)))
    x = places()
    assert_close(seen(x / 1000), WAVE(x))
    assert_close(gradient(seen, x / 1000), 1000 * WAVE.gradient(x))
    grid = Grid(meters, (3, 4))
    assert_close(seen.on(grid), seen(grid.points(dtype=torch.float64)))
    (asked,) = field.asked
    assert asked.box.units == ("mm", "mm")
    assert_close(torch.tensor(asked.box.bounds), torch.tensor(MM_BOX.bounds))


def test_a_mirrored_field_is_asked_for_points():
    mirror, field = ((-1.0, 0.0, 4.0), (0.0, 1.0, 0.0)), wave()
    grid = Grid(MM_BOX, (3, 4))
    straight = Grid(MM_BOX, (3, 4)).points(dtype=torch.float64)
    assert_close(Transformed(field, MM_BOX, mirror).on(grid), WAVE(straight).flip(0))
    assert field.asked == []


def test_a_plane_of_a_volume_is_a_field_of_fewer_axes():
    volume = Box(("z", "y", "x"), ((0.0, 2.0), (0.0, 3.0), (0.0, 4.0)), ("mm",) * 3)
    solid, flat = WaveField(((1.0, 2.0, 3.0),), volume), Box(("y", "x"), ((0.0, 3.0), (0.0, 4.0)), ("mm",) * 2)
    plane, x = Transformed(solid, flat, ((0.0, 0.0, 1.5), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))), places(box=flat)
    assert_close(plane(x), torch.sin(1.5 + x @ torch.tensor([[2.0], [3.0]], dtype=torch.float64)))
    assert plane.record is None


def test_a_seen_picture_has_as_many_samples_as_the_field_along_the_way():
    half = Transformed(picture_of(wave(), (8, 12)), PART, ((2.0, 0.0, 0.0), (0.0, 0.5, 0.0)))
    assert half.record.shape == (4, 4)  # pitch 0.5 mm: 1 mm twice as fast, 4.5 mm at half the speed
    assert Transformed(picture_of(wave(), (8, 12)), MM_BOX, TURN).record.shape == (8, 12)


def test_matrices_of_another_shape_or_size_are_refused():
    with pytest.raises(InputError, match=r"rows of \[3\] numbers; expected 2 rows of 3"):
        Transformed(wave(), MM_BOX, ((1.0, 0.0, 0.0),))
    with pytest.raises(InputError, match="an entry of the matrix is 10000000000000"):
        Transformed(wave(), MM_BOX, ((1.0, 0.0, 1e13), (0.0, 1.0, 0.0)))


def test_a_warped_field_is_seen_where_the_displacement_leads():
    bend = LineField(((0.1, -0.2), (0.3, 0.05)), (0.4, -0.1))
    warped, x = Warped(wave(), bend), places()
    there = x + bend(x).detach()
    linear = torch.eye(2, dtype=torch.float64) + torch.tensor(bend.matrix, dtype=torch.float64)
    assert_close(warped(x), WAVE(there))
    assert_close(gradient(warped, x), WAVE.gradient(there) @ linear)
    grid = Grid(MM_BOX, (3, 4))
    assert_close(warped.on(grid), warped(grid.points(dtype=torch.float64)))


def test_a_displacement_learns_through_the_field():
    bend = LineField(((0.0, 0.0), (0.0, 0.0)), (0.0, 0.0))
    warped, x = Warped(wave(), bend), places()
    warped(x).sum().backward()
    assert_close(bend.start.grad, WAVE.gradient(x).sum(dim=(0, 1)))


def test_displacements_of_other_channels_are_refused():
    with pytest.raises(InputError, match="the displacement has 1 channels; expected 2, one for each of"):
        Warped(wave(), wave())
