"""Whole fits, good and deliberately broken, of a second or less each."""

from dataclasses import replace

import pytest
import torch

import ungrid as ug
from ungrid.diagnosis.diagnose import find_faults
from ungrid.errors import InputError
from ungrid.fields.record import Record
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, tiny_picture

SIDE = 48


@pytest.fixture(scope="module")
def photo(request):
    """A piece of the photograph that ships with the package: fur and what is behind."""
    from importlib.resources import as_file, files

    with as_file(files("ungrid.data").joinpath("chelsea.png")) as path:
        picture = ug.load(path)
    region = picture.values[20 : 20 + SIDE, 20 : 20 + SIDE].mean(dim=-1)
    return ug.signals.image.from_array((255 * region).byte().numpy())


def siren(photo, steps, *, rate=3e-3, omega=30.0, planned=None):
    field = ug.presets.siren(photo.box, 1, width=24, depth=2, first_omega=omega, hidden_omega=min(omega, 30.0))
    field.recipe = ug.Recipe(learning_rate=rate, steps=planned or steps)
    return ug.fit(field, ug.tasks.represent(photo), steps=steps, callbacks=[])


def names(field, photo):
    return [finding.name for finding in ug.diagnose(field, photo)], [finding.name for finding in ug.diagnose(field)]


def test_healthy_fits_raise_no_alarm(photo):
    assert names(siren(photo, 150), photo) == ([], [])
    assert names(ug.fit(photo, preset="fast", steps=200), photo) == ([], [])
    smooth = tiny_picture(SIDE, SIDE)
    assert names(ug.fit(smooth, preset="fast", steps=200), smooth) == ([], [])


def test_a_healthy_field_with_uncertainty_raises_no_alarm(photo):
    assert names(ug.uncertainty(photo, preset="fast", steps=200), photo) == ([], [])


def test_too_few_steps_are_told(photo):
    assert names(siren(photo, 10, planned=300), photo) == (["unfinished"], ["unfinished"])
    assert names(ug.fit(photo, preset="fast", steps=10), photo) == (["unfinished"], ["unfinished"])


def test_too_high_frequencies_are_told(photo):
    with_signal, alone = names(siren(photo, 100, omega=400.0), photo)
    assert with_signal[0] == alone[0] == "noise_between_samples"


def test_too_low_frequencies_are_told_where_the_signal_is_given(photo):
    assert names(siren(photo, 100, omega=1.5), photo) == (["band_limited"], [])


def test_too_high_a_rate_is_told(photo):
    with_signal, alone = names(siren(photo, 60, rate=1.0), photo)
    assert with_signal[0] == alone[0] == "nothing_learned"


def test_an_output_that_cannot_reach_the_values_is_told(photo):
    field = ug.presets.fourier_mlp(photo.box, 1, n_frequencies=16, bandwidth=2.0, width=24, depth=1)
    middle = float(photo.values.mean())
    field.value_scale, field.value_offset = (0.02,), (middle - 0.01,)
    field.recipe = replace(field.recipe, learning_rate=3e-2, steps=100)
    assert "saturated_output" in names(ug.fit(field, ug.tasks.represent(photo), callbacks=[]), photo)[0]


def test_values_that_are_no_numbers_are_told(photo):
    field = siren(photo, 5)
    with torch.no_grad():
        field.network.layers[-1].bias.fill_(float("nan"))
    (finding,) = find_faults(field, photo)
    assert (finding.name, finding.severity, finding.evidence) == ("not_finite", "error", {"n_values": SIDE * SIDE})


def test_values_far_out_of_range_are_told(photo):
    field = siren(photo, 5)
    field.recipe = None
    field.value_scale = (40.0,)
    assert "out_of_range" in [finding.name for finding in find_faults(field)]


def test_a_field_that_was_never_fitted_has_no_fit_to_judge():
    field = FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0)
    assert [finding.name for finding in find_faults(field)] == ["no_record"]
    field.record = Record("", (), ())
    assert find_faults(field) == []


def test_another_picture_is_refused(photo):
    with pytest.raises(InputError, match="fitted to"):
        ug.diagnose(siren(photo, 2), tiny_picture(8, 8))
