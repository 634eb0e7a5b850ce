import json
import math
from pathlib import Path

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.errors import InputError
from ungrid.spec import from_spec, to_spec

GOLDEN = Path(__file__).parents[1] / "golden" / "siren_fourier_hash.json"


def test_features_are_cosines_then_sines_of_the_rows_of_b():
    encoding = FourierFeatures(2, 3, bandwidth=2.0)
    coords = torch.tensor([0.3, -0.2])
    phases = [2 * math.pi * float(row @ coords) for row in encoding.frequencies]
    expected = [math.cos(p) for p in phases] + [math.sin(p) for p in phases]
    assert_close(encoding(coords), torch.tensor(expected), atol=1e-5, rtol=0)


def test_inner_product_of_features_estimates_the_gaussian_kernel():
    # Bochner: E cos 2πb·δ = exp(-2π²σ²|δ|²) for b ~ N(0, σ²)
    m, sigma = 65536, 0.8
    encoding = FourierFeatures(2, m, bandwidth=sigma)
    first, second = torch.tensor([0.1, 0.2]), torch.tensor([0.3, 0.05])
    kernel = encoding(first) @ encoding(second) / m
    expected = math.exp(-2 * (math.pi * sigma) ** 2 * float((first - second).square().sum()))
    assert_close(kernel.item(), expected, atol=4 / math.sqrt(2 * m), rtol=0)


def test_bandwidth_is_the_standard_deviation_of_the_frequencies():
    assert_close(FourierFeatures(3, 20_000, bandwidth=7.0).frequencies.std().item(), 7.0, atol=0.1, rtol=0)


def test_the_seed_alone_decides_the_frequencies():
    torch.manual_seed(1)
    first = FourierFeatures(2, 8, seed=3).frequencies
    torch.manual_seed(2)
    assert torch.equal(first, FourierFeatures(2, 8, seed=3).frequencies)
    assert not torch.equal(first, FourierFeatures(2, 8, seed=4).frequencies)


def test_octaves_start_at_zero_and_follow_the_length_of_the_rows():
    encoding = FourierFeatures(1, 4, bandwidth=1.0)
    encoding.frequencies.copy_(torch.tensor([[0.1], [1.0], [-4.0], [2.0]]))
    assert encoding.octaves().tolist() == [0, 1, 3, 2] * 2  # 0.1 is slower than one period per box


def test_derivatives_are_exact():
    encoding = FourierFeatures(2, 3, bandwidth=1.0).double()
    coords = (torch.rand(3, 2, dtype=torch.float64) * 2 - 1).requires_grad_()
    assert gradcheck(encoding, coords)
    assert gradgradcheck(encoding, coords)


@pytest.mark.parametrize("wrong", [{"in_dim": 0}, {"n_frequencies": 0}, {"bandwidth": 0.0}, {"bandwidth": math.inf}])
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        FourierFeatures(**{"in_dim": 2, **wrong})


def test_fourier_features_are_rebuilt_from_their_spec():
    encoding = FourierFeatures(2, 5, bandwidth=3.0, seed=4)
    rebuilt = from_spec(to_spec(encoding), {"FourierFeatures": FourierFeatures})
    assert to_spec(rebuilt) == to_spec(encoding)
    assert torch.equal(rebuilt.frequencies, encoding.frequencies)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_features_are_those_of_the_papers_formula(dtype, atol):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    known = golden["fourier_features"]
    encoding = FourierFeatures(2, 3).to(dtype)
    encoding.load_state_dict({"frequencies": torch.tensor(known["frequencies"], dtype=dtype)})
    points, expected = torch.tensor(golden["points"], dtype=dtype), torch.tensor(known["values"], dtype=dtype)
    torch.testing.assert_close(encoding(points), expected, atol=atol, rtol=0)
