import math

import pytest

from ungrid.diagnosis.history import cannot_learn, measured, number, rollbacks, unfinished
from ungrid.fields.record import Recipe, Record
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box

RISING = [[step, step / 10, 10 + step / 10] for step in range(0, 101, 10)]
FLAT = [[step, step / 10, 20.0] for step in range(0, 101, 10)]


def fitted(*, psnr=20.0, recipe=None, **fit):
    field = FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0)
    field.recipe = recipe or Recipe(steps=100)
    field.record = Record("image", (12, 16), ("r", "g", "b"), fit={"steps": 100, **fit}, metrics={"quality": {"psnr": psnr}})
    return field


def names(findings):
    return [finding.name for finding in findings]


def test_a_rate_that_was_lowered_often_is_told_with_a_better_one():
    notes = [f"step {n}: the loss rose to 9; went back to step 0, learning rate × {0.5**n:g}" for n in (1, 2, 3)]
    (finding,) = rollbacks(fitted(notes=notes, recipe=Recipe(learning_rate=0.8)))
    assert (finding.name, finding.severity) == ("unstable", "warning")
    assert finding.evidence == {"rollbacks": 3, "rate_factor": 0.125, "learning_rate": 0.8}
    assert "learning_rate=0.05" in finding.remedy
    assert rollbacks(fitted(notes=notes[:1]))[0].severity == "note"
    assert rollbacks(fitted(notes=["resumed at step 7"])) == []


def test_a_fit_of_fewer_than_half_its_steps_is_unfinished_unless_it_is_good():
    (finding,) = unfinished(fitted(steps=40))
    assert finding.remedy.endswith("--steps 100")
    assert unfinished(fitted(steps=60)) == []
    assert unfinished(fitted(steps=40, psnr=36.0)) == []
    assert unfinished(fitted(steps=40, stopped_by="target_psnr")) == []


def test_a_curve_that_rises_to_its_end_is_unfinished_at_a_constant_rate_only():
    (finding,) = unfinished(fitted(curve=RISING))
    assert finding.evidence["gain_in_last_quarter"] == pytest.approx(3.0)
    assert finding.remedy.endswith("--steps 300")
    assert unfinished(fitted(curve=FLAT)) == []
    assert unfinished(fitted(curve=RISING[:5])) == []
    assert unfinished(fitted(curve=RISING, recipe=Recipe(steps=100, schedule="cosine"))) == []


def test_a_fit_that_learned_nothing_is_told_a_tenth_of_its_rate():
    finding = cannot_learn(fitted(recipe=Recipe(learning_rate=1.0)), {"psnr": 9.0})
    assert (finding.name, finding.severity, finding.evidence) == ("nothing_learned", "error", {"psnr": 9.0, "learning_rate": 1.0})
    assert "learning_rate=0.1" in finding.remedy


@pytest.mark.parametrize("odd", [None, "x", True, math.nan, [], {"psnr": 3}, 10**400])
def test_what_is_no_number_in_a_record_counts_as_missing(odd):
    assert number(odd) is None
    field = fitted(psnr=odd, steps=odd, notes=odd, curve=[odd, [odd, odd, odd], *RISING])
    field.record.metrics["heldout"] = odd
    assert names([*rollbacks(field), *unfinished(field)]) == []
    field.record.metrics["quality"] = odd
    assert unfinished(field) == []
    assert measured(field, "heldout") is None or odd == {"psnr": 3}
