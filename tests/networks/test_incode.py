import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.incode import HARMONIZER_BIAS, Incode
from ungrid.networks.siren import Siren


def silence(network):
    """Let the harmonizer say a = b = c = d = 0."""
    torch.nn.init.zeros_(network.harmonizer[-1].weight)
    torch.nn.init.zeros_(network.harmonizer[-1].bias)


def test_without_a_harmonizer_it_is_a_siren():
    network, siren = Incode(2, 3, 16, depth=3, seed=4), Siren(2, 3, 16, depth=3, seed=4)
    silence(network)
    at = torch.rand(5, 2, generator=torch.Generator().manual_seed(0))
    assert_close(network(at), siren(at), atol=1e-5, rtol=0)


def test_the_harmonizer_starts_near_its_bias():
    # weights of 0.001 add Σ 0.001 N(0, 1) silu(0.31), far below the bias
    assert_close(Incode(2, 3, 16).harmony(), torch.full((4,), HARMONIZER_BIAS), atol=0.01, rtol=0)


def test_the_harmonizer_of_the_authors_has_as_many_parameters():
    # 64 → 64 → 32 → 4 with biases, and the code in place of the features
    harmonizer = 64 * 64 + 64 + 64 * 32 + 32 + 32 * 4 + 4
    assert sum(weight.numel() for weight in Incode(2, 3).parameters()) == 198_915 + harmonizer + 64


def test_descent_reaches_code_and_harmonizer():
    network = Incode(2, 3, 16, depth=2)
    network(torch.rand(4, 2)).square().sum().backward()
    for weight in (network.code, *network.harmonizer.parameters()):
        assert (weight.grad != 0).any()


def test_the_harmonizer_takes_no_memory_for_each_point():
    assert Incode(2, 3, 16, depth=2, harmonizer_widths=(999,)).width_sum() == 16 + 16 + 3


@pytest.mark.parametrize("widths", [(), (5,), (5, 6, 7)])
def test_the_harmonizer_has_the_layers_asked_for(widths):
    network = Incode(2, 1, 8, depth=1, code_dim=3, harmonizer_widths=widths)
    assert [layer.out_features for layer in network.harmonizer] == [*widths, 4]


@pytest.mark.parametrize(
    "wrong", [{"depth": 0}, {"code_dim": 0}, {"harmonizer_widths": (0,)}, {"harmonizer_widths": (8,) * 17}, {"hidden_omega": 0.0}]
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        Incode(**{"in_dim": 2, "out_dim": 1, "width": 8, **wrong})
