import math

import pytest
import torch

from ungrid.metrics.film import film_metrics
from ungrid.presets.published import siren
from ungrid.tasks.judge import SignalJudge, quality
from ungrid.tasks.observe import observations
from ungrid.tasks.represent import represent
from ungrid.testing.toys import tiny_film, tiny_picture


def judged(heldout=0.1, mask=None):
    picture = tiny_picture()
    return picture, represent(picture, heldout=heldout, mask=mask).judge


def test_quality_is_that_of_the_whole_drawing():
    picture, judge = judged()
    field = siren(picture.box, picture.out_dim, width=8, depth=1)
    error = (field.sample(picture.grid).clamp(0, 1) - picture.values).double().square().mean()
    assert judge.quality(field)["psnr"] == pytest.approx(-10 * math.log10(float(error)), abs=1e-4)
    assert judge.quality(field) == quality(field, picture)


def test_a_film_is_judged_frame_by_frame_as_it_would_be_whole():
    film = tiny_film(4)
    field = siren(film.box, film.out_dim, width=8, depth=1)
    found, whole = quality(field, film), film_metrics(field.sample(film.grid), film)
    assert found.keys() == whole.keys()
    assert all(found[key] == pytest.approx(whole[key], rel=1e-5) for key in whole)


def test_held_out_samples_are_judged_by_themselves():
    picture, judge = judged(0.25)
    field = siren(picture.box, picture.out_dim, width=8, depth=1)
    found = judge.heldout(field)
    difference = (field.sample(picture.grid).clamp(0, 1) - picture.values).flatten(0, 1)[judge.withheld].double()
    assert found["n_samples"] == picture.grid.size // 4
    assert found["psnr"] == pytest.approx(-10 * math.log10(float(difference.square().mean())), abs=1e-4)


def test_nothing_held_out_has_no_measure_and_only_known_samples_count():
    mask = torch.zeros(tiny_picture().grid.shape, dtype=torch.bool)
    mask[:2] = True
    picture, judge = judged(0.0, mask)
    field = siren(picture.box, picture.out_dim, width=8, depth=1)
    difference = (field.sample(picture.grid).clamp(0, 1) - picture.values)[:2].double()
    assert judge.heldout(field) is None
    assert judge.quality(field)["psnr"] == pytest.approx(-10 * math.log10(float(difference.square().mean())), abs=1e-4)
    assert isinstance(judge, SignalJudge)
    assert len(observations(picture)) == picture.grid.size
