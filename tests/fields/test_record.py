import dataclasses

import pytest

from ungrid.errors import InputError
from ungrid.fields.record import Recipe, Record
from ungrid.fit.optimizers import OPTIMIZERS
from ungrid.fit.schedules import SCHEDULES
from ungrid.terms import LOSSES


def test_the_default_recipe_names_known_parts():
    recipe = Recipe()
    assert recipe.loss in LOSSES
    assert recipe.optimizer in OPTIMIZERS
    assert recipe.schedule in SCHEDULES


@pytest.mark.parametrize(
    "wrong", [{"learning_rate": 0.0}, {"learning_rate": -1.0}, {"learning_rate": float("nan")}, {"steps": 0}, {"batch_size": 0}]
)
def test_a_recipe_that_cannot_be_followed_is_refused(wrong):
    with pytest.raises(InputError, match="positive learning rate, at least one step and a positive batch size"):
        Recipe(**wrong)


def test_a_recipe_is_changed_by_replacing_it():
    assert dataclasses.replace(Recipe(), steps=5).steps == 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().steps = 5


def test_records_share_nothing():
    first, second = Record("image", (1, 1), ("l",)), Record("image", (1, 1), ("l",))
    first.fit["steps"] = 1
    assert second.fit == {}
