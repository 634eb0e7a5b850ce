import math

import torch
import torch.nn.functional as F
from torch.testing import assert_close

from ungrid.networks.complex_linear import affine, complex_linear, complex_sine, squared_size, wave


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def both_forms(*shape):
    parts = draw(*shape), draw(*shape, seed=1)
    return parts, torch.complex(*parts)


def test_a_complex_layer_is_complex_arithmetic_on_real_weights():
    layer = complex_linear(3, 4, torch.Generator().manual_seed(0)).double()
    assert [weight.dtype for weight in layer.parameters()] == [torch.float64] * 2
    parts, values = both_forms(5, 3)
    expected = F.linear(values, torch.view_as_complex(layer.weight), torch.view_as_complex(layer.bias))
    assert_close(torch.complex(*affine(layer, parts)), expected)


def test_real_and_imaginary_weights_each_have_the_bounds_of_a_real_layer():
    usual = complex_linear(100, 50, torch.Generator().manual_seed(0))
    narrow = complex_linear(100, 50, torch.Generator().manual_seed(0), bound=0.01)
    for layer, bound in ((usual, 0.1), (narrow, 0.01)):
        for part in layer.weight.unbind(-1):
            assert 0.98 * bound < part.abs().max() <= bound
            assert_close(part.std().item(), bound / math.sqrt(3), rtol=0.03, atol=0)
        assert layer.bias.abs().max() <= 0.1


def test_waves_sines_and_sizes_are_those_of_complex_numbers():
    parts, values = both_forms(6)
    decay = draw(6, seed=2).square()
    assert_close(torch.complex(*wave(parts, 2.5, decay)), torch.exp(2.5j * values - decay))
    assert_close(torch.complex(*wave(parts[:1], 2.5, decay)), torch.exp(2.5j * parts[0] - decay))
    assert_close(torch.complex(*complex_sine(parts)), torch.sin(values))
    assert_close(complex_sine(parts[:1])[0], torch.sin(parts[0]))
    assert_close(squared_size(parts), values.abs().square())
    assert_close(squared_size(parts[:1]), parts[0].square())
