import pytest

from ungrid.encodings import ENCODINGS
from ungrid.fields import FIELDS
from ungrid.measurements import MEASUREMENTS
from ungrid.networks import NETWORKS
from ungrid.presets import PUBLISHED
from ungrid.testing import examples


@pytest.mark.parametrize(
    ("examples", "table"),
    [
        (examples.ENCODING_EXAMPLES, ENCODINGS),
        (examples.NETWORK_EXAMPLES, NETWORKS),
        (examples.FIELD_EXAMPLES, FIELDS),
        (examples.PRESET_EXAMPLES, PUBLISHED),
        (examples.MEASUREMENT_EXAMPLES, MEASUREMENTS),
    ],
)
def test_no_example_is_left_of_an_entry_that_is_gone(examples, table):
    assert set(examples) <= set(table)


def test_an_entry_without_an_example_says_where_to_write_one():
    with pytest.raises(AssertionError, match=r"'Novel' is in a name table but has no example: .*testing/examples\.py"):
        examples.example("Novel", examples.ENCODING_EXAMPLES)
