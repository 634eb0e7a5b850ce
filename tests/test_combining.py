import pytest
import torch

from ungrid.combining import combine
from ungrid.errors import InputError
from ungrid.fields.record import Record
from ungrid.testing.surfaces import KnownDistance

X = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 3 - 1.5


def plane(axis):
    return KnownDistance(lambda points: points[..., axis])


FIELDS = {name: plane(axis) for axis, name in enumerate(("a", "b.ung", "my-part.ung"))}
A, B, C = (field(X) for field in FIELDS.values())


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a", A),
        ("a + b.ung", torch.minimum(A, B)),
        ("a - b.ung", torch.maximum(A, -B)),
        ("a & b.ung", torch.maximum(A, B)),
        ("a&b.ung", torch.maximum(A, B)),
        ("a - b.ung - my-part.ung", torch.maximum(torch.maximum(A, -B), -C)),
        ("a - (b.ung - my-part.ung)", torch.maximum(A, -torch.maximum(B, -C))),
        ("a + b.ung & my-part.ung", torch.minimum(A, torch.maximum(B, C))),
        ("(a + b.ung) & my-part.ung", torch.maximum(torch.minimum(A, B), C)),
        ("a - 'b.ung'", torch.maximum(A, -B)),
        ('a -\n"my-part.ung"', torch.maximum(A, -C)),
    ],
)
def test_a_formula_means_what_it_says(formula, expected):
    torch.testing.assert_close(combine(formula, FIELDS)(X), expected)


@pytest.mark.parametrize("formula", ["a +~0.5 b.ung", "a +~ 0.5 b.ung", "a + ~0.5 b.ung", "a + b.ung ~0.5"])
def test_a_radius_goes_with_the_operator_before_it(formula):
    solid = combine(formula, FIELDS)
    assert solid.radius == 0.5
    assert not torch.equal(solid(X), torch.minimum(A, B))


def test_a_field_that_stands_twice_is_asked_for_once():
    asked = []

    def give(name):
        asked.append(name)
        return FIELDS[name]

    combine("a - b.ung + a", give)
    assert asked == ["a", "b.ung"]


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("", "ends too early"),
        ("a +", "ends too early"),
        ("a b.ung", "'b.ung' is left over"),
        ("(a", "not closed"),
        ("a)", "left over"),
        ("+ a", "'\\+' stands where a field is expected"),
        ("a + c", "no field 'c'"),
        ("a +~x b.ung", "~x is no radius"),
        ("a +~-1 b.ung", "radius"),
        ("a + 'b", "cannot be read at"),
        ("(" * 40 + "a" + ")" * 40, "parentheses"),
        ("a" * 20_000, "signs"),
        ("a" + " + a" * 70, "tree of"),
    ],
)
def test_a_formula_that_means_nothing_is_told(formula, words):
    with pytest.raises(InputError, match=words):
        combine(formula, FIELDS)


def test_a_field_of_another_kind_is_refused():
    other = plane(0)
    other.record = Record("volume", (8, 8, 8), ("v",))
    with pytest.raises(InputError, match="of kind volume"):
        combine("a - b", {"a": plane(1), "b": other})
