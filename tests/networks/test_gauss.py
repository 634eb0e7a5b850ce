import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.gauss import Gauss


def test_a_unit_falls_to_the_root_of_e_one_standard_deviation_from_its_line():
    network = Gauss(1, 1, 1, depth=1, std=0.25).double()
    for layer in network.layers:
        torch.nn.init.ones_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    at = torch.tensor([[0.0], [0.25], [-0.25], [0.5]], dtype=torch.float64)
    expected = torch.tensor([[1.0], [math.exp(-0.5)], [math.exp(-0.5)], [math.exp(-2)]], dtype=torch.float64)
    assert_close(network(at), expected)


def test_weights_and_biases_start_as_those_of_pytorch():
    for layer in Gauss(2, 1, 400, depth=3).layers:
        bound = 1 / math.sqrt(layer.in_features)
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert layer.bias.abs().max() <= bound


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"std": 0.0}, {"std": math.nan}])
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"depth|std"):
        Gauss(2, 1, 8, **wrong)
