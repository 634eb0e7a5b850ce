"""Each engine of the multilayer perceptron against the readable one in float64, and when each serves."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.testing import assert_close

from ungrid.errors import InputError, UnknownName
from ungrid.kernels.activations import ACTIVATIONS, Pointwise
from ungrid.kernels.mlp import choose_engine, fused_mlp, reference_mlp
from ungrid.kernels.mlp_native import ACTIVATIONS as FAST
from ungrid.kernels.mlp_native import NativeEngine
from ungrid.kernels.mlp_tiled import TiledEngine
from ungrid.kernels.native_library import available

BUILT = available()
NETWORKS = {  # sizes of the layers, number of points
    "one layer": ([3, 5], 50),
    "one point": ([2, 7, 33, 1], 1),
    "one feature": ([1, 100, 8], 97),
    "no points": ([8, 32, 32, 3], 0),
    "uneven": ([20, 33, 7, 130, 3], 431),
    "wide": ([2, 270, 270, 2], 200),
    "few values": ([4, 13, 31, 2], 77),
    "eight features and values": ([8, 32, 32, 8], 387),
    "few points": ([6, 30, 4], 3),
}


@pytest.fixture(params=["avx512", "avx2", "base", "torch"])
def engine(request, monkeypatch):
    """Each engine by turns; "torch" is the tiled one."""
    if request.param not in (*BUILT, "torch"):
        pytest.skip(f"the {request.param} kernels are not built here, or the processor does not run them")
    monkeypatch.setenv("UNGRID_KERNELS", request.param)


@pytest.fixture(params=[1, 2])
def threads(request):
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(1)


class Case:
    """A network, its points, and gradients of its values. Sums are of order 1, times ω for the sine."""

    def __init__(self, sizes, n, activation, output_activation="none", *, offsets=None):
        rng = torch.Generator().manual_seed(0)
        groups = () if offsets is None else (len(offsets) - 1,)
        omegas = (20.0, *[3.0] * (len(sizes) - 3)) if activation == "sine" and len(sizes) > 2 else ()

        def uniform(*shape):
            return torch.rand(*shape, generator=rng) * 2 - 1

        self.points, self.grad_values = uniform(n, sizes[0]), uniform(n, sizes[-1])
        self.weights = [uniform(*groups, b, a) * (3 / a) ** 0.5 / (2 if omegas else 1) for a, b in pairwise(sizes)]
        self.biases = [uniform(*groups, b) for b in sizes[1:]]
        self.options = {"activation": activation, "omegas": omegas, "output_activation": output_activation, "offsets": offsets}

    def run(self, function, dtype=torch.float32):
        """Values, and gradients of the points and of all parameters."""
        leaves = [x.detach().to(dtype).requires_grad_() for x in (self.points, *self.weights, *self.biases)]
        n = len(self.weights)
        values = function(leaves[0], leaves[1 : n + 1], leaves[n + 1 :], **self.options)
        grads = torch.autograd.grad(values, leaves, self.grad_values.to(dtype))
        return values.detach(), *grads


def assert_agrees(case):
    """Values to 2·10⁻⁶ and gradients to 10⁻⁵ of the largest one, with the reference in float64."""
    for index, (got, exact) in enumerate(zip(case.run(fused_mlp), case.run(reference_mlp, torch.float64), strict=True)):
        scale = exact.abs().amax().item() if exact.numel() else 0.0
        assert_close(got.double(), exact, atol=(1e-5 if index else 2e-6) * scale + 1e-30, rtol=0)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("activation", FAST)
def test_values_and_gradients_are_those_of_the_reference(engine, activation, name):
    assert_agrees(Case(*NETWORKS[name], activation))


@pytest.mark.parametrize("activation", ["sine", "relu"])
def test_a_sigmoid_of_the_values_is_those_of_the_reference(engine, threads, activation):
    assert_agrees(Case([2, 40, 40, 3], 700, activation, "sigmoid"))


@pytest.mark.parametrize("offsets", [[0, 0, 0], [0, 5, 5, 300, 300], [0, 0, 900], [0, 1, 2, 3, 4, 700]])
def test_each_group_of_points_goes_through_its_own_network(engine, threads, offsets):
    assert_agrees(Case([2, 19, 32, 3], offsets[-1], "sine", offsets=torch.tensor(offsets)))


@pytest.mark.parametrize(("sizes", "activation"), [([2, 64, 64, 1], "silu"), ([8, 32, 32, 3], "relu")])
def test_more_than_a_tile_of_points_on_two_threads_agree(engine, threads, sizes, activation):
    assert_agrees(Case(sizes, 5000, activation))


def test_the_same_call_gives_the_same_bits(engine, threads):
    case = Case([3, 50, 50, 2], 3000, "sine")
    for first, second in zip(case.run(fused_mlp), case.run(fused_mlp), strict=True):
        assert torch.equal(first, second)


def test_leading_axes_are_kept_also_when_empty(engine):
    case = Case([3, 10, 2], 24, "relu")
    values = fused_mlp(case.points, case.weights, case.biases, activation="relu")
    for shape in [(2, 3, 4), (24, 1), (1, 2, 12)]:
        got = fused_mlp(case.points.view(*shape, 3), case.weights, case.biases, activation="relu")
        assert torch.equal(got, values.view(*shape, 2))
    assert fused_mlp(case.points[0], case.weights, case.biases, activation="relu").shape == (2,)
    assert fused_mlp(torch.zeros(4, 0, 3), case.weights, case.biases, activation="relu").shape == (4, 0, 2)


def test_memory_order_does_not_matter(engine):
    case = Case([3, 10, 20, 2], 24, "tanh")
    expected = case.run(fused_mlp)
    case.points = case.points.T.contiguous().T
    case.weights = [torch.cat([weight, weight], dim=-1)[..., : weight.shape[-1]] for weight in case.weights]
    case.grad_values = case.grad_values.repeat(1, 2)[:, :2]
    for got, exact in zip(case.run(fused_mlp), expected, strict=True):
        assert torch.equal(got, exact)


def test_a_gradient_that_is_one_number_for_all_points_is_spread(engine):
    case = Case([2, 10, 1], 30, "silu")
    points = case.points.requires_grad_()
    slopes = []
    for function in (fused_mlp, reference_mlp):
        values = function(points, case.weights, case.biases, activation="silu")
        slopes.append(torch.autograd.grad(values.sum(), points)[0])
    assert_close(*slopes)


def sine_network():
    """The network whose value is sin(x)."""
    one, zero = torch.ones(1, 1), torch.zeros(1)
    return [one, one], [zero, zero]


@pytest.mark.parametrize("largest", [1.0, 100.0, 1e4])
def test_sines_and_cosines_are_exact_to_2e_minus_7(engine, largest):
    x = torch.cat([torch.linspace(-largest, largest, 20_001), torch.arange(-100, 101) * torch.pi / 2])[:, None]
    x.requires_grad_()
    values = fused_mlp(x, *sine_network(), activation="sine")
    (slope,) = torch.autograd.grad(values.sum(), x)
    assert_close(values.double(), x.double().sin(), atol=2e-7, rtol=0)
    assert_close(slope.double(), x.double().cos(), atol=2e-7, rtol=0)


def test_sines_of_huge_numbers_are_right_and_those_of_none_are_none(engine):
    x = torch.tensor([1.5e4, -3e7, 1e20, 3e38, 0.5, -0.0, torch.inf, -torch.inf, torch.nan])[:, None].requires_grad_()
    values = fused_mlp(x, *sine_network(), activation="sine")
    (slope,) = torch.autograd.grad(values.sum(), x)
    assert_close(values.double(), x.double().sin(), atol=2e-7, rtol=0, equal_nan=True)
    assert_close(slope.double(), x.double().cos(), atol=2e-7, rtol=0, equal_nan=True)


@pytest.mark.parametrize("activation", FAST)
@pytest.mark.parametrize("x", [torch.nan, 200.0, -200.0, 1e-20])
def test_extreme_sums_give_what_torch_gives(engine, activation, x):
    case = Case([1, 1, 1], 1, activation)
    case.points, case.weights, case.biases = torch.tensor([[x]]), *sine_network()
    for got, exact in zip(case.run(fused_mlp), case.run(reference_mlp), strict=True):
        assert_close(got, exact, equal_nan=True, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("sizes", [[2, 9, 3], [3, 31, 30, 1], [8, 32, 32, 3], [2, 8, 20]])
@pytest.mark.parametrize("row", [0, 6, 12])
@pytest.mark.parametrize("wild", [torch.nan, torch.inf])
def test_what_is_not_finite_stays_with_its_point(engine, sizes, row, wild):
    case = Case(sizes, 13, "relu")
    case.points[row, 0] = wild
    values = fused_mlp(case.points, case.weights, case.biases, activation="relu")
    assert_close(values, reference_mlp(case.points, case.weights, case.biases, activation="relu"), equal_nan=True)
    case.points[row, 0] = 0.5
    case.grad_values[row, 0] = wild
    for got, exact in zip(case.run(fused_mlp)[:2], case.run(reference_mlp)[:2], strict=True):
        assert torch.equal(got[:row].isfinite(), exact[:row].isfinite())
        assert_close(got, exact, equal_nan=True)


@pytest.mark.parametrize("activation", ["sine", "silu", "relu"])
@pytest.mark.parametrize("offsets", [None, [0, 4, 4, 9]])
def test_second_derivatives_are_those_of_the_reference(engine, activation, offsets):
    case = Case([2, 9, 9, 2], 9, activation, offsets=None if offsets is None else torch.tensor(offsets))

    def second(points, weights, biases, **options):
        function = fused_mlp if points.dtype == torch.float32 else reference_mlp
        values = function(points, weights, biases, **options)
        slope, weight_slope = torch.autograd.grad(values.square().sum(), [points, weights[1]], create_graph=True)
        return slope.square().sum() + weight_slope.square().sum() + 0 * values.sum()

    case.grad_values = torch.tensor(1.0)
    for got, exact in zip(case.run(second), case.run(second, torch.float64), strict=True):
        assert_close(got.double(), exact, atol=1e-5 * exact.abs().amax().item(), rtol=0)


def test_a_tensor_that_serves_twice_gets_both_gradients_also_of_second_order(engine):
    weight = torch.tensor([[0.3, -0.5], [0.7, 0.2]], requires_grad=True)
    bias = torch.zeros(2, requires_grad=True)
    results = []
    for function in (fused_mlp, reference_mlp):
        values = function(torch.tensor([[1.0, 2.0]]), [weight, weight], [bias, bias], activation="tanh")
        slope = torch.autograd.grad(values.sum(), weight, create_graph=True)[0]
        results.append((slope, *torch.autograd.grad(slope.square().sum(), [weight, bias])))
    assert_close(results[0], results[1])


def test_the_graph_may_be_used_twice(engine):
    case = Case([2, 9, 9, 2], 30, "sine")
    leaf = case.points.requires_grad_()
    values = fused_mlp(leaf, case.weights, case.biases, activation="sine", omegas=case.options["omegas"])
    once, again = (torch.autograd.grad(values.sum(), leaf, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(once, again)


def test_only_the_gradients_that_are_asked_for_come(engine):
    case = Case([2, 9, 2], 30, "sine")
    all_grads = case.run(fused_mlp)[1:]
    for asked in range(5):
        leaves = [case.points, *case.weights, *case.biases]
        leaves[asked] = leaves[asked].clone().requires_grad_()
        values = fused_mlp(leaves[0], leaves[1:3], leaves[3:], **case.options)
        (got,) = torch.autograd.grad(values, leaves[asked], case.grad_values)
        assert torch.equal(got, all_grads[asked])


def test_without_gradients_nothing_is_kept(engine, monkeypatch):
    case = Case([2, 9, 2], 30, "sine")
    with torch.no_grad():
        values = fused_mlp(case.points, [weight.requires_grad_() for weight in case.weights], case.biases, **case.options)
    assert not values.requires_grad
    assert torch.equal(values, case.run(fused_mlp)[0])


def test_arguments_are_left_as_they_are(engine):
    case = Case([2, 9, 2], 30, "relu", "sigmoid")
    before = [tensor.clone() for tensor in (case.points, *case.weights, *case.biases, case.grad_values)]
    case.run(fused_mlp)
    for tensor, copy in zip((case.points, *case.weights, *case.biases, case.grad_values), before, strict=True):
        assert torch.equal(tensor, copy)


def engine_for(points=None, activation="sine", output_activation="none", weight=None):
    points = torch.zeros(4, 2) if points is None else points
    weight = torch.zeros(3, 2) if weight is None else weight
    return choose_engine(points, (weight, torch.zeros(3)), Pointwise(activation, (), output_activation))


@pytest.mark.parametrize(("kernels", "kind"), [*((name, NativeEngine) for name in BUILT), ("torch", TiledEngine)])
def test_float32_on_the_cpu_has_an_engine(monkeypatch, kernels, kind):
    monkeypatch.setenv("UNGRID_KERNELS", kernels)
    for activation in FAST:
        assert isinstance(engine_for(activation=activation), kind)
    assert isinstance(engine_for(weight=nn.Parameter(torch.zeros(3, 2))), kind)


@pytest.mark.parametrize(
    "arguments",
    [
        {"points": torch.zeros(4, 2, dtype=torch.float64)},
        {"points": torch.zeros(4, 2, device="meta")},
        {"weight": torch.zeros(3, 2, dtype=torch.float16)},
        {"weight": torch.zeros(3, 2).to_sparse()},
        {"points": torch.zeros(4, 2, dtype=torch.complex64).conj().imag},
        {"activation": "gelu"},
        {"output_activation": "exp"},
    ],
)
def test_what_no_engine_runs_goes_to_the_reference(arguments):
    assert engine_for(**arguments) is None


def test_autocast_forward_mode_and_transforms_go_to_the_reference():
    case, seen = Case([2, 9, 2], 5, "sine"), []

    def values(points):
        seen.append(choose_engine(points, (*case.weights, *case.biases), Pointwise("sine", (), "none")))
        return fused_mlp(points, case.weights, case.biases, **case.options)

    with torch.autocast("cpu"):
        values(case.points)
    with forward_ad.dual_level():
        slope = forward_ad.unpack_dual(values(forward_ad.make_dual(case.points, torch.ones_like(case.points)))).tangent
    rows = torch.func.vmap(torch.func.jacrev(values))(case.points)
    assert seen == [None, None, None]
    assert_close(slope, rows.sum(dim=-1))
    assert_close(torch.func.vmap(values)(case.points[:, None])[:, 0], values(case.points))


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobians_may_be_taken_all_rows_at_once(engine, vectorize):
    case = Case([2, 9, 3], 1, "sine")
    got, exact = (
        torch.autograd.functional.jacobian(
            lambda x, f=f: f(x, case.weights, case.biases, **case.options), case.points, vectorize=vectorize
        )
        for f in (fused_mlp, reference_mlp)
    )
    assert_close(got, exact)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_has_values(name):
    assert_agrees(Case([2, 9, 3], 5, name))


def test_an_unknown_activation_is_an_error_that_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'relu'"):
        Case([2, 9, 3], 5, "relo").run(fused_mlp)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda case: case.points.resize_(5, 4), "a layer that sees 4 features has weights"),
        (lambda case: case.biases.__setitem__(1, torch.zeros(4)), r"biases \(4,\), expected"),
        (lambda case: case.weights.__setitem__(0, torch.zeros(2, 9, 2)), r"expected \('fan_out', 2\)"),
        (lambda case: case.biases.pop(), "are no network"),
        (lambda case: (case.weights[0].resize_(0, 2), case.biases[0].resize_(0)), r"weights \(0, 2\)"),
        (lambda case: case.options.update(omegas=(1.0, 2.0)), "2 omegas are no network"),
    ],
)
def test_layers_that_do_not_follow_on_each_other_are_an_error(unchecked_types, change, message):
    case = Case([2, 9, 3], 5, "sine")
    change(case)
    with pytest.raises(InputError, match=message):
        fused_mlp(case.points, case.weights, case.biases, **case.options)


@pytest.mark.parametrize("offsets", [[0, 3], [1, 5], [0, 7, 5], [5]])
def test_offsets_that_do_not_rise_from_0_to_n_are_an_error(offsets):
    case = Case([2, 9, 3], 5, "sine", offsets=torch.tensor(offsets))
    with pytest.raises(InputError, match="offsets must rise"):
        fused_mlp(case.points, case.weights, case.biases, **case.options)
