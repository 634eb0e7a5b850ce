"""Penalized splines against what they are in the limits, and against SciPy's."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ungrid.fit.smoothing import cross_validated, natural, spline, splined

AT = torch.linspace(0.3, 39.7, 60, dtype=torch.float64)


def test_a_straight_line_is_kept_at_any_penalty():
    line = 2 * AT - 5
    for penalty in (1e-6, 1.0, 1e7):
        assert_close(splined(AT, spline(AT, line, 40, penalty)), line, rtol=0, atol=1e-6)


def test_a_large_penalty_gives_the_straight_line_of_least_squares():
    values = AT.sin()
    line = np.polyval(np.polyfit(AT.numpy(), values.numpy(), 1), AT.numpy())
    assert_close(splined(AT, spline(AT, values, 40, 1e9)), torch.from_numpy(line), rtol=0, atol=1e-5)


def test_a_small_penalty_goes_through_the_samples():
    assert_close(splined(2 * AT, spline(2 * AT, AT.sin(), 80, 1e-9)), AT.sin(), rtol=0, atol=1e-6)


def test_samples_without_weight_do_not_count():
    values = AT.sin()
    weight = torch.ones(60, dtype=torch.float64)
    weight[20] = 0
    wrong = values.clone()
    wrong[20] = 1e6
    assert_close(spline(AT, wrong, 40, 0.1, weight), spline(AT, values, 40, 0.1, weight))


def test_the_natural_spline_is_that_of_scipy():
    interpolate = pytest.importorskip("scipy.interpolate")
    wanted = torch.linspace(1, 39, 101, dtype=torch.float64)
    theirs = interpolate.CubicSpline(AT.numpy(), AT.sin().numpy(), bc_type="natural")(wanted.numpy())
    assert_close(natural(AT, AT.sin(), wanted), torch.from_numpy(theirs))


def test_noise_asks_for_a_large_penalty_and_a_clean_wave_for_none():
    rng = torch.Generator().manual_seed(0)
    at = torch.arange(300, dtype=torch.float64) + 0.5
    clean = (at / 10).sin()
    noisy = clean + 0.3 * torch.randn(300, generator=rng, dtype=torch.float64)
    calm, wild = (cross_validated(at, values, 300, torch.Generator().manual_seed(1)) for values in (clean, noisy))
    assert wild.penalty > 100 * calm.penalty
    assert wild.error < 0.8 * wild.interpolated
