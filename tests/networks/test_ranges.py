import math

import pytest

from ungrid.errors import InputError
from ungrid.networks.ranges import check_positive


@pytest.mark.parametrize("value", [1e-30, 1.0, 30.0, 1e6])
def test_positive_numbers_up_to_a_million_are_taken(value):
    check_positive({"omega": value})


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, 1e7])
def test_other_values_are_refused_by_name(value):
    with pytest.raises(InputError, match=r"scale is .*, expected a number above 0"):
        check_positive({"omega": 1.0, "scale": value})
