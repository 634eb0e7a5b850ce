import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.fields.record import Record
from ungrid.render.slices import Plane, axis_plane, project, slice_through
from ungrid.testing.analytic_fields import LineField

TILT = 0.3
LEANING = ((1.0, 0.0, 0.0, 0.0), (0.0, math.cos(TILT), -math.sin(TILT), 2.0), (0.0, math.sin(TILT), math.cos(TILT), -1.0))


def volume(affine=None, *, axes=("z", "y", "x"), world=""):
    """A field that is its own coordinate z + 10 y + 100 x on a box of 8 × 12 × 20 mm."""
    lead = [(0.0, 4.0)] * (len(axes) - 3)
    box = Box(axes, (*lead, (0.0, 8.0), (-6.0, 6.0), (10.0, 30.0)), ("s",) * len(lead) + ("mm",) * 3, affine=affine)
    field = LineField(((0.0,) * len(lead) + (1.0, 10.0, 100.0),), (0.0,), box)
    field.record = Record("volume", (*(4,) * len(lead), 8, 12, 20), ("value",), {"world": world})
    return field


def linear(z, y, x):
    return z + 10 * y + 100 * x


def test_a_plane_across_an_axis_is_a_slice_of_the_grid():
    field = volume()
    seen = slice_through(field, axis_plane(field, "z", 3.5), spacing=1.0)
    assert_close(seen.values, field.sample(field.grid()).float()[3])
    side = slice_through(field, axis_plane(field, "x", 15.5), spacing=1.0)
    assert_close(side.values, field.sample(field.grid()).float()[:, :, 5].flip(0))


def test_in_a_ras_world_the_front_is_up_and_the_right_is_right():
    field = volume(world="RAS")
    seen = slice_through(field, axis_plane(field, "z", 3.5), spacing=1.0)
    assert_close(seen.values, field.sample(field.grid()).float()[3].flip(0))


def test_values_on_an_oblique_plane_are_those_of_its_points():
    field = volume()
    plane = Plane({"z": 4.0, "y": 0.0, "x": 20.0}, {"z": 1.0, "y": 1.0}, {"z": 1.0})
    seen = slice_through(field, plane, size=(4.0, 6.0), spacing=0.5)
    v, u = seen.grid.points().unbind(-1)
    half = math.sqrt(0.5)
    expected = linear(4.0 - v * half, 0.0 + v * half, 20.0 + u)
    assert_close(seen.values[..., 0], expected, rtol=1e-5, atol=1e-3)


def test_beyond_the_volume_nothing_is_known():
    field = volume()
    seen = slice_through(field, axis_plane(field, "z", 3.5), size=(30.0, 30.0), spacing=1.0)
    assert int(seen.known.sum()) == 12 * 20
    assert float(seen.values[~seen.known].abs().max()) == 0


def test_a_plane_of_the_world_goes_through_the_affine():
    field = volume(LEANING)
    center = torch.tensor([4.0, 0.0, 20.0], dtype=torch.float64)
    z, y, x = field.box.to_world(center).tolist()
    seen = slice_through(field, Plane({"z": z, "y": y, "x": x}, {"y": 1.0}, world=True), size=(2.0, 2.0), spacing=1.0)
    points = seen.grid.points(dtype=torch.float64)
    world = torch.stack([z - points[..., 0], torch.full((2, 2), y, dtype=torch.float64), x + points[..., 1]], dim=-1)
    matrix = torch.tensor(LEANING, dtype=torch.float64)
    coords = (world - matrix[:, 3]) @ torch.linalg.inv(matrix[:, :3]).T
    assert_close(seen.values[..., 0], linear(*coords.unbind(-1)).float(), rtol=1e-5, atol=1e-2)


def test_of_a_volume_that_changes_the_time_is_said():
    field = volume(axes=("t", "z", "y", "x"))
    assert slice_through(field, axis_plane(field, "z", 3.5, t=1.0)).grid.shape == (12, 20)
    with pytest.raises(InputError, match="where along t"):
        slice_through(field, axis_plane(field, "z", 3.5))


@pytest.mark.parametrize(("axis", "at"), [("z", 0), ("y", 1), ("x", 2)])
@pytest.mark.parametrize("how", ["max", "mean"])
@pytest.mark.parametrize("max_memory", [None, 4096])
def test_a_projection_is_that_of_the_array(axis, at, how, max_memory):
    field = volume()
    values = field.sample(field.grid()).float()
    expected = values.amax(dim=at) if how == "max" else values.mean(dim=at)
    assert_close(
        project(field, axis, how, max_memory=max_memory).values, expected.flip(0) if at else expected, rtol=1e-5, atol=1e-2
    )


@pytest.mark.parametrize(
    ("plane", "said"),
    [
        (Plane({"z": 4.0}, {}), "has no direction"),
        (Plane({"z": 4.0}, {"z": 1.0}, {"z": 1.0}), "runs along the normal"),
        (Plane({"z": 400.0}, {"z": 1.0}), "misses the volume"),
        (Plane({"w": 4.0}, {"z": 1.0}), "no axis 'w'"),
        (Plane({"z": 4.0}, {"z": float("nan")}), "has no direction"),
    ],
)
def test_a_plane_that_is_none_is_refused(plane, said):
    with pytest.raises(InputError, match=said):
        slice_through(volume(), plane)


def test_hostile_sizes_and_other_fields_are_refused():
    field = volume()
    with pytest.raises(InputError, match="larger spacing"):
        slice_through(field, axis_plane(field, "z", 4.0), spacing=1e-5)
    with pytest.raises(InputError, match="spacing is 0"):
        slice_through(field, axis_plane(field, "z", 4.0), spacing=0.0)
    with pytest.raises(InputError, match="expected one of z, y, x"):
        axis_plane(field, "t", 0.0)
    with pytest.raises(InputError, match="max, mean"):
        project(field, "z", "min")
