import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from ungrid.differentiate import gradient, hessian, laplacian
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fields.encoded import EncodedField
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.tolerances import assert_same_up_to_rounding
from ungrid.testing.toys import pixel_box, tiny_picture, unit_box


def a_field(box, out_dim=2):
    return FIELD_EXAMPLES["EncodedField"](box, out_dim, 0).double()


@pytest.mark.parametrize("n", [1, 2, 3, 8, 1001])
def test_n_samples_on_minus_one_to_one_lie_at_the_centers_of_their_cells(n):
    points = Grid(Box(("x",), ((-1.0, 1.0),)), (n,)).points(dtype=torch.float64)
    expected = [[-1 + (2 * i + 1) / n] for i in range(n)]
    assert_close(points, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)


def test_the_first_pixel_of_a_picture_has_its_center_at_one_half():
    points = Grid(pixel_box(3, 5), (3, 5)).points()
    assert points[0, 0].tolist() == [0.5, 0.5]
    assert points[2, 4].tolist() == [2.5, 4.5]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_field_at_the_points_of_a_grid_is_the_array_of_the_grid(dim):
    field = a_field(unit_box(dim))
    grid = Grid(field.box, (4, 5, 6)[:dim])
    array = field(grid.points(dtype=torch.float64))
    assert array.shape == (*grid.shape, 2)
    assert_same_up_to_rounding(field.on(grid), array, slack=20.0)
    assert_same_up_to_rounding(field.sample(grid), array.detach(), slack=20.0)


def test_the_axes_of_an_array_follow_the_axes_of_the_box():
    box = Box(("t", "y", "x"), ((0.0, 2.0), (0.0, 30.0), (0.0, 400.0)))
    points = Grid(box, (2, 3, 4)).points()
    for axis, step in enumerate((1.0, 10.0, 100.0)):
        along = points.select(-1, axis).movedim(axis, 0).flatten(1)
        assert_close(along, along[:, :1].expand_as(along))
        assert_close(along[1:, 0] - along[:-1, 0], torch.full((len(along) - 1,), step))


def test_the_values_of_a_signal_lie_at_the_points_of_its_grid():
    picture = tiny_picture(4, 6)
    assert picture.values.shape == (*picture.grid.shape, 3)
    assert picture.grid.points().shape == (*picture.grid.shape, 2)
    assert picture.box.axes == ("y", "x")
    assert picture.box.units == ("px", "px")


@settings(deadline=None, max_examples=30)
@given(shape=st.lists(st.integers(1, 9), min_size=1, max_size=3), scale=st.integers(1, 5))
def test_the_sub_points_of_a_refined_grid_have_the_old_point_as_their_mean(shape, scale):
    grid = Grid(unit_box(len(shape)), tuple(shape))
    fine = grid.refine(float(scale))
    assert fine.shape == tuple(n * scale for n in shape)
    assert fine.box == grid.box
    points = fine.points(dtype=torch.float64)
    for axis in range(len(shape)):
        points = points.unflatten(axis, (shape[axis], scale)).mean(dim=axis + 1)
    assert_close(points, grid.points(dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_rendering_of_four_times_the_size_lines_up_with_the_original():
    # a linear field is its own mean over a cell, so averaging 4×4 pixels of the rendering gives the original exactly
    box = pixel_box(3, 5)
    grid = Grid(box, (3, 5))

    def ramp(coords):
        return coords @ torch.tensor([[2.0], [-0.5]], dtype=torch.float64) + 1

    fine = ramp(grid.refine(4.0).points(dtype=torch.float64))
    averaged = fine.unflatten(0, (3, 4)).unflatten(2, (5, 4)).mean(dim=(1, 3))
    assert_close(averaged, ramp(grid.points(dtype=torch.float64)), rtol=0, atol=1e-12)


def test_encodings_see_coordinates_from_minus_one_to_one():
    seen = []
    field = a_field(unit_box(2))
    field.encoding.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    corners = torch.tensor([[low for low, _ in field.box.bounds], [high for _, high in field.box.bounds]], dtype=torch.float64)
    field(corners)
    assert seen[0].tolist() == [[-1, -1], [1, 1]]


def test_derivatives_are_per_unit_of_the_box():
    small = a_field(Box(("y", "x"), ((0.0, 2.0), (1.0, 4.0))))
    large = EncodedField(
        Box(("y", "x"), ((0.0, 20.0), (10.0, 40.0))), small.encoding, small.network, small.value_scale, small.value_offset
    )
    coords = torch.tensor([[0.3, 1.7], [1.9, 3.1]], dtype=torch.float64)
    assert_close(large(10 * coords), small(coords))
    assert_close(gradient(large, 10 * coords), gradient(small, coords) / 10)
    assert_close(laplacian(large, 10 * coords), laplacian(small, coords) / 100)
    assert_close(hessian(large, 10 * coords), hessian(small, coords) / 100)


def test_derivatives_of_unequal_axes_are_each_in_their_own_unit():
    field = a_field(Box(("t", "x"), ((0.0, 1.0), (0.0, 100.0)), ("s", "mm")))
    coords = torch.tensor([[0.4, 37.0]], dtype=torch.float64)
    for axis, step in enumerate((1e-6, 1e-4)):
        offset = torch.zeros(2, dtype=torch.float64)
        offset[axis] = step
        slope = (field(coords + offset) - field(coords - offset)) / (2 * step)
        assert_close(gradient(field, coords)[..., axis], slope, rtol=1e-5, atol=1e-8)
