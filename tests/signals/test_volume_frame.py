import itertools
import math

import numpy as np
import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.errors import UnreadableInput
from ungrid.signals.volume_frame import Frame, straight, turned, turned_back

SHAPE = (3, 4, 5)


def rotation(degrees, axis):
    angle, (a, b) = math.radians(degrees), [at for at in range(3) if at != axis]
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = math.cos(angle)
    matrix[a, b], matrix[b, a] = -math.sin(angle), math.sin(angle)
    return matrix


def frame_with(matrix3, origin=(10.0, -20.0, 30.0), shape=SHAPE):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = matrix3, origin
    return Frame(tuple(map(tuple, matrix.tolist())), shape)


def all_frames():
    """Each order and direction of axes, left-handed ones too, straight and oblique."""
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            steps = np.zeros((3, 3))
            for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
                steps[world, axis] = sign * (0.5, 2.0, 1.25)[axis]
            yield frame_with(steps)
            yield frame_with(rotation(20, 0) @ rotation(-15, 2) @ steps)


FRAMES = list(all_frames())


def world_of_samples(frame):
    """World x, y, z of each stored sample, by the affine as every reader applies it."""
    index = np.stack(np.meshgrid(*map(np.arange, frame.shape), indexing="ij"), axis=-1)
    return index @ frame.matrix[:3, :3].T + frame.matrix[:3, 3]


@pytest.mark.parametrize("frame", FRAMES)
def test_the_box_leads_each_sample_to_where_the_affine_puts_it(frame):
    places = turned(world_of_samples(frame), frame)[..., ::-1]  # z, y, x
    grid = Grid(frame.box(), frame.sizes)
    found = frame.box().to_world(grid.points(dtype=torch.float64)).numpy()
    assert np.abs(found - places).max() < 1e-9


@pytest.mark.parametrize("frame", FRAMES)
def test_coordinates_rise_along_the_closest_axis_of_the_world(frame):
    places = turned(world_of_samples(frame), frame)[..., ::-1]
    for axis in range(3):
        step = np.diff(places, axis=axis).reshape(-1, 3).mean(axis=0)
        assert step[axis] > 0
        assert step[axis] == np.abs(step).max()


def test_box_and_world_agree_at_the_first_sample_of_an_oblique_volume():
    frame = frame_with(rotation(20, 0) @ np.diag([1.0, -2.0, 3.0]))
    assert frame.is_oblique
    first = torch.tensor(frame.first.copy())
    assert torch.allclose(frame.box().to_world(first), first)


def test_a_straight_volume_has_world_coordinates_and_no_affine():
    frame = frame_with(np.diag([2.0, -3.0, 4.0]))
    assert not frame.is_oblique
    assert frame.box().affine is None
    assert frame.box().bounds[2] == (9.0, 15.0)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_source_grid_has_the_source_affine_to_the_bit(frame):
    assert frame.on(Grid(frame.box(), frame.sizes)) is frame


@pytest.mark.parametrize("frame", FRAMES[::5])
def test_a_finer_grid_and_a_part_lie_at_the_same_place_of_the_world(frame):
    grid = Grid(frame.box(), frame.sizes).refine(2.0).part((slice(1, 4), slice(2, 5), slice(0, 3)))
    other = frame.on(grid)
    places = turned(world_of_samples(other), other)[..., ::-1]
    found = grid.box.to_world(grid.points(dtype=torch.float64)).numpy()
    assert np.abs(found - places).max() < 1e-9


@pytest.mark.parametrize("frame", FRAMES[::7])
@pytest.mark.parametrize("way", ["canonical", "as_signal"])
def test_another_stored_order_is_the_same_place(frame, way):
    other = getattr(frame, way)()
    places, found = (turned(world_of_samples(one), one) for one in (frame, other))
    assert np.abs(found - places).max() < 1e-9
    assert other.flips == (False, False, False)


def test_turning_back_undoes_turning():
    for frame in all_frames():
        stored = np.arange(60).reshape(SHAPE)
        assert np.array_equal(turned_back(turned(stored, frame), frame), stored)


def test_a_straight_frame_begins_at_zero():
    box = straight((2, 3, 4), (1.5, 1.0, 0.5)).box()
    assert box.bounds == ((0.0, 3.0), (0.0, 3.0), (0.0, 2.0))


@pytest.mark.parametrize(
    "steps",
    [np.zeros((3, 3)), np.ones((3, 3)), np.diag([1.0, 1.0, 0.0]), np.diag([1.0, np.nan, 1.0]), np.diag([1e-12, 1.0, 1.0])],
)
def test_an_affine_that_spans_no_volume_is_refused(steps):
    with pytest.raises(UnreadableInput, match="affine"):
        frame_with(steps)
