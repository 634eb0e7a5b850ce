import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.testing.toys import pixel_box, unit_box

shapes = st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple)


@settings(deadline=None, max_examples=60)
@given(shape=shapes, max_points=st.integers(1, 200))
def test_chunks_tile_the_grid_exactly_once_in_order(shape, max_points):
    grid = Grid(unit_box(len(shape)), shape)
    points, counts, order = grid.points(dtype=torch.float64), torch.zeros(shape), []
    numbers = torch.arange(grid.size).reshape(shape)
    for where, part in grid.chunks(max_points):
        assert part.size <= max_points
        counts[where] += 1
        order.append(int(numbers[where].flatten()[0]))
        assert_close(part.points(dtype=torch.float64), points[where], rtol=0, atol=1e-12)
    assert bool((counts == 1).all())
    assert order == sorted(order)


@settings(deadline=None, max_examples=60)
@given(shape=shapes, data=st.data())
def test_a_part_has_the_points_of_its_block(shape, data):
    grid = Grid(unit_box(len(shape)), shape)
    where = []
    for n in shape:
        start = data.draw(st.integers(0, n - 1))
        where.append(slice(start, data.draw(st.integers(start + 1, n))))
    part = grid.part(tuple(where))
    assert_close(part.points(dtype=torch.float64), grid.points(dtype=torch.float64)[tuple(where)], rtol=0, atol=1e-12)
    assert_close(torch.tensor(part.spacing), torch.tensor(grid.spacing))


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 50), data=st.data())
def test_a_crop_holds_exactly_the_cells_that_overlap_the_region(n, data):
    grid = Grid(Box(("x",), ((-3.0, 4.0),)), (n,))
    low = data.draw(st.floats(-3.0, 3.9))
    high = data.draw(st.floats(low + 0.01, 4.0))
    spacing = 7.0 / n
    edges = [(-3 + i * spacing, -3 + (i + 1) * spacing) for i in range(n)]
    # a bound within rounding of an edge may count either way, so it is left out
    if min(abs(bound - edge) for bound in (low, high) for pair in edges for edge in pair) < 1e-6 * spacing:
        return
    cropped = grid.crop({"x": (low, high)})
    overlapping = [(a + b) / 2 for a, b in edges if a < high and b > low]
    assert_close(cropped.points(dtype=torch.float64)[:, 0], torch.tensor(overlapping, dtype=torch.float64), rtol=0, atol=1e-9)


def test_a_crop_on_the_edges_of_cells_takes_in_no_neighbor():
    grid = Grid(Box(("y", "x"), ((0.0, 1.0), (0.0, 1.0))), (10, 10))
    for i in range(9):
        cropped = grid.crop({"x": (i / 10, (i + 1) / 10)})
        assert cropped.shape == (10, 1)
        assert_close(cropped.box.bounds[1][0], i / 10)


def test_a_crop_within_one_cell_is_that_cell():
    assert Grid(pixel_box(4, 4), (4, 4)).crop({"y": (1.2, 1.3)}).points()[:, 0, 0].tolist() == [1.5]


def test_a_large_grid_keeps_distinct_coordinates():
    grid = Grid(Box(("x",), ((-1.0, 1.0),)), (2_000_000,))
    along = grid.axis_coords(0)
    assert bool((along[1:] > along[:-1]).all())
    assert along.dtype == torch.float32


@pytest.mark.parametrize(("scale", "shape"), [(4.0, (12, 20)), (0.5, (2, 2)), (0.01, (1, 1)), (1.0, (3, 5)), (1.5, (4, 8))])
def test_refining_multiplies_the_cells_and_keeps_at_least_one(scale, shape):
    assert Grid(pixel_box(3, 5), (3, 5)).refine(scale).shape == shape


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(InputError, match="expected a positive number"):
        Grid(pixel_box(3, 5), (3, 5)).refine(scale)


@pytest.mark.parametrize("shape", [(3,), (3, 5, 1), (0, 5), (3, -1), ()])
def test_a_grid_without_a_size_for_each_axis_is_refused(shape):
    with pytest.raises(InputError, match="needs that many sizes, each at least 1"):
        Grid(pixel_box(3, 5), shape)


@pytest.mark.parametrize("where", [(slice(2, 2), slice(None)), (slice(0, 4, 2), slice(None)), (slice(3, 1), slice(None))])
def test_a_part_that_is_no_block_is_refused(where):
    with pytest.raises(InputError, match="non-empty block without steps"):
        Grid(pixel_box(4, 4), (4, 4)).part(where)


def test_size_and_spacing():
    grid = Grid(Box(("y", "x"), ((0.0, 3.0), (0.0, 10.0))), (6, 5))
    assert grid.size == 30
    assert grid.spacing == (0.5, 2.0)


def test_midpoints_lie_between_the_samples_and_keep_them():
    grid = Grid(Box(("y", "x", "z"), ((0.0, 6.0), (-1.0, 1.0), (0.0, 5.0))), (3, 4, 1))
    fine = grid.with_midpoints()
    assert fine.shape == (5, 7, 1)
    for axis in range(3):
        samples, points = (g.axis_coords(axis, dtype=torch.float64) for g in (grid, fine))
        torch.testing.assert_close(points[::2], samples)
        torch.testing.assert_close(points[1::2], (samples[1:] + samples[:-1]) / 2)


UNEVEN = Grid(Box(("level", "x"), ((100.0, 1000.0), (0.0, 4.0))), (3, 4), ((200.0, 500.0, 850.0), None))


def test_uneven_samples_lie_where_they_are_said_to():
    assert_close(UNEVEN.points()[:, 0, 0], torch.tensor([200.0, 500.0, 850.0]))
    assert_close(UNEVEN.points()[0, :, 1], torch.tensor([0.5, 1.5, 2.5, 3.5]))


def test_parts_of_an_uneven_grid_have_its_points_and_tile_its_box():
    parts = [part for _, part in UNEVEN.chunks(5)]
    assert_close(torch.cat([part.points().flatten(0, 1) for part in parts]), UNEVEN.points().flatten(0, 1))
    lower, upper = (UNEVEN.part((rows, slice(0, 4))) for rows in (slice(0, 2), slice(2, 3)))
    assert lower.box.bounds[0] == (100.0, 675.0)
    assert upper.box.bounds[0] == (675.0, 1000.0)


def test_a_region_of_an_uneven_grid_takes_the_cells_it_touches():
    assert UNEVEN.crop({"level": (400.0, 600.0)}).ticks[0] == (500.0,)
    assert UNEVEN.crop({"level": (300.0, 600.0)}).ticks[0] == (200.0, 500.0)


def test_an_uneven_grid_is_refined_within_its_cells():
    assert UNEVEN.refine(1.0) == UNEVEN
    fine = UNEVEN.refine(2.0).ticks[0]
    assert len(fine) == 6
    assert all(low < at < high for at, low, high in zip(fine[2:4], (350, 512), (512.5, 675), strict=True))


@pytest.mark.parametrize("ticks", [((200.0, 500.0), None), ((500.0, 200.0, 850.0), None), ((50.0, 500.0, 850.0), None), (None,)])
def test_ticks_that_do_not_fit_are_refused(ticks):
    box = Box(("level", "x"), ((100.0, 1000.0), (0.0, 4.0)))
    if ticks == (None,):
        assert Grid(box, (3, 4), ticks).ticks == ()
    else:
        with pytest.raises(InputError, match="must rise within its bounds"):
            Grid(box, (3, 4), ticks)
