import math

import pytest

from ungrid.fit.schedules import constant, cosine, exponential, linear, with_warm_up


@pytest.mark.parametrize(
    ("schedule", "at_half", "at_end"),
    [(constant, 1.0, 1.0), (cosine, 0.5, 0.0), (exponential, math.sqrt(0.1), 0.1), (linear, 0.5, 0.0)],
)
def test_schedules_at_the_middle_and_the_end(schedule, at_half, at_end):
    assert schedule(0.5) == pytest.approx(at_half)
    assert schedule(1.0) == pytest.approx(at_end)


def test_warming_up_rises_in_a_line_and_leaves_the_rest():
    warmed = with_warm_up(cosine, 0.2)
    assert 0 < warmed(0.0) <= 1e-3  # not zero, or the first step would be lost
    assert warmed(0.1) == pytest.approx(0.5 * cosine(0.1), rel=1e-2)
    assert warmed(0.2) == cosine(0.2)
    assert warmed(0.7) == cosine(0.7)


def test_no_warm_up_is_the_schedule_itself():
    assert with_warm_up(cosine, 0.0) is cosine
