import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError, UnknownName
from ungrid.networks import GRID_NETWORKS
from ungrid.networks.convolutional import BRANCHES, EPSILON, ConvolutionalNetwork
from ungrid.networks.mlp import Mlp
from ungrid.spec import from_spec, to_spec
from ungrid.testing.contracts import check_meta, check_tensors_are_registered

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "convolutional.json").read_text())["field"]
ALL = ("full", "lines", "point", "identity")
SHAPES = {1: (7,), 2: (5, 6), 3: (4, 3, 5)}


def random_network(n_axes=2, *, seed=0, **arguments):
    """A small network whose scales, shifts and kept statistics are random, in float64 and out of training."""
    network = ConvolutionalNetwork(n_axes, 2, 3, 4, seed=seed, **{"depth": 2, "branches": ALL, **arguments}).double().eval()
    rng = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not name.endswith("kernel"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=rng, dtype=tensor.dtype))
    return network


def features_of(n_axes=2, *leading, seed=5):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn((*leading, *SHAPES[n_axes], 2), generator=rng, dtype=torch.float64)


def golden_network():
    network = ConvolutionalNetwork(2, 2, 2, 3, depth=2, branches=tuple(GOLDEN["branches"])).double()
    given = [*[weights for layer in GOLDEN["layers"] for weights in layer], GOLDEN["last"]]
    made = [*[branch for layer in network.layers for branch in layer], network.last]
    with torch.no_grad():
        for branch, weights in zip(made, given, strict=True):
            for name, parameter in branch.named_parameters():
                parameter.copy_(torch.tensor(weights[name], dtype=torch.float64))
    return network


def test_a_tiny_network_is_the_formula_computed_apart():
    axes = [-1 + (2 * torch.arange(n, dtype=torch.float64) + 1) / n for n in GOLDEN["shape"]]
    coordinates = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    expected = torch.tensor(GOLDEN["values"], dtype=torch.float64)
    network = golden_network()
    assert_close(2 * network(coordinates) + 0.25, expected, rtol=0, atol=1e-10)
    network.settle(coordinates)
    assert_close(2 * network.eval()(coordinates) + 0.25, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("n_axes", [1, 2, 3])
@pytest.mark.parametrize("branches", [("full",), ("full", "point", "identity"), ("lines", "point"), ("identity", "lines"), ALL])
@pytest.mark.parametrize("normalize", [True, False])
def test_a_folded_network_has_one_kernel_a_layer_and_the_same_values(n_axes, branches, normalize):
    network = random_network(n_axes, branches=branches, normalize=normalize)
    folded = network.folded()
    assert (folded.branches, folded.normalize) == (("full",), False)
    assert_close(folded(features_of(n_axes)), network(features_of(n_axes)), rtol=0, atol=1e-11)
    single = folded.float()(features_of(n_axes).float())
    assert_close(single, network(features_of(n_axes)).float(), rtol=1e-5, atol=1e-5)


def test_folding_leaves_the_network_as_it_was_and_its_own_result_alone():
    network = random_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    folded = network.folded()
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    again = folded.folded()
    assert all(map(torch.equal, again.state_dict().values(), folded.state_dict().values()))


@pytest.mark.parametrize("n_axes", [1, 2, 3])
def test_batch_norm_is_that_of_pytorch(n_axes):
    network = ConvolutionalNetwork(n_axes, 2, 3, 4, depth=1).double()
    kind = {1: torch.nn.BatchNorm1d, 2: torch.nn.BatchNorm2d, 3: torch.nn.BatchNorm3d}[n_axes]
    conv = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[n_axes]
    inner, norm, outer = conv(2, 4, 3, padding=1, bias=False), kind(4, eps=EPSILON), conv(4, 3, 3, padding=1)
    reference = torch.nn.Sequential(inner, norm, torch.nn.ReLU(), outer).double()
    with torch.no_grad():
        inner.weight.copy_(network.layers[0][0].kernel)
        outer.weight.copy_(network.last.kernel)
        outer.bias.copy_(network.last.shift)
    features = features_of(n_axes, 3)
    assert_close(network(features), reference(features.movedim(-1, 1)).movedim(1, -1))


def test_statistics_that_are_kept_give_the_values_of_training_and_only_settle_changes_them():
    network, features = random_network().train(), features_of()
    training = network(features)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network(2 * features)
    assert all(torch.equal(before[name], buffer) for name, buffer in network.named_buffers())
    network.settle(features)
    assert_close(network.eval()(features), training, rtol=0, atol=1e-12)


def test_a_kernel_of_one_sample_is_a_multilayer_perceptron():
    network = ConvolutionalNetwork(2, 2, 3, 8, depth=2, kernel_size=1, normalize=False).double()
    mlp = Mlp(2, 3, 8, depth=2).double()
    branches = [*(layer[0] for layer in network.layers), network.last]
    with torch.no_grad():
        for linear, branch in zip(mlp.layers, branches, strict=True):
            linear.weight.copy_(branch.kernel.flatten(1))
            linear.bias.copy_(branch.shift)
    assert network.reach == 0
    assert_close(network(features_of()), mlp(features_of()))


@pytest.mark.parametrize(("kernel_size", "depth"), [(3, 0), (3, 3), (5, 1)])
def test_a_value_depends_on_features_within_reach_and_on_none_beyond(kernel_size, depth):
    network = ConvolutionalNetwork(1, 1, 1, 16, depth=depth, kernel_size=kernel_size).double().eval()
    features = torch.randn(41, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_(True)
    (slope,) = torch.autograd.grad(network(features)[20].sum(), features)
    assert network.reach == (kernel_size // 2) * (depth + 1)
    seen = slope.squeeze(-1).nonzero().squeeze(-1)
    assert (int(seen.min()), int(seen.max())) == (20 - network.reach, 20 + network.reach)


def test_leading_axes_are_a_batch():
    network = random_network()
    features = features_of(2, 2, 3)
    whole = network(features)
    assert whole.shape == (2, 3, *SHAPES[2], 3)
    assert_close(whole[1, 2], network(features[1, 2]))


def test_kernels_start_as_those_of_pytorch_do():
    network = ConvolutionalNetwork(2, 8, 3, 32, depth=2)
    for branch, fan_in in [(network.layers[0][0], 8 * 9), (network.layers[1][0], 32 * 9), (network.last, 32 * 9)]:
        assert_close(float(branch.kernel.detach().abs().max()), fan_in**-0.5, rtol=0.03, atol=0)
    assert torch.equal(network.layers[0][0].shift, torch.zeros(32))
    again = ConvolutionalNetwork(2, 8, 3, 32, depth=2)
    assert all(map(torch.equal, network.state_dict().values(), again.state_dict().values()))


def test_the_network_keeps_what_the_contract_of_parts_asks():
    check_tensors_are_registered(random_network())
    check_meta(lambda seed: ConvolutionalNetwork(2, 2, 3, 4, depth=2, branches=ALL, seed=seed))
    rebuilt = from_spec(to_spec(random_network()), GRID_NETWORKS)
    assert to_spec(rebuilt) == to_spec(random_network())
    assert ConvolutionalNetwork(2, 2, 3, 4, depth=2, branches=("full", "lines")).width_sum() == 3 * 4 + 3 * 4 + 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_axes": 0},
        {"n_axes": 4},
        {"width": 0},
        {"depth": 257},
        {"kernel_size": 2},
        {"kernel_size": 17},
        {"branches": ()},
        {"branches": ("full", "full")},
        {"branches": ("identity",)},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"n_axes|width|depth|kernel_size|branches"):
        ConvolutionalNetwork(**{"n_axes": 2, "in_dim": 2, "out_dim": 1, "width": 4, "depth": 1, **wrong})


def test_an_unknown_branch_gives_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'point'"):
        ConvolutionalNetwork(2, 2, 1, 4, branches=("points",))
    assert set(BRANCHES) == set(ALL)


@pytest.mark.parametrize("shape", [(2,), (5, 2), (4, 5, 3)])
def test_features_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match="expected 2 axes, then 2 features"):
        random_network()(torch.zeros(shape, dtype=torch.float64))
