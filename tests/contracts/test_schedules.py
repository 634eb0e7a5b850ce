import itertools

import pytest

from ungrid.fit.schedules import SCHEDULES


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_starts_at_one_and_never_rises(name):
    factors = [SCHEDULES[name](step / 100) for step in range(101)]
    assert factors[0] == 1.0
    assert all(0 <= later <= earlier for earlier, later in itertools.pairwise(factors))


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_stays_where_it_ended(name):
    assert SCHEDULES[name](1.5) == SCHEDULES[name](1.0)
