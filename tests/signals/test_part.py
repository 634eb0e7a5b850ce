import math

import pytest

from ungrid.errors import InputError
from ungrid.signals.part import WHOLE, Part


def test_the_whole_leaves_nothing_out():
    assert WHOLE.is_all
    assert not Part({"t": (0.0, 1.0)}).is_all
    assert not Part(reduction=2).is_all
    assert not Part(rate=10.0).is_all


@pytest.mark.parametrize(
    "options",
    [
        {"region": {"t": (1.0, 1.0)}}, {"region": {"t": (2.0, 1.0)}}, {"region": {"t": (0.0, math.nan)}},
        {"region": {"t": (-math.inf, 1.0)}}, {"reduction": 0}, {"reduction": 65}, {"rate": 0.0}, {"rate": math.nan},
        {"rate": math.inf},
    ],
)  # fmt: skip
def test_what_is_no_part_is_refused(options):
    with pytest.raises(InputError, match="expected"):
        Part(**options)
