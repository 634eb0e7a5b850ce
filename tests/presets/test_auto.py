import dataclasses

import numpy as np
import pytest
import torch

from ungrid.errors import InputError
from ungrid.fields.storage import save_field
from ungrid.presets.auto import EFFORTS, choose
from ungrid.signals.image import from_array
from ungrid.signals.phantoms import zone_plate
from ungrid.testing.toys import tiny_picture


def noise(size):
    """A gray picture that no field holds."""
    return from_array(torch.randint(256, (size, size), generator=torch.Generator().manual_seed(0)).byte().numpy())


@pytest.mark.parametrize("effort", EFFORTS)
def test_every_effort_chooses_a_field_for_the_signal_and_says_why(effort):
    picture = tiny_picture(64, 64)
    choice = choose(picture, effort)
    assert choice.field.box == picture.box
    assert choice.field.out_dim == 3
    assert choice.reason.startswith(f"{effort}: ")
    assert f"{choice.field.n_params:,} parameters" in choice.reason
    assert choice.field.recipe.steps >= EFFORTS[effort].least_steps


def test_a_greater_effort_takes_more_parameters_and_more_steps():
    fields = [choose(noise(256), effort).field for effort in ("fast", "balanced", "best")]
    assert [f.n_params for f in fields] == sorted(f.n_params for f in fields)
    assert [f.recipe.steps for f in fields] == sorted(f.recipe.steps for f in fields)


@pytest.mark.parametrize("max_bytes", [9_000, 12_000, 40_000])
def test_the_file_keeps_to_the_bytes_that_it_may_have(tmp_path, max_bytes):
    picture = dataclasses.replace(tiny_picture(128, 128), blobs={"icc": bytes(500)})
    field = choose(picture, "best", max_bytes=max_bytes).field
    save_field(field, tmp_path / "a.ung", version="0")
    assert field.n_params * 2 + 500 + 4096 <= max_bytes


def test_too_few_bytes_are_refused_with_the_least():
    picture = dataclasses.replace(tiny_picture(), blobs={"icc": bytes(500)})
    with pytest.raises(InputError, match=r"needs at least \d+, 500 of them for what the file knew"):
        choose(picture, max_bytes=5_000)


def test_many_channels_in_few_bytes_end_in_an_error_and_not_in_a_loop():
    picture = from_array(np.zeros((60, 60, 50), dtype=np.float32))
    with pytest.raises(InputError, match="needs at least"):
        choose(picture, max_bytes=5_000)
    assert choose(picture, max_bytes=20_000).field.n_params * 2 < 20_000


def test_the_range_of_floating_values_is_that_of_the_signal():
    picture = tiny_picture()
    bright = dataclasses.replace(picture, values=100 + 20 * picture.values, source={"sample_format": "float"})
    field = choose(bright).field
    assert field.value_offset[0] == pytest.approx(float(bright.values.mean()), rel=1e-4)
    assert field.value_scale[0] == pytest.approx(2 * float(bright.values.std(correction=0)), rel=1e-4)
    flat = dataclasses.replace(bright, values=torch.full_like(bright.values, 7.0))
    assert (choose(flat).field.value_scale, choose(flat).field.value_offset) == ((1.0,), (7.0,))


def test_a_smooth_picture_gets_fewer_parameters_than_a_rough_one():
    smooth, rough = choose(zone_plate(256, cycles=0.02)), choose(noise(256))
    assert smooth.field.n_params < 0.5 * rough.field.n_params
    assert "should do for this picture" in smooth.reason
    assert "should do for this picture" not in rough.reason
