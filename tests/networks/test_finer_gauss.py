import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.finer_gauss import FinerGauss


def test_a_unit_is_one_wherever_its_sine_is_zero():
    # sin(ω (|u| + 1) u) = 0 where (|u| + 1) u = kπ/ω: u = (√(1 + 4kπ/ω) − 1) / 2
    network = FinerGauss(1, 1, 1, depth=1, scale=3.0, omega=10.0).double()
    for layer in network.layers:
        torch.nn.init.ones_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    zeros = torch.tensor([[(math.sqrt(1 + 4 * k * math.pi / 10) - 1) / 2] for k in range(6)], dtype=torch.float64)
    assert_close(network(zeros), torch.ones_like(zeros))
    assert_close(network(-zeros), torch.ones_like(zeros))
    between = (zeros[1:] + zeros[:-1]) / 2
    assert network(between).max() < 0.01


@pytest.mark.parametrize("name", ["scale", "omega"])
def test_a_factor_out_of_range_is_refused(name):
    with pytest.raises(InputError, match=name):
        FinerGauss(2, 1, 8, **{name: 0.0})
