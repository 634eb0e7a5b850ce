import pytest

from ungrid.encodings import ENCODINGS
from ungrid.fields import FIELDS
from ungrid.measurements import MEASUREMENTS
from ungrid.networks import NETWORKS
from ungrid.presets import PUBLISHED
from ungrid.testing import toys


@pytest.mark.parametrize(
    ("examples", "table"),
    [
        (toys.ENCODING_EXAMPLES, ENCODINGS),
        (toys.NETWORK_EXAMPLES, NETWORKS),
        (toys.FIELD_EXAMPLES, FIELDS),
        (toys.PRESET_EXAMPLES, PUBLISHED),
        (toys.MEASUREMENT_EXAMPLES, MEASUREMENTS),
    ],
)
def test_no_example_is_left_of_an_entry_that_is_gone(examples, table):
    assert set(examples) <= set(table)


def test_an_entry_without_an_example_says_where_to_write_one():
    with pytest.raises(AssertionError, match=r"'Novel' is in a name table but has no example: .*testing/toys\.py"):
        toys.example("Novel", toys.ENCODING_EXAMPLES)
