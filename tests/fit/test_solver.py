"""Solving in place of descent."""

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.domain.sampling import Batch
from ungrid.errors import InputError, TargetNotMet
from ungrid.fit.solver import SplineSolver
from ungrid.signals.series import from_columns
from ungrid.testing.toys import unit_box

T = np.arange(200.0)
NOISY = np.sin(T / 9) + 0.2 * np.random.default_rng(0).normal(size=200)


def test_a_solved_fit_is_the_same_bits_each_time():
    first, second = (ug.fit(from_columns(NOISY, T), callbacks=[]) for _ in range(2))
    assert all(map(torch.equal, first.parameters(), second.parameters()))


def test_a_target_lowers_the_penalty_and_says_so():
    field = ug.fit(from_columns(NOISY, T), preset="best", target_psnr=45.0, callbacks=[])
    assert field.metrics["quality"]["psnr"] > 45
    assert "the penalty was lowered" in field.record.fit["notes"][0]


def test_a_target_out_of_reach_is_reported():
    with pytest.raises(TargetNotMet):
        ug.fit(from_columns(NOISY, T), target_psnr=200.0, callbacks=[])


def test_a_field_of_another_structure_is_refused():
    field = ug.presets.siren(unit_box(1), 1, width=4, depth=1)
    with pytest.raises(InputError, match="a spline is solved for"):
        SplineSolver((1.0,)).solve(field, Batch(torch.zeros(3, 1), torch.zeros(3, 1)))
