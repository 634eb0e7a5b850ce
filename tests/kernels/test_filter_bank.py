import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import ShapeError
from ungrid.kernels.filter_bank import FilterBank
from ungrid.kernels.native_library import available, library, torch_only
from ungrid.terms.oriented import oriented_filters

needs_native = pytest.mark.skipif(library() is None, reason="no native kernels were built")
SHAPES = [(1, 1), (1, 40), (2, 5), (17, 33), (40, 64)]


def random(*shape, seed=0, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def assert_near(found, expected, rtol=2e-6):
    assert_close(found.double(), expected.double(), rtol=0, atol=rtol * float(expected.abs().max()) + 1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_normal_operator_is_symmetric_and_gives_the_weighted_energy(shape):
    bank, weights = oriented_filters(), random(13, *shape, dtype=torch.float64)
    a, b = (random(2, *shape, seed=seed, dtype=torch.float64) - 0.5 for seed in (1, 2))
    assert_close((bank.normal(weights, a) * b).sum(), (a * bank.normal(weights, b)).sum())
    energy = 2 * (weights * bank.energies(a)).sum()  # energies are means over two channels
    assert_close((bank.normal(weights, a) * a).sum(), energy)


def test_the_diagonal_is_that_of_the_operator_away_from_the_border():
    bank, weights = oriented_filters(), random(13, 20, 21, dtype=torch.float64)
    for y, x in [(10, 10), (7, 13)]:
        unit = torch.zeros(1, 20, 21, dtype=torch.float64)
        unit[0, y, x] = 1
        assert_close(bank.diagonal(weights)[y, x], bank.normal(weights, unit)[0, y, x])


def test_weights_are_precisions_of_the_most_likely_filters():
    energies_of = oriented_filters()
    stripes = torch.sin(torch.arange(64.0) / 2).expand(1, 64, 64).contiguous()
    weights = energies_of.weights(stripes.double(), 1e-3)[:, 32, 32]
    assert int(weights.argmax()) == 0  # smooth along y, with its energy across x
    assert float(weights[6]) < 1e-3 * float(weights[0])


@needs_native
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("instructions", available() or ["none"])
def test_native_agrees_with_the_reference_in_double_precision(monkeypatch, instructions, shape, threads):
    monkeypatch.setenv("UNGRID_KERNELS", instructions)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        bank, values, weights = oriented_filters(), random(2, *shape), random(13, *shape, seed=1)
        found = [bank.normal(weights, values), bank.diagonal(weights), bank.energies(values), bank.weights(values, 0.1)]
    finally:
        torch.set_num_threads(before)
    with torch_only():
        values, weights = values.double(), weights.double()
        expected = [bank.normal(weights, values), bank.diagonal(weights), bank.energies(values), bank.weights(values, 0.1)]
    scale = float(values.abs().max())
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float32
        assert_close(one.double(), other, rtol=1e-4, atol=2e-6 * max(scale, float(other.abs().max())))


@needs_native
def test_native_results_are_the_same_bits_at_any_number_of_threads():
    bank, values, weights = oriented_filters(), random(1, 70, 45), random(13, 70, 45, seed=1)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append((bank.normal(weights, values), bank.weights(values, 0.1)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, other) for result in results for one, other in zip(result, results[0], strict=True))


def test_views_count_as_what_they_show():
    bank, values = oriented_filters(), random(2, 30, 20).transpose(1, 2)
    assert torch.equal(bank.energies(values), bank.energies(values.contiguous()))


def test_filters_that_are_not_symmetric_or_even_are_refused():
    with pytest.raises(ShapeError, match="odd number of taps"):
        FilterBank(torch.ones(3, 4, 4))
    with pytest.raises(ShapeError, match=r"h\(-x\)"):
        FilterBank(random(3, 5, 5))
