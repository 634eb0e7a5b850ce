import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.sinc import NEAR, Sinc, sinc


def slope_of(at):
    at = at.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(sinc(at).sum(), at)
    return slope


def test_sinc_is_one_at_zero_and_zero_at_the_other_multiples_of_pi():
    at = torch.arange(-4, 5, dtype=torch.float64) * math.pi
    assert_close(sinc(at), (at == 0).double())


def test_sinc_agrees_with_pytorchs():
    at = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    assert_close(sinc(at), torch.sinc(at / math.pi), rtol=0, atol=1e-15)


def test_slopes_near_zero_keep_their_digits_in_single_precision():
    at = torch.tensor([1e-6, 1e-4, 1e-2, 0.1, 0.49, 0.51, 1.0])
    wide = at.double()
    exact = torch.where(wide < 0.1, -wide / 3 + wide**3 / 30 - wide**5 / 840, wide.cos() / wide - wide.sin() / wide**2)
    assert_close(slope_of(at).double(), exact, rtol=3e-6, atol=0)


def test_derivatives_agree_with_finite_differences_on_both_sides_of_the_seam():
    at = torch.tensor([-NEAR - 1e-3, -0.2, 0.0, 1e-3, NEAR - 1e-3, NEAR + 1e-3, 3.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(sinc, at)
    assert gradgradcheck(sinc, at)


def test_a_sum_of_shifted_sincs_interpolates_its_samples():
    # one hidden layer whose units are the sample positions: at each position one unit is 1 and the others are 0
    network = Sinc(1, 1, 7, depth=1, omega=math.pi).double()
    samples = torch.rand(7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    positions = torch.arange(7, dtype=torch.float64)
    weights = {
        "layers.0.weight": torch.ones(7, 1),
        "layers.0.bias": -positions,
        "layers.1.weight": samples[None],
        "layers.1.bias": torch.zeros(1),
    }
    network.load_state_dict(weights)
    assert_close(network(positions[:, None])[:, 0], samples)


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"omega": 0.0}, {"omega": math.inf}])
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"depth|omega"):
        Sinc(2, 1, 8, **wrong)
