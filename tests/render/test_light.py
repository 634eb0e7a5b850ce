import pytest
import torch

from ungrid.fields.record import Record
from ungrid.render.light import averaging_curves


def record(channels, **source):
    return Record("image", (2, 2), channels, {"transfer": "srgb"} | source)


def mean_between(record, *pixels, encoded=False):
    to_light, from_light = averaging_curves(record, encoded=encoded)
    return from_light(to_light(torch.tensor(pixels)).mean(dim=0))


def test_black_and_white_meet_at_half_the_light():
    assert mean_between(record(("gray",)), [0.0], [1.0]).item() == pytest.approx(0.7354, abs=1e-4)


@pytest.mark.parametrize("encoded", [False, True])
def test_a_color_under_alpha_zero_has_no_weight(encoded):
    mean = mean_between(record(("r", "g", "b", "a")), [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0], encoded=encoded)
    torch.testing.assert_close(mean, torch.tensor([1.0, 0.0, 0.0, 0.5]))


def test_colors_that_come_multiplied_by_alpha_mean_the_same_as_straight_ones():
    straight, multiplied = record(("gray", "a")), record(("gray", "a"), alpha="associated")
    value, alpha = mean_between(straight, [0.8, 1.0], [0.2, 0.5])
    again = mean_between(multiplied, [0.8, 1.0], [0.1, 0.5])
    torch.testing.assert_close(again, torch.stack([value * alpha, alpha]))


def test_the_way_there_and_back_changes_nothing_nor_the_values_given():
    values = 0.1 + 0.9 * torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0))
    before = values.clone()
    to_light, from_light = averaging_curves(record(("r", "g", "b", "a")))
    torch.testing.assert_close(from_light(to_light(values)), values)
    assert torch.equal(values, before)


def test_linear_values_without_alpha_need_no_curve():
    assert averaging_curves(record(("r", "g", "b"), transfer="linear")) == (None, None)
