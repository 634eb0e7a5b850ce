import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.errors import InputError, UnknownName
from ungrid.networks.mlp import ACTIVATIONS, Mlp
from ungrid.spec import from_spec, to_spec


def test_an_mlp_is_its_formula():
    network = Mlp(2, 1, 5, depth=2, activation="tanh", output_activation="sigmoid")
    (w0, b0), (w1, b1), (w2, b2) = [(layer.weight, layer.bias) for layer in network.layers]
    x = torch.randn(2)
    expected = torch.sigmoid(w2 @ torch.tanh(w1 @ torch.tanh(w0 @ x + b0) + b1) + b2)
    assert_close(network(x), expected)


def test_no_hidden_layer_is_a_linear_map():
    network = Mlp(3, 2, depth=0)
    x = torch.randn(4, 3)
    assert_close(network(2 * x) - network(x), network(x) - network(0 * x))


def test_skips_give_the_named_layers_the_features_again():
    network = Mlp(3, 1, 8, depth=3, skips=(2, 3))
    assert [layer.in_features for layer in network.layers] == [3, 8, 11, 11]
    x = torch.randn(3)
    h = torch.relu(network.layers[1](torch.relu(network.layers[0](x))))
    h = torch.relu(network.layers[2](torch.cat([h, x])))
    assert_close(network(x), network.layers[3](torch.cat([h, x])))


@pytest.mark.parametrize(
    ("sizes", "count"),
    [((2, 3, 256, 3), 2 * 256 + 256 + 2 * (256 * 256 + 256) + 3 * 256 + 3), ((5, 4, 7, 0), 5 * 4 + 4)],
)
def test_parameters_are_counted_by_hand(sizes, count):
    in_dim, out_dim, width, depth = sizes
    network = Mlp(in_dim, out_dim, width, depth=depth)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize("activation", ["gelu", "silu", "softplus", "tanh", "sigmoid", "elu"])
def test_derivatives_of_smooth_networks_are_exact(activation):
    network = Mlp(2, 2, 4, depth=2, activation=activation, skips=(1,)).double()
    features = torch.randn(3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert gradcheck(network, features)
    assert gradgradcheck(network, features)


def test_a_relu_network_has_no_second_derivatives():
    network = Mlp(2, 1, 16)
    hessian = torch.func.hessian(lambda x: network(x)[0])(torch.tensor([0.3, -0.2]))
    assert hessian.abs().max() == 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_maps_points_one_by_one(name):
    points = torch.linspace(-2, 2, 9)
    assert_close(ACTIVATIONS[name](points), torch.cat([ACTIVATIONS[name](point) for point in points.split(1)]))


def test_the_seed_alone_decides_the_weights():
    torch.manual_seed(1)
    first = Mlp(2, 1, 8, seed=3).layers[0].weight
    torch.manual_seed(2)
    assert torch.equal(first, Mlp(2, 1, 8, seed=3).layers[0].weight)
    assert not torch.equal(first, Mlp(2, 1, 8, seed=4).layers[0].weight)


def test_arguments_out_of_range_are_refused():
    for wrong in ({"width": 0}, {"depth": 257}, {"skips": (0,)}, {"skips": (4,)}, {"skips": (2, 2)}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Mlp(**{"in_dim": 2, "out_dim": 1, "width": 8, "depth": 3, **wrong})
    with pytest.raises(UnknownName, match="did you mean 'relu'"):
        Mlp(2, 1, activation="rellu")
    with pytest.raises(UnknownName, match="initialization"):
        Mlp(2, 1, initialization="zeros")


def test_mlp_is_rebuilt_from_its_spec():
    network = Mlp(4, 2, 6, depth=3, activation="gelu", output_activation="tanh", skips=(2,), initialization="glorot", seed=7)
    rebuilt = from_spec(to_spec(network), {"Mlp": Mlp})
    assert to_spec(rebuilt) == to_spec(network)
    assert all(map(torch.equal, rebuilt.parameters(), network.parameters()))
