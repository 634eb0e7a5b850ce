import dataclasses
import math

import pytest

import ungrid as ug
from ungrid.errors import InputError
from ungrid.signals.color import srgb_to_linear
from ungrid.signals.sample import sample_photo
from ungrid.testing.toys import tiny_picture


@pytest.fixture(scope="module")
def fitted():
    return ug.fit(tiny_picture(), steps=20, callbacks=[])


def test_a_field_is_drawn_on_the_other_pictures_grid(fitted):
    whole = ug.compare(fitted, tiny_picture())["psnr"]
    assert whole == pytest.approx(fitted.metrics["quality"]["psnr"], abs=0.01)
    assert ug.compare(fitted, fitted)["psnr"] == math.inf


def test_a_picture_of_another_size_is_refused_with_both(fitted):
    with pytest.raises(InputError, match="16×12 px, the other has 20×10"):
        ug.compare(fitted, tiny_picture(10, 20))


def test_pictures_of_encoded_and_of_linear_values_are_compared_in_one_light(tmp_path):
    encoded = ug.load(sample_photo())
    linear = dataclasses.replace(
        encoded, values=srgb_to_linear(encoded.values), source={"transfer": "linear", "sample_format": "float"}
    )
    assert ug.compare(linear, encoded)["psnr"] > 100


def test_a_fit_of_two_steps_is_told_so(fitted):
    assert all(finding.remedy for finding in ug.diagnose(fitted, tiny_picture()))
    assert ug.diagnose(ug.fit(tiny_picture(32, 32), preset="siren", steps=2, callbacks=[]), tiny_picture(32, 32))
