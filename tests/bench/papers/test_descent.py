import pytest
import torch

from ungrid.bench.papers.descent import decibels, descend, largest_cosines, our_best
from ungrid.presets.published import siren
from ungrid.tasks.represent import represent
from ungrid.testing.toys import tiny_picture

PICTURE = tiny_picture(24, 32)


def test_decibels_are_of_the_mean_square_over_the_peak():
    assert decibels(torch.full((4,), 0.1), torch.zeros(4)) == pytest.approx(20.0)
    assert decibels(torch.full((4,), 0.1), torch.zeros(4), peak=0.1) == pytest.approx(0.0, abs=1e-6)
    assert decibels(torch.ones(4), torch.ones(4)) is None


def test_as_many_cosines_as_values_are_exact_and_more_are_better():
    pytest.importorskip("scipy")
    few, more = (largest_cosines(PICTURE, n).psnr for n in (30, 100))
    assert more > few > 15
    assert largest_cosines(PICTURE, 24 * 32 * 3).psnr is None


def test_a_descent_ends_by_steps_or_by_seconds():
    field = siren(PICTURE.box, 3, width=8, depth=2)
    problem = represent(PICTURE, heldout=0.0)
    assert descend(field, problem, field.recipe, 0, seconds=0.06)[0].cpu == pytest.approx(0.06, abs=0.05)
    spent, steps = descend(field, problem, siren(PICTURE.box, 3).recipe.__class__(steps=3), 0)
    assert steps == 3
    assert spent.cpu > 0


def test_ours_takes_no_more_than_the_seconds_it_is_given():
    our_best(PICTURE, 0.1, 0)  # what is loaded at the first fit
    _, spent, steps = our_best(PICTURE, 0.3, 0)
    assert spent.cpu < 0.6
    assert steps >= 1
