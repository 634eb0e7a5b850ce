import pytest

from ungrid.fields import FIELDS
from ungrid.fields.base import Field
from ungrid.testing import check_field
from ungrid.testing.contracts import check_meta, check_seed
from ungrid.testing.examples import FIELD_EXAMPLES, example
from ungrid.testing.toys import unit_box


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("in_dim", [1, 2, 3])
def test_every_field_keeps_the_contract(name, in_dim):
    make, box = example(name, FIELD_EXAMPLES, FIELDS), unit_box(in_dim)
    check_field(make(box, 2, 0))
    check_seed(lambda seed: make(box, 2, seed))
    check_meta(lambda seed: make(box, 2, seed))


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_listed_under_its_own_name(name):
    assert FIELDS[name].__name__ == name
    assert issubclass(FIELDS[name], Field)
    assert type(example(name, FIELD_EXAMPLES, FIELDS)(unit_box(2), 1, 0)) is FIELDS[name]
