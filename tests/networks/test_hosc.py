import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.hosc import Hosc


def one_unit(beta, **settings):
    network = Hosc(1, 1, 1, depth=1, beta=beta, first_omega=2.0, **settings).double()
    for layer in network.layers:
        torch.nn.init.ones_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return network


AT = torch.linspace(-3, 3, 24, dtype=torch.float64)[:, None]  # no multiple of π/2 among them


def test_a_small_sharpness_leaves_a_sine():
    assert_close(one_unit(1e-4)(AT) / 1e-4, torch.sin(2 * AT), atol=1e-8, rtol=0)


def test_a_large_sharpness_gives_a_square_wave():
    assert_close(one_unit(1e4)(AT), torch.sin(2 * AT).sign())


def test_the_steepest_slope_is_sharpness_times_omega():
    at = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(one_unit(7.0)(at).sum(), at)
    assert_close(slope.item(), 14.0)


def test_only_a_learned_sharpness_is_a_parameter():
    fixed, learned = Hosc(2, 1, 8, depth=3), Hosc(2, 1, 8, depth=3, betas=(1.0, 2.5, 4.0), learn_beta=True)
    assert "sharpness" not in dict(fixed.named_parameters())
    assert_close(learned.sharpness.detach(), torch.tensor([1.0, 2.5, 4.0]))
    learned(torch.rand(4, 2)).square().sum().backward()
    assert (learned.sharpness.grad != 0).all()


def test_a_learned_sharpness_starts_as_the_same_function():
    at = torch.rand(4, 2)
    settings = {"depth": 2, "betas": (2.0, 0.5), "seed": 3}
    assert_close(Hosc(2, 1, 8, learn_beta=True, **settings)(at), Hosc(2, 1, 8, **settings)(at))


@pytest.mark.parametrize(
    "wrong",
    [{"depth": 0}, {"beta": 0.0}, {"betas": (1.0,)}, {"betas": (1.0, -1.0)}, {"betas": (1.0, math.nan)}, {"first_omega": 0.0}],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"depth|beta|omega"):
        Hosc(**{"in_dim": 2, "out_dim": 1, "width": 8, "depth": 2, **wrong})
