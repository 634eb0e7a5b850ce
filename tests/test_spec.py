import json
from typing import Literal

import pytest

from ungrid.errors import FormatError, InputError, UnknownName
from ungrid.spec import MAX_NESTING, MAX_PARTS, from_spec, lookup, to_spec


class Leaf:
    """A part of plain values."""

    def __init__(self, size: int, rate: float = 0.5, name: str | None = None, mode: Literal["a", "b"] = "a"):
        if size < 0:
            raise InputError(f"size is {size}; expected 0 or more")
        self.size, self.rate, self.name, self.mode = size, rate, name, mode


class Tree:
    """A part of parts."""

    def __init__(self, leaves: tuple[Leaf, ...], bounds: tuple[tuple[float, float], ...] = (), first: Leaf | None = None):
        self.leaves, self.bounds, self.first = leaves, bounds, first


class Forgetful:
    """A part that breaks the rule."""

    def __init__(self, size: int):
        self._size = size


class Picky:
    """A part that raises what it likes."""

    def __init__(self, error: int):
        self.error = error
        raise [ValueError, TypeError, KeyError, RuntimeError, OverflowError, MemoryError, AttributeError][error]("no")


TABLES = {"Leaf": Leaf, "Tree": Tree, "Picky": Picky}


def leaf(**values):
    return {"type": "Leaf", "size": 1, **values}


def test_a_part_comes_back_from_its_spec_through_json():
    tree = Tree((Leaf(1, 0.25, "x"), Leaf(2)), ((0.0, 1.0), (2.0, 3.5)), Leaf(3, mode="b"))
    spec = to_spec(tree)
    again = from_spec(json.loads(json.dumps(spec)), TABLES)
    assert to_spec(again) == spec
    assert again.bounds == ((0.0, 1.0), (2.0, 3.5))
    assert [part.size for part in again.leaves] == [1, 2]
    assert again.first.mode == "b"


def test_a_spec_holds_each_argument_under_its_own_name():
    assert to_spec(Leaf(4, name="n")) == {"type": "Leaf", "size": 4, "rate": 0.5, "name": "n", "mode": "a"}


def test_a_part_that_forgets_an_argument_cannot_be_saved():
    with pytest.raises(TypeError, match=r"Forgetful does not keep its constructor arguments \['size'\]"):
        to_spec(Forgetful(1))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "Leef", "size": 1}, "no part is called 'Leef'.*did you mean 'Leaf'"),
        (leaf(siez=2), "Leaf has no argument 'siez'; did you mean 'size'"),
        ({"type": "Leaf"}, r"Leaf lacks its arguments \['size'\]"),
        ({"size": 1}, "a part of the spec has no 'type'; its keys are"),
        ({"type": 3}, "has no 'type'"),
        (leaf(size="1"), "Leaf got size = '1', expected int"),
        (leaf(size=True), "Leaf got size = True, expected int"),
        (leaf(size=1.5), "Leaf got size = 1.5, expected int"),
        (leaf(rate=True), "Leaf got rate = True, expected float"),
        (leaf(rate=None), "Leaf got rate = None, expected float"),
        (leaf(name=3), "Leaf got name = 3"),
        (leaf(mode="c"), "Leaf got mode = 'c'"),
        (leaf(size=-1), "Leaf cannot be built from the file: size is -1"),
        (leaf(size=2**54), r"an integer beyond 2\^53"),
        (leaf(rate=float("nan")), "nan, which is not a finite number"),
        (leaf(rate=float("inf")), "inf, which is not a finite number"),
        (leaf(rate=b"0.5"), "holds a bytes, which is not a plain value"),
        ({"type": "Tree", "leaves": leaf()}, "Tree got leaves"),
        ({"type": "Tree", "leaves": [leaf(), 3]}, "Tree got leaves"),
        ({"type": "Tree", "leaves": [], "bounds": [[0, 1, 2]]}, "Tree got bounds"),
        ({"type": "Tree", "leaves": [], "bounds": [0, 1]}, "Tree got bounds"),
        ({"type": "Tree", "leaves": [], "first": {"type": "Tree", "leaves": []}}, "Tree got first"),
        ({"type": "Tree", "leaves": [0] * 100_001}, "a list of 100001 items"),
    ],
)
def test_a_spec_that_is_wrong_is_refused_with_the_reason(spec, message):
    with pytest.raises(FormatError, match=message):
        from_spec(spec, TABLES)


@pytest.mark.parametrize("error", range(7))
def test_what_a_part_refuses_is_a_format_error(error):
    with pytest.raises(FormatError, match="Picky cannot be built from the file"):
        from_spec({"type": "Picky", "error": error}, TABLES)


def test_integers_pass_for_numbers_and_are_kept():
    assert from_spec(leaf(rate=2), TABLES).rate == 2


def test_nesting_is_bounded():
    spec = []
    for _ in range(MAX_NESTING + 2):
        spec = [spec]
    with pytest.raises(FormatError, match=f"nested more than {MAX_NESTING} levels"):
        from_spec(spec, TABLES)


def test_the_number_of_parts_is_bounded_before_any_is_built():
    built = []

    class Counted:
        def __init__(self):
            built.append(self)

    with pytest.raises(FormatError, match=f"more than {MAX_PARTS} parts"):
        from_spec([{"type": "Counted"}] * (MAX_PARTS + 1), {"Counted": Counted})
    assert built == []


@pytest.mark.parametrize("plain", [None, True, 3, -0.5, "text"])
def test_plain_values_are_their_own_spec(plain):
    assert from_spec(to_spec(plain), {}) == plain


def test_a_name_that_is_in_no_table_gives_the_names_that_are():
    with pytest.raises(UnknownName, match="no color is called 'rde'; there are green, red; did you mean 'red'"):
        lookup("rde", {"red": 1, "green": 2}, "color")
    assert lookup("red", {"red": 1}, "color") == 1
