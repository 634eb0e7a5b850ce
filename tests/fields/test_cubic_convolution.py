import pytest
import torch
from torch.testing import assert_close

from ungrid.fields.cubic_convolution import at_points, extended, keys_weights, on_axes, on_samples, span_of


def samples_of(*shape, seed=0):
    return torch.randn((*shape, 2), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_weights_sum_to_one_and_are_one_on_a_sample():
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    weights = keys_weights(t)
    assert_close(weights.sum(dim=-1), torch.ones_like(t))
    assert weights[0].tolist() == [0, 1, 0, 0]
    assert weights[-1].tolist() == [0, 0, 1, 0]
    assert keys_weights(torch.tensor(0.5)).tolist() == [-1 / 16, 9 / 16, 9 / 16, -1 / 16]


def test_parabolas_inside_and_lines_everywhere_are_exact():
    place = torch.linspace(1, 5, 33, dtype=torch.float64)[:, None]
    index = torch.arange(7, dtype=torch.float64)[:, None]
    assert_close(at_points(index.square() - 3 * index, place), place.square() - 3 * place)
    everywhere = torch.linspace(-0.5, 6.5, 57, dtype=torch.float64)[:, None]
    assert_close(at_points(2 * index + 1, everywhere), 2 * everywhere + 1)


@pytest.mark.parametrize("shape", [(6,), (4, 5), (3, 2, 4)])
def test_values_on_samples_are_the_samples(shape):
    samples = samples_of(*shape)
    axes = [torch.arange(n, dtype=torch.float64) for n in shape]
    assert torch.equal(on_axes(samples, axes), samples)
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    assert_close(at_points(samples, places), samples)


@pytest.mark.parametrize("shape", [(1,), (2,), (6,), (4, 5), (1, 5), (3, 2, 4)])
def test_a_grid_along_its_axes_is_its_points(shape):
    samples = samples_of(*shape)
    axes = [torch.linspace(-0.5, n - 0.5, 4 + axis, dtype=torch.float64) for axis, n in enumerate(shape)]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    assert_close(on_axes(samples, axes), at_points(samples, places))


def test_a_block_with_its_span_gives_what_all_samples_give():
    samples = samples_of(12)
    for low, high in [(-0.5, 1.2), (3.1, 4.9), (10.2, 11.5), (0.0, 11.0), (4.0, 4.0), (5.3, 5.3)]:
        positions = torch.linspace(low, high, 7, dtype=torch.float64)
        first, end = span_of(positions, 12)
        assert_close(on_axes(samples[first:end], [positions - first]), on_axes(samples, [positions]))
    assert span_of(torch.tensor([3.0, 4.0]), 12) == (3, 5)
    assert span_of(torch.tensor([3.5]), 12) == (2, 6)
    assert span_of(torch.tensor([-0.5, 11.5]), 12) == (0, 12)


def test_beyond_half_a_sample_outside_the_nearest_place_answers():
    samples = samples_of(5)
    inside, outside = torch.tensor([[-0.5], [4.5]], dtype=torch.float64), torch.tensor([[-7.0], [9.0]], dtype=torch.float64)
    assert torch.equal(at_points(samples, outside), at_points(samples, inside))
    assert at_points(samples, torch.full((1, 1), float("nan"), dtype=torch.float64)).isnan().all()


def test_the_first_derivative_is_continuous_and_the_second_is_not():
    samples = samples_of(6)[:, :1]
    beside = torch.tensor([[2 - 1e-9], [2 + 1e-9]], dtype=torch.float64).requires_grad_(True)
    (slope,) = torch.autograd.grad(at_points(samples, beside).sum(), beside, create_graph=True)
    assert_close(slope[0], slope[1], rtol=0, atol=1e-7)
    (curvature,) = torch.autograd.grad(slope.sum(), beside)
    assert (curvature[0] - curvature[1]).abs() > 0.1


def test_the_samples_go_on_along_the_line_through_the_last_two():
    assert extended(torch.tensor([[1.0], [3.0], [4.0]])).squeeze(-1).tolist() == [-3, -1, 1, 3, 4, 5, 6]
    assert extended(torch.tensor([[2.0]])).squeeze(-1).tolist() == [2.0] * 5


def test_positions_on_samples_are_told_from_others():
    assert on_samples(torch.tensor([0.0, 2.0, 5.0]), 6)
    assert not on_samples(torch.tensor([0.0, 2.0, 6.0]), 6)
    assert not on_samples(torch.tensor([0.0, 2.1]), 6)
