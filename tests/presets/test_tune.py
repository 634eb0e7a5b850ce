import math

import pytest
import torch

import ungrid as ug
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.record import Recipe
from ungrid.presets.table import PUBLISHED
from ungrid.presets.tune import KNOBS, climbed, middle_frequency, rounded, tune
from ungrid.signals.base import Signal
from ungrid.testing.toys import tiny_picture

SMALL = {"width": 16, "depth": 2}
SHORT = Recipe(learning_rate=5e-3, steps=60)


def tone(cycles, n=128, axes=1):
    t = (torch.arange(n) + 0.5) / n
    values = (0.5 + 0.5 * torch.sin(2 * math.pi * cycles * t)).reshape(-1, *[1] * (axes - 1)).expand(*[n] * axes)
    box = Box(("z", "y", "x")[-axes:], ((0.0, 1.0),) * axes)
    return Signal(values[..., None].clone(), Grid(box, (n,) * axes), "series", ("v",), {"sample_format": "float"})


@pytest.mark.parametrize("cycles", [8, 16, 40])
def test_the_middle_frequency_of_a_tone_lies_between_it_and_the_nyquist_frequency(cycles):
    expected = math.sqrt(cycles / 2 * 128 / 4)  # cycles over a box of two units; the finest has four samples a unit
    assert middle_frequency(tone(cycles).values) == pytest.approx(expected, rel=0.1)


def test_a_constant_has_the_lowest_frequency_for_its_half():
    assert middle_frequency(torch.full((16, 16, 1), 0.3)) == pytest.approx(math.sqrt(0.5 * 4))
    assert middle_frequency(torch.full((1, 1), 0.3)) == pytest.approx(0.5)


def test_any_number_of_axes_has_one():
    assert middle_frequency(tone(4, 16, axes=3).values) == pytest.approx(math.sqrt(2 * 4), rel=0.3)


@pytest.mark.parametrize("best", [3.0, 10.0, 37.0])
def test_the_climb_ends_near_the_best_of_a_smooth_curve(best):
    seen = []

    def measured(value):
        seen.append(value)
        return -abs(math.log2(value / best))

    good = climbed(10.0, measured, 6)
    found = max(good, key=good.get)
    assert abs(math.log2(found / best)) <= 0.51
    assert len(seen) == len(set(seen)) <= 6


def test_without_trials_the_guess_is_taken():
    assert climbed(12.0, lambda value: 1 / 0, 0) == {}
    found = tune(tiny_picture(), "sine", trials=0)
    assert (found.value, found.trials, found.finals) == (found.guess, {}, {})


@pytest.mark.parametrize("preset", KNOBS)
def test_every_preset_with_a_knob_takes_it_and_has_a_guess(preset):
    picture = tiny_picture()
    found = tune(picture, preset, trials=0)
    assert found.value > 0
    PUBLISHED[preset](picture.box, 3, **{found.parameter: found.value})


def test_a_fine_signal_gets_a_higher_frequency_than_a_coarse_one_by_trials():
    coarse, fine = (tune(tone(cycles), "siren", options=SMALL, recipe=SHORT).value for cycles in (2, 40))
    assert fine > 2 * coarse


def test_tuning_is_the_same_twice_and_says_what_it_tried():
    first, again = (tune(tone(10), "siren", options=SMALL, recipe=SHORT, trials=3) for _ in range(2))
    assert first == again
    assert len(first.trials) == 3
    assert set(first.finals) == set(sorted(first.trials, key=first.trials.get)[-2:])
    assert first.value == max(first.finals, key=first.finals.get)
    assert (
        f"first_omega {first.value:g}: the spectrum suggests {first.guess:g}; at held-out samples after half" in first.describe()
    )


def test_only_the_known_samples_count():
    signal = tone(10)
    known = torch.rand(128, generator=torch.Generator().manual_seed(0)) < 0.8
    spoiled = signal.with_values(torch.where(known[:, None], signal.values, 9.0))
    one, other = (tune(s, "siren", mask=known, options=SMALL, recipe=SHORT, trials=3) for s in (signal, spoiled))
    assert one == other


def test_what_cannot_be_tuned_is_refused():
    with pytest.raises(InputError, match="'auto' has no frequency to tune; siren, sine"):
        ug.fit(tiny_picture(), tune=True, steps=1)
    with pytest.raises(InputError, match="expected at least 5"):
        tune(tone(1, n=4), "siren", options=SMALL, recipe=SHORT)


def test_numbers_are_short():
    assert [rounded(value) for value in (12.3456, 1234.5, 0.0123456)] == [12.3, 1230.0, 0.0123]
