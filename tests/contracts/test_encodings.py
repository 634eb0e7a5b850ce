import pytest

from ungrid.encodings import ENCODINGS
from ungrid.encodings.base import Encoding
from ungrid.testing import check_encoding
from ungrid.testing.examples import ENCODING_EXAMPLES, example

LEAST_AXES = {"SphereCoords": 2}


@pytest.mark.parametrize(("name", "in_dim"), [(name, d) for name in ENCODINGS for d in (1, 2, 3) if d >= LEAST_AXES.get(name, 1)])
def test_every_encoding_keeps_the_contract(name, in_dim):
    check_encoding(example(name, ENCODING_EXAMPLES, ENCODINGS), [in_dim])


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_is_listed_under_its_own_name(name):
    assert ENCODINGS[name].__name__ == name
    assert issubclass(ENCODINGS[name], Encoding)
    assert type(example(name, ENCODING_EXAMPLES, ENCODINGS)(2, 0)) is ENCODINGS[name]
