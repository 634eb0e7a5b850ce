import inspect
import re

import pytest

from ungrid.fit.optimizers import OPTIMIZERS
from ungrid.fit.orders import ORDERS
from ungrid.fit.schedules import SCHEDULES
from ungrid.papers import bibtex
from ungrid.presets import PUBLISHED
from ungrid.tasks.draws import LATTICES, TILES
from ungrid.terms import LOSSES
from ungrid.testing import check_field
from ungrid.testing.contracts import check_meta, check_seed, check_spec
from ungrid.testing.examples import PRESET_EXAMPLES, example
from ungrid.testing.toys import pixel_box


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_preset_gives_a_field_that_keeps_the_contract(name):
    check_field(PUBLISHED[name](pixel_box(6, 8), 2, **example(name, PRESET_EXAMPLES)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_preset_takes_a_seed_and_builds_on_the_meta_device(name):
    check_seed(lambda seed: PUBLISHED[name](pixel_box(), 3, seed=seed, **example(name, PRESET_EXAMPLES)))
    check_meta(lambda seed: PUBLISHED[name](pixel_box(), 3, seed=seed))


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_preset_has_a_recipe_that_names_known_parts(name):
    field = PUBLISHED[name](pixel_box(), 3)
    assert field.recipe.loss in LOSSES
    assert field.recipe.optimizer in OPTIMIZERS
    assert field.recipe.schedule in SCHEDULES
    assert field.recipe.order in {*ORDERS, TILES, LATTICES}
    check_spec(field)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_preset_names_a_paper_of_the_bibliography(name):
    keys = re.findall(r"\((\w+?\d{4}\w+)\)", inspect.getdoc(PUBLISHED[name]))
    assert keys, f"the docstring of {name} names no paper"
    assert bibtex(keys).count("@") == len(keys)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_preset_is_called_by_its_own_name(name):
    assert PUBLISHED[name].__name__ == name
