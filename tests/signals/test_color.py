import pytest
import torch
from torch.testing import assert_close

from ungrid.signals.color import linear_to_srgb, luminance, srgb_to_linear


def test_srgb_middle_gray_has_the_standards_light():
    assert_close(
        srgb_to_linear(torch.tensor([0.0, 0.04045, 0.5, 1.0])), torch.tensor([0.0, 0.0031308, 0.2140411, 1.0]), atol=1e-6, rtol=0
    )


def test_the_two_curves_are_inverse_beyond_the_unit_range_too():
    values = torch.linspace(-0.5, 2, 1001, dtype=torch.float64)
    assert_close(linear_to_srgb(srgb_to_linear(values)), values, atol=1e-5, rtol=0)  # the standard's own rounding at the joint


@pytest.mark.parametrize("curve", [srgb_to_linear, linear_to_srgb])
def test_gradients_are_finite_everywhere(curve):
    values = torch.tensor([-1.0, -0.1, 0.0, 0.003, 0.04, 0.5, 3.0], requires_grad=True)
    curve(values).sum().backward()
    assert values.grad.isfinite().all()


def test_luminance_of_white_is_one_and_green_weighs_most():
    assert_close(luminance(torch.eye(3)), torch.tensor([0.2126, 0.7152, 0.0722]))
    assert_close(luminance(torch.ones(2, 5, 3)), torch.ones(2, 5))
