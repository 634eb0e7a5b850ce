import math

import pytest

from ungrid.encodings.limits import check_count, check_number
from ungrid.errors import InputError


@pytest.mark.parametrize("value", [0, 5, -1, True])
def test_counts_outside_the_range_or_true_are_refused(value):
    with pytest.raises(InputError, match=r"size is .*, expected an integer from 1 to 4"):
        check_count("size", value, 1, 4)


@pytest.mark.parametrize("value", [-0.1, 4.1, math.nan, math.inf, True])
def test_numbers_outside_the_range_or_not_finite_are_refused(value):
    with pytest.raises(InputError, match=r"scale is .*, expected a number from 0 to 4"):
        check_number("scale", value, 0, 4)


def test_both_ends_of_a_range_are_inside():
    for end in (1, 4):
        check_count("size", end, 1, 4)
        check_number("scale", end, 1, 4)
