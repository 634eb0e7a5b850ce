import pytest

from ungrid.cli.options import parse_numbers, parse_place, parse_region, parse_size
from ungrid.errors import InputError

AXES = ("y", "x")


@pytest.mark.parametrize(
    ("text", "coords"),
    [("y=120.5,x=33.25", [120.5, 33.25]), ("x=1,y=2", [2, 1]), (" y=1e2 , x=-3", [100, -3])],
)
def test_a_place_comes_in_the_order_of_the_axes(text, coords):
    assert parse_place(text, AXES) == coords


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y=1", "does not say where along x"),
        ("y=1,x=2,z=3", "cannot read 'z=3'"),
        ("y=1,y=2,x=3", "cannot read 'y=2'"),
        ("1,2", "cannot read '1'"),
        ("", "cannot read ''"),
        ("y=one,x=2", "'one' is not a number"),
        ("y=nan,x=2", "'nan' is not a finite number"),
        ("y=1,x=-inf", "'-inf' is not a finite number"),
        ("y=,x=1", "'' is not a number"),
    ],
)
def test_a_place_that_cannot_be_read_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_place(text, AXES)


def test_a_region_names_the_axes_it_cuts():
    assert parse_region("y=0:100,x=20:80.5", AXES) == {"y": (0, 100), "x": (20, 80.5)}
    assert parse_region("x=-1:1", AXES) == {"x": (-1, 1)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y=5", "expected LOW:HIGH"),
        ("y=1:2:3", "expected LOW:HIGH"),
        ("y=a:2", "'a' is not a number"),
        ("y=0:inf", "not a finite number"),
        ("z=0:1", r"cannot read 'z=0:1'; the axes are \('y', 'x'\), expected --region y=0:100,x=0:100"),
        ("y=0:1,y=1:2", "cannot read 'y=1:2'"),
    ],
)
def test_a_region_that_cannot_be_read_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_region(text, AXES)


@pytest.mark.parametrize(
    ("text", "size"), [("1920x1080", (1080, 1920)), ("1920×1080", (1080, 1920)), (" 3 x 4 ", (4, 3)), ("512", (None, 512))]
)
def test_a_size_is_width_by_height_or_the_longer_side(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "0", "0x5", "5x0", "-5", "1e3", "5x", "5x5x5", "1.5", "9999999999"])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(InputError, match=r"--size .*: expected WIDTHxHEIGHT"):
        parse_size(text)


@pytest.mark.parametrize(("text", "numbers"), [("3", [3]), ("3,7", [3, 7]), (" 3 , 07 ", [3, 7])])
def test_numbers_stand_between_commas(text, numbers):
    assert parse_numbers(text, "--pick") == numbers


@pytest.mark.parametrize("text", ["", "a", "3,", ",3", "3;7", "-3", "3.5", "1" * 17])
def test_numbers_that_are_none_are_refused(text):
    with pytest.raises(InputError, match=r"--pick .*: expected whole numbers with commas between"):
        parse_numbers(text, "--pick")
