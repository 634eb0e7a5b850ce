import copy

import pytest
import torch

from ungrid.errors import InputError
from ungrid.fit.guard import Guard
from ungrid.fit.limits import Limits
from ungrid.fitting import carry_out
from ungrid.presets.plan import plan_signal
from ungrid.tasks.represent import represent
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, tiny_picture


def test_pictures_are_judged_by_their_values_clamped_to_zero_and_one():
    picture = tiny_picture()
    white = picture.with_values(torch.ones_like(picture.values))
    field = FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0)
    with torch.no_grad():
        field.network.layers[-1].weight.zero_()
        field.network.layers[-1].bias.fill_(10.0)
    assert (field.sample(picture.grid) > 1).all()
    assert represent(white).judge.quality(field)["psnr"] is None  # an exact match


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_of_values_is_that_of_the_coords(dtype):
    field = FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0).to(dtype)
    assert field(torch.zeros(2, 2, dtype=dtype)).dtype == dtype


def test_nothing_is_cast_in_silence():
    field = FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0)
    with pytest.raises(InputError, match=r"coords are torch.float64 but the field is torch.float32; convert one of them"):
        field(torch.zeros(2, 2, dtype=torch.float64))


def test_a_fit_returns_its_field_in_float32_on_the_cpu():
    field = carry_out(plan_signal(tiny_picture(), "fast"), Limits(steps=2), seed=0, device="auto", guard=Guard())
    assert {(p.dtype, p.device.type) for p in field.parameters()} == {(torch.float32, "cpu")}


def test_a_fit_leaves_the_signal_as_it_was():
    picture = tiny_picture()
    before = copy.deepcopy(picture.values)
    carry_out(plan_signal(picture, "fast"), Limits(steps=2), seed=0, device="cpu", guard=Guard())
    assert torch.equal(picture.values, before)
