import math

import jaxtyping
import pytest
import torch

from ungrid.errors import InputError, ShapeError
from ungrid.metrics.error import max_abs_error, mse, psnr

WRONG_SHAPE = (ShapeError, jaxtyping.TypeCheckError)  # whichever check speaks first


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (7,), (5, 3), (9, 11, 4), (2, 3, 4, 1)])
def test_a_constant_offset_of_a_tenth_is_20_dB(shape, dtype):
    reference = torch.full(shape, 0.25, dtype=dtype)
    assert psnr(reference + 0.1, reference) == pytest.approx(20, abs=1e-5)
    assert mse(reference + 0.1, reference) == pytest.approx(0.01, rel=1e-6)
    assert max_abs_error(reference + 0.1, reference) == pytest.approx(0.1, rel=1e-6)


def test_psnr_rises_by_20_dB_when_the_peak_is_ten_times_as_large():
    values = torch.linspace(0, 1, 50)
    assert psnr(values, values**2, peak=10.0) == pytest.approx(psnr(values, values**2) + 20)


def test_an_exact_match_has_infinite_psnr_and_no_error():
    values = torch.rand(4, 5, 3, generator=torch.Generator().manual_seed(0))
    assert psnr(values, values.clone()) == math.inf
    assert mse(values, values.clone()) == 0
    assert max_abs_error(values, values.clone()) == 0


def test_mse_pools_all_channels_before_the_logarithm():
    reference = torch.zeros(2, 1, 2)
    result = reference + torch.tensor([0.1, 0.3])
    assert mse(result, reference) == pytest.approx((0.01 + 0.09) / 2)


def test_many_chunks_give_the_mean_of_the_whole():
    rows, columns = 600, 4000  # more than one chunk of 2²⁰ values
    reference = torch.zeros(rows, columns)
    result = (torch.arange(rows, dtype=torch.float32) / rows)[:, None].expand(rows, columns)
    exact = sum((i / rows) ** 2 for i in range(rows)) / rows
    assert mse(result, reference) == pytest.approx(exact, rel=1e-6)
    assert max_abs_error(result, reference) == pytest.approx((rows - 1) / rows)


def test_a_nan_is_not_hidden():
    values = torch.tensor([0.0, math.nan, 1.0])
    for metric in (mse, psnr, max_abs_error):
        assert math.isnan(metric(values, torch.zeros(3)))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(WRONG_SHAPE):
        mse(torch.zeros(3), torch.zeros(1))  # would broadcast
    with pytest.raises(InputError, match="nothing to compare"):
        mse(torch.zeros(0, 3), torch.zeros(0, 3))
    with pytest.raises((InputError, jaxtyping.TypeCheckError)):
        mse(torch.zeros(3, dtype=torch.uint8), torch.ones(3, dtype=torch.uint8))  # would wrap around
    for peak in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="peak"):
            psnr(torch.zeros(3), torch.ones(3), peak=peak)
