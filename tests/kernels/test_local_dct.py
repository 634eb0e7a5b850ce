"""Overlapping DCT blocks: identities of the transform, and the native operations against those of PyTorch."""

import math

import pytest
import torch
from scipy.fft import dctn
from torch.testing import assert_close

from ungrid.errors import ShapeError
from ungrid.kernels.local_dct import NATIVE_BLOCKS, LocalDct
from ungrid.kernels.native_library import available, torch_only

SETS = available()
needs_native = pytest.mark.skipif(not SETS, reason="no native kernels on this machine")
GRIDS = [  # with one block, with fewer and more of them than a vector has lanes, and with several tiles and bands
    *(((n,), (16,)) for n in (16, 20, 600)),
    *(((b + 1, b), (b, b)) for b in range(4, 9)),
    *((shape, (b, b)) for b in (6, 8) for shape in ((8, 40), (45, 290))),
    *((shape, (4, 4, 4)) for shape in ((4, 4, 4), (22, 6, 19), (5, 7, 265))),
]


def any_values(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def any_weights(dct, dtype=torch.float32):
    return any_values(*dct.spectrum_shape, seed=1, dtype=dtype).square()


def all_results(dct, values):
    weights = any_weights(dct, values.dtype)
    return [
        dct.energies(values),
        dct.energies(values, spread=1.5),
        dct.normal(weights, values),
        dct.diagonal(weights),
    ]


def assert_near(found, expected, rtol=1e-6):
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other.to(one.dtype), rtol=0, atol=rtol * other.abs().max().item())


@pytest.mark.parametrize("block", [(5,), (3, 4), (2, 3, 4)])
def test_coefficients_are_those_of_the_orthonormal_dct(block):
    shape = tuple(n + 2 for n in block)
    dct, values = LocalDct(shape, block), any_values(1, *shape, dtype=torch.float64)
    energies = dct.energies(values)
    place = tuple(range(len(block)))  # 0 along the first axis, 1 along the second …
    part = values[0, *(slice(p, p + n) for p, n in zip(place, block, strict=True))]
    expected = dctn(part.numpy(), norm="ortho").reshape(-1)[1:] ** 2
    assert_close(energies[*place[:-1], :, place[-1]], torch.from_numpy(expected))


@pytest.mark.parametrize("block", [(5,), (3, 4), (2, 3, 4)])
def test_the_operator_is_half_the_gradient_of_the_weighted_sum_of_squares(block):
    shape = tuple(n + 3 for n in block)
    dct, values = LocalDct(shape, block), any_values(2, *shape, dtype=torch.float64).requires_grad_()
    weights = any_weights(dct, torch.float64)
    (2 * weights * dct.energies(values)).sum().backward()  # two channels, averaged
    assert_close(dct.normal(weights, values.detach()), values.grad / 2)


def test_the_diagonal_is_that_of_the_operator_as_a_matrix():
    dct = LocalDct((6, 7), (3, 4))
    weights = any_weights(dct, torch.float64)
    unit = torch.eye(42, dtype=torch.float64).view(42, 6, 7)  # each sample in a channel of its own
    assert_close(dct.diagonal(weights).flatten(), dct.normal(weights, unit).view(42, 42).diagonal())


@pytest.mark.parametrize("shape", [(20,), (9, 11), (6, 5, 7)])
def test_a_constant_has_no_energy_and_is_in_the_null_space(shape):
    dct = LocalDct(shape, tuple(4 for _ in shape))
    flat = torch.full((1, *shape), 3.0, dtype=torch.float64)
    assert dct.energies(flat).abs().max() < 1e-24
    assert dct.normal(any_weights(dct, torch.float64), flat).abs().max() < 1e-12


def test_the_spread_average_has_gaussian_weights_and_repeats_the_ends():
    dct, values = LocalDct((9, 1), (1, 1)), torch.zeros(1, 9, 1)
    assert dct.energies(values, spread=2.0).shape == (9, 0, 1)  # a block of one sample has but the constant
    dct = LocalDct((10, 2), (2, 2))
    values = torch.zeros(1, 10, 2, dtype=torch.float64)
    values[0, 5, 0] = 2.0  # energy 1 of each coefficient at the places 4 and 5
    bell = [math.exp(-0.5 * (i / 1.5) ** 2) for i in range(-3, 4)]
    expected = [sum(bell[i - p + 3] / sum(bell) for p in (4, 5) if abs(i - p) <= 3) for i in range(9)]
    assert_close(dct.energies(values, spread=1.5)[:, 0, 0], torch.tensor(expected, dtype=torch.float64))
    ends = torch.zeros(1, 10, 2, dtype=torch.float64)
    ends[0, 0, 0] = 2.0  # at the first place, which stands for those before it, too
    assert dct.energies(ends, spread=1.5)[0, 0, 0].item() == pytest.approx(sum(bell[3:]) / sum(bell))


@needs_native
@pytest.mark.parametrize("instructions", SETS)
@pytest.mark.parametrize(("shape", "block"), GRIDS)
def test_native_results_are_the_references(monkeypatch, instructions, shape, block):
    monkeypatch.setenv("UNGRID_KERNELS", instructions)
    dct, values = LocalDct(shape, block), any_values(2, *shape)
    assert block in NATIVE_BLOCKS
    found = all_results(dct, values)
    with torch_only():
        assert_near(found, all_results(dct, values.double()))
        assert_near(all_results(dct, values), all_results(dct, values.double()))


@needs_native
def test_strided_tensors_are_taken_and_nothing_is_changed():
    dct = LocalDct((30, 25), (8, 8))
    values, weights = any_values(3, 30, 25), any_weights(dct)
    expected = [dct.energies(values), dct.normal(weights, values), dct.diagonal(weights)]
    strided, strided_weights = values.mT.contiguous().mT, weights.mT.contiguous().mT
    before = strided.clone(), strided_weights.clone()
    found = [dct.energies(strided), dct.normal(strided_weights, strided), dct.diagonal(strided_weights)]
    assert all(map(torch.equal, found, expected))
    assert torch.equal(strided, before[0])
    assert torch.equal(strided_weights, before[1])


@needs_native
@pytest.mark.parametrize(("shape", "block"), [((700,), (16,)), ((70, 30), (8, 8)), ((40, 9, 11), (4, 4, 4))])
def test_the_number_of_threads_changes_no_bit(shape, block):
    dct, values, before = LocalDct(shape, block), any_values(2, *shape), torch.get_num_threads()
    found = {}
    try:
        for n_threads in (1, 2, 5):
            torch.set_num_threads(n_threads)
            found[n_threads] = all_results(dct, values)
    finally:
        torch.set_num_threads(before)
    for n_threads in (2, 5):
        assert all(map(torch.equal, found[1], found[n_threads]))


@pytest.mark.parametrize(("shape", "block"), [((5, 5), (6, 6)), ((5, 5), (4,)), ((5,), (0,))])
def test_blocks_that_do_not_fit_are_refused(shape, block):
    with pytest.raises(ShapeError, match="do not fit"):
        LocalDct(shape, block)


@pytest.mark.usefixtures("unchecked_types")
def test_tensors_of_another_shape_or_type_are_refused():
    dct = LocalDct((9, 9), (6, 6))
    values, weights = any_values(1, 9, 9), any_weights(dct)
    with pytest.raises(ShapeError, match=r"one channel of \(9, 9\) samples; got \(1, 9, 8\)"):
        dct.energies(values[..., :8])
    with pytest.raises(ShapeError, match="at least one channel"):
        dct.normal(weights, values[:0])
    with pytest.raises(ShapeError, match=r"expected weights of shape \(4, 35, 4\)"):
        dct.normal(weights[:, 1:], values)
    with pytest.raises(ShapeError, match=r"in torch.float32 on cpu; got .* in torch.float64"):
        dct.normal(weights.double(), values)
    with pytest.raises(ShapeError, match="expected weights"):
        dct.diagonal(weights[1:])
