import pytest

from ungrid.errors import InputError, UnknownName
from ungrid.presets.plan import NAMES, plan_signal
from ungrid.testing.toys import tiny_picture


@pytest.mark.parametrize("preset", NAMES)
def test_every_name_gives_a_plan(preset):
    picture = tiny_picture()
    plan = plan_signal(picture, preset)
    record = plan.field.record
    assert plan.preset == preset
    assert (record.kind, record.shape, record.channels, record.source) == ("image", (12, 16), ("r", "g", "b"), picture.source)
    assert record.stored == plan.stored
    assert plan.problem.terms[0].loss is None, "the recipe's"
    assert plan.reason


def test_auto_is_balanced():
    auto, balanced = plan_signal(tiny_picture()), plan_signal(tiny_picture(), "balanced")
    assert auto.field.n_params == balanced.field.n_params
    assert auto.reason == balanced.reason


def test_an_unknown_preset_gives_the_nearest():
    with pytest.raises(UnknownName, match=r"no preset is called 'sirenn'.*did you mean 'siren'"):
        plan_signal(tiny_picture(), "sirenn")


def test_a_published_setting_that_is_too_large_is_refused():
    with pytest.raises(InputError, match=r"preset siren gives a file of about .* above --max-bytes 10,000"):
        plan_signal(tiny_picture(), "siren", max_bytes=10_000)
