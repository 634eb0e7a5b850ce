import math

import pytest
import torch

from ungrid.bench.papers.fourier_features_ct import PUBLISHED, SETTING, TurnedMeans, encoding_of, phantom, scanned_phantom
from ungrid.bench.papers.setting import FULL, REDUCED, Work
from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.scanners import ParallelBeam
from ungrid.measurements.line_integrals import LineIntegral


def pixels(side):
    return Grid(Box(("y", "x"), ((0.0, float(side)),) * 2), (side, side))


def test_a_view_is_the_mean_over_rows_and_a_quarter_turn_about_a_pixel_that_over_columns():
    values = torch.arange(16.0).reshape(4, 4, 1)
    straight, turned = TurnedMeans(pixels(4), (0.0, math.pi / 2), (2.5, 2.5)).A(values)[..., 0]
    torch.testing.assert_close(straight, torch.tensor([6.0, 7.0, 8.0, 9.0]))
    # rows 0 to 3; column 0 is turned out of sight, as the axis lies half a pixel beyond the middle
    torch.testing.assert_close(turned, torch.tensor([6.0, 18.0, 30.0, 42.0]) / 4)


def test_the_projectors_adjoint_is_its_adjoint():
    rng = torch.Generator().manual_seed(0)
    sensor = TurnedMeans(pixels(9), (0.2, 1.3, 2.9), (4.5, 4.5))
    values, seen = torch.rand(9, 9, 1, generator=rng).double(), torch.rand(3, 9, 1, generator=rng).double()
    torch.testing.assert_close((sensor.A(values) * seen).sum(), (values * sensor.A_adjoint(seen)).sum())


def test_scans_of_the_notebooks_projector_are_line_integrals_of_the_opposite_angle():
    scanned = scanned_phantom(32, 0)
    scanner = ParallelBeam([-angle for angle in scanned.angles], 32, (16.5, 16.5))
    integrals = LineIntegral(scanned.grid, scanner).A(scanned.truth)
    error = (integrals / 32 - scanned.views).abs().mean()
    assert len(scanned.angles) == 20
    assert error < 0.05 * scanned.views.mean()


def test_each_phantom_is_another_head_of_values_from_0_to_1():
    first, second = phantom(32, 0), phantom(32, 1)
    assert not torch.equal(first, second)
    assert torch.equal(first, phantom(32, 0))
    assert first.min() == 0
    assert 0.8 < first.max() <= 1


def test_encodings_and_rates_are_the_notebooks_for_shepp_logan():
    assert [encoding_of(method, 0)[1] for method in PUBLISHED] == [1e-2, 1e-2, 1e-3, 1e-3]
    positional, gaussian = encoding_of("positional", 0)[0], encoding_of("gaussian", 0)[0]
    assert positional.max_octave == 3
    # the notebook's 4, for coordinates of half the range
    assert gaussian.bandwidth == 2
    assert [published.psnr for published in PUBLISHED.values()] == [16.75, 23.31, 26.89, 28.33]


@pytest.mark.parametrize(("size", "n_phantoms"), [(REDUCED, 1), (FULL, 8)])
def test_the_full_scale_has_the_notebooks_eight_phantoms(size, n_phantoms, monkeypatch):
    monkeypatch.setattr("ungrid.bench.papers.fourier_features_ct.scanned_phantom", lambda side, seed: None)
    found = list(SETTING.cases(Work(SETTING.scales[size], {})))
    assert len({case.data for case in found}) == n_phantoms
    assert {case.method for case in found} >= {*PUBLISHED, "tomography", "filtered back projection"}
