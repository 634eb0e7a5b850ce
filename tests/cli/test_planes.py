import pytest

from ungrid.cli.planes import parse_plane, parse_projection
from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.fields.record import Record
from ungrid.render.slices import Plane
from ungrid.testing.analytic_fields import LineField


def volume(*lead):
    axes = (*lead, "z", "y", "x")
    field = LineField(((1.0,) * len(axes),), (0.0,), Box(axes, ((0.0, 8.0),) * len(axes)))
    field.record = Record("volume", (8,) * len(axes), ("value",), {})
    return field


def test_one_axis_is_a_plane_across_it():
    assert parse_plane("z=2.5", volume()) == (Plane({"z": 2.5}, {"z": 1.0}), None)
    assert parse_plane("x=2,t=1", volume("t")) == (Plane({"x": 2.0, "t": 1.0}, {"x": -1.0}), None)


def test_a_place_with_a_normal_is_any_plane():
    plane, size = parse_plane("z=1,y=2,x=3; normal z=1,y=-0.5; up x=1; size 40x30.5; world", volume())
    assert plane == Plane({"z": 1.0, "y": 2.0, "x": 3.0}, {"z": 1.0, "y": -0.5}, {"x": 1.0}, True)
    assert size == (30.5, 40.0)
    assert parse_plane("z=1; size 12", volume())[1] == (12.0, 12.0)


@pytest.mark.parametrize("text", [
    "", "12", "q=1", "z=one", "z=1,z=2", "z=1,y=2", "z=1; normal", "z=1; normal q=1", "z=1; size", "z=1; size 0", "z=1; size 3xx",
    "z=1; turn 3", "z=1; world", "z=1; up x=1", "z=1; size 2; size 3", "z=nan", "z=1; world 3",
])  # fmt: skip
def test_what_cannot_be_read_is_told(text):
    with pytest.raises(InputError, match="--plane"):
        parse_plane(text, volume())


def test_a_projection_is_an_axis_and_a_way():
    assert parse_projection("z=max") == ("z", "max")
    assert parse_projection(" x = mean ") == ("x", "mean")
    for text in ("", "z", "z=min", "t=max", "max=z"):
        with pytest.raises(InputError, match="--project"):
            parse_projection(text)
