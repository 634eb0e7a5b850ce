import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.fields.record import Record
from ungrid.fit.limits import Limits
from ungrid.fitting import identity
from ungrid.presets.published import siren
from ungrid.presets.start import START_PAPERS, begin, differences, digest, method_of, papers_of_start
from ungrid.spec import to_spec
from ungrid.testing.toys import pixel_box, tiny_picture
from ungrid.verbs import PARTS, make_plan


def a_start(method=None, **options):
    start = siren(pixel_box(9, 9), 3, **({"width": 8, "depth": 2, "seed": 5} | options))
    start.record = Record("image", (9, 9), ("r", "g", "b"), fit={} if method is None else {"method": method})
    return start


def test_a_fit_begins_with_the_starts_weights_in_the_signals_box():
    start, picture = a_start(), tiny_picture()
    field = begin(None, start, picture, PARTS)
    assert field.box == picture.box
    assert field.recipe == start.recipe
    assert digest(field) == digest(start)
    assert field.network is not start.network


def test_a_preset_of_the_same_structure_keeps_its_recipe_and_takes_the_weights():
    picture = tiny_picture()
    own = siren(picture.box, 3, width=8, depth=2, seed=1)
    begun = begin(own, a_start(), picture, PARTS)
    assert begun is own
    assert digest(begun) == digest(a_start())


def test_what_differs_is_said():
    picture = tiny_picture()
    with pytest.raises(InputError, match=r"network.width is 16 here and 8 there; leave the preset out"):
        begin(siren(picture.box, 3, width=16, depth=2), a_start(), picture, PARTS)
    with pytest.raises(InputError, match=r"first_omega is 40.0 here and 30.0 there"):
        begin(siren(picture.box, 3, width=8, depth=2, first_omega=40.0), a_start(), picture, PARTS)
    gray = siren(pixel_box(9, 9), 1, width=8, depth=2)
    with pytest.raises(InputError, match="the start is of 2 axes and 1 channels, the signal of 2 and 3"):
        begin(None, gray, picture, PARTS)


def test_boxes_and_seeds_may_differ():
    assert [*differences(to_spec(a_start()), to_spec(siren(pixel_box(5, 4), 3, width=8, depth=2, seed=9)))] == []


def test_a_digest_tells_weights_apart():
    other = a_start()
    with torch.no_grad():
        other.network.layers[0].bias[0] += 1
    assert digest(other) != digest(a_start())


def test_fits_from_different_starts_are_not_resumed_as_one():
    picture = tiny_picture()

    def of(start):
        plan = make_plan(picture, start=start)
        return identity(plan, Limits(steps=1), seed=0, device="cpu", signal=picture)

    assert of(a_start()) == of(a_start())
    assert of(a_start()) != of(a_start(seed=6))


def test_the_papers_of_a_start_are_cited_with_the_fit_that_began_there():
    assert method_of(a_start()) == "fit"
    assert method_of(a_start("reptile")) == "reptile"
    field = ug.fit(tiny_picture(), start=a_start("maml"), steps=1, callbacks=())
    assert field.record.fit["start"]["method"] == "maml"
    assert {"finn2017maml", "tancik2021learnit"} == set(papers_of_start(field.record))
    assert "tancik2021learnit" in ug.cite(field)
    assert "chandravamsi2025winner" in ug.cite(ug.fit(tiny_picture(), preset="siren", start="winner", steps=1, callbacks=()))


def test_the_papers_are_in_the_bibliography_and_a_files_own_words_are_not_trusted():
    assert all(key in ug.cite(key) for keys in START_PAPERS.values() for key in keys)
    assert papers_of_start(Record("", (), (), fit={"method": ["x"], "start": 3})) == ()
    assert papers_of_start(None) == ()


def test_a_start_by_name_needs_a_preset_and_a_field_needs_no_start():
    with pytest.raises(InputError, match="goes with a preset that is said"):
        ug.fit(tiny_picture(), start="winner", steps=1)
    with pytest.raises(InputError, match="start and tune are for signals"):
        ug.fit(a_start(), ug.tasks.represent(tiny_picture()), start=a_start())
