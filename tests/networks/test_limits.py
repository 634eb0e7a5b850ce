import math

import pytest

from ungrid.errors import InputError
from ungrid.networks.limits import check_count, check_number, check_numbers, check_positive


@pytest.mark.parametrize("value", [1, 5])
def test_counts_within_the_range_pass_ends_included(value):
    check_count("n", value, 1, 5)


@pytest.mark.parametrize("value", [0, 6, -1, 2**70])
def test_counts_beyond_the_range_are_refused_with_what_was_expected(value):
    with pytest.raises(InputError, match=f"n is {value}, expected an integer from 1 to 5"):
        check_count("n", value, 1, 5)


def test_a_truth_value_is_no_count():
    with pytest.raises(InputError, match="n is True"):
        check_count("n", True, 1, 5)


@pytest.mark.parametrize("value", [0, 0.5, 1.0])
def test_numbers_within_the_range_pass_whole_ones_too(value):
    check_number("x", value, 0, 1)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.inf, math.nan])
def test_numbers_beyond_the_range_and_those_that_are_none_are_refused(value):
    with pytest.raises(InputError, match="expected a number from 0 to 1"):
        check_number("x", value, 0, 1)


def test_a_sequence_has_one_of_the_lengths_and_each_entry_in_range():
    check_numbers("xs", (0.5,), (1, 3), 0, 1)
    check_numbers("xs", (0.5, 0.0, 1.0), (1, 3), 0, 1)
    with pytest.raises(InputError, match="xs has 2 entries, expected 1 or 3"):
        check_numbers("xs", (0.5, 0.5), (1, 3), 0, 1)
    with pytest.raises(InputError, match=r"an entry of xs is 2\.0"):
        check_numbers("xs", (2.0,), (1,), 0, 1)


@pytest.mark.parametrize("value", [1e-30, 1.0, 30.0, 1e6])
def test_positive_numbers_up_to_a_million_are_taken(value):
    check_positive({"omega": value})


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 1e7])
def test_other_values_are_refused_by_name(value):
    with pytest.raises(InputError, match=r"scale is .*, expected a number above 0"):
        check_positive({"omega": 1.0, "scale": value})
