import itertools

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.encodings.interpolation import KERNELS, axis_taps, interpolate_axes, interpolate_points, over_corners

T = torch.linspace(0, 1, 33, dtype=torch.float64)
EVERY_KERNEL = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


@EVERY_KERNEL
def test_weights_are_a_partition_of_unity(kernel):
    weights = kernel.weights(T)
    assert weights.shape == (33, kernel.n_taps)
    assert (weights >= 0).all()
    assert_close(weights.sum(-1), torch.ones_like(T))


@EVERY_KERNEL
def test_weights_are_mirrored_when_the_cell_is(kernel):
    assert_close(kernel.weights(1 - T), kernel.weights(T).flip(-1))


@pytest.mark.parametrize(("name", "smoothness"), [("linear", 0), ("smoothstep", 1), ("cubic", 2)])
def test_kernels_are_as_smooth_as_they_say(name, smoothness):
    n_taps, weights, said = KERNELS[name]
    assert said == smoothness
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for order in range(smoothness + 1):
        derivatives = [lambda t, tap=tap: weights(t)[..., tap] for tap in range(n_taps)]
        for _ in range(order):
            derivatives = [torch.func.grad(derivative) for derivative in derivatives]
        start, end = ([float(derivative(at)) for derivative in derivatives] for at in ends)
        # the tap that is number k of one cell is number k - 1 of the next
        assert_close([0.0, *start], [*end, 0.0], atol=1e-12, rtol=0)


def test_cubic_weights_at_a_node_are_one_sixth_two_thirds_one_sixth():
    assert_close(KERNELS["cubic"].weights(torch.zeros(())), torch.tensor([1 / 6, 2 / 3, 1 / 6, 0]))


@EVERY_KERNEL
def test_taps_at_both_ends_stay_on_the_grid(kernel):
    nodes, weights = axis_taps(torch.tensor([-1.0, 1.0, -7.0, 7.0, torch.nan]), 5, kernel)
    assert nodes.min() == 0
    assert nodes.max() == 5 + kernel.n_taps - 2
    assert_close(weights[2:4], weights[:2])
    assert weights[4].isnan().any()


def test_corners_change_fastest_along_the_last_axis():
    parts = [torch.tensor([0, 100]), torch.tensor([0, 10]), torch.tensor([0, 1])]
    assert over_corners(torch.add, parts).tolist() == [0, 1, 10, 11, 100, 101, 110, 111]


@EVERY_KERNEL
@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_points_are_sums_over_all_nodes_of_products_of_axis_weights(kernel, d):
    cells = (3, 2, 4, 1)[:d]
    table = torch.randn(*[n + kernel.n_taps - 1 for n in cells], 2, dtype=torch.float64)
    coords = torch.rand(d, dtype=torch.float64) * 2 - 1
    taps = [axis_taps(x, n, kernel) for x, n in zip(coords, cells, strict=True)]
    expected = torch.zeros(2, dtype=torch.float64)
    for combination in itertools.product(range(kernel.n_taps), repeat=d):
        node = tuple(int(nodes[tap]) for tap, (nodes, _) in zip(combination, taps, strict=True))
        weight = torch.stack([weights[tap] for tap, (_, weights) in zip(combination, taps, strict=True)]).prod()
        expected = expected + weight * table[node]
    assert_close(interpolate_points(table, coords, cells, kernel), expected)


@EVERY_KERNEL
def test_axes_give_the_same_values_and_gradients_as_points(kernel):
    cells = (3, 5)
    table = torch.randn(*[n + kernel.n_taps - 1 for n in cells], 2, dtype=torch.float64, requires_grad=True)
    axes = [torch.linspace(-1, 1, 7, dtype=torch.float64), torch.linspace(-0.9, 1, 4, dtype=torch.float64)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    on_axes, on_points = interpolate_axes(table, axes, cells, kernel), interpolate_points(table, points, cells, kernel)
    assert_close(on_axes, on_points)
    gradients = [torch.autograd.grad(values.sin().sum(), table)[0] for values in (on_axes, on_points)]
    assert_close(*gradients)


@EVERY_KERNEL
def test_derivatives_to_table_and_coords_are_exact(kernel):
    table = torch.randn(2 + kernel.n_taps, 1 + kernel.n_taps, 2, dtype=torch.float64, requires_grad=True)
    coords = torch.tensor([[-0.7, 0.1], [0.5, -0.3]], dtype=torch.float64, requires_grad=True)

    def interpolated(table, coords):
        return interpolate_points(table, coords, (3, 2), kernel)

    assert gradcheck(interpolated, (table, coords))
    assert gradgradcheck(interpolated, (table, coords))


def test_the_gradient_to_the_table_is_the_same_bits_each_time():
    table = torch.randn(33, 33, 2, requires_grad=True)
    coords = torch.rand(20_000, 2) * 2 - 1

    def gradient():
        values = interpolate_points(table, coords, (32, 32), KERNELS["linear"])
        return torch.autograd.grad(values.square().sum(), table)[0]

    first = gradient()
    assert all(torch.equal(first, gradient()) for _ in range(5))
