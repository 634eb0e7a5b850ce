import itertools

import pytest
import torch

from ungrid.errors import InputError, ShapeError
from ungrid.fields.ensemble import EnsembleField
from ungrid.fields.uncertain import LEVELS, Calibration
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, unit_box


def a_field(box=None):
    return FIELD_EXAMPLES["EnsembleField"](box or pixel_box(), 3, 0)


def test_uncalibrated_it_is_a_gaussian_of_noise_and_variance():
    calibration = Calibration()
    assert calibration.spread(torch.tensor([[3.0, 13.0, 100.0]])).item() == pytest.approx(4.0)
    assert float(calibration.factor(0.9)) == pytest.approx(1.6449, abs=1e-4)
    assert float(calibration.factor(0.5)) == pytest.approx(0.6745, abs=1e-4)


def test_factors_grow_with_coverage_from_zero_and_are_linear_in_between():
    calibration = Calibration()
    factors = [float(calibration.factor(i / 100)) for i in range(96)]
    assert factors[0] == 0
    assert all(low < high for low, high in itertools.pairwise(factors))
    middle = (LEVELS[0] + LEVELS[1]) / 2
    assert float(calibration.factor(middle)) == pytest.approx(float(calibration.factors[:2].mean()))


@pytest.mark.parametrize("coverage", [-0.1, 0.96, 1.0, float("nan")])
def test_a_coverage_that_was_not_calibrated_is_refused(coverage):
    with pytest.raises(InputError, match=r"expected 0 to 0\.95"):
        a_field().interval([[1.0, 1.0]], coverage)


@pytest.mark.parametrize("leading", [(), (0,), (2, 3)])
def test_deviations_and_intervals_have_the_shape_of_the_values(leading):
    field, coords = a_field(unit_box(2)), torch.zeros(*leading, 2)
    low, high = field.interval(coords, 0.5)
    assert field.deviation(coords).shape == low.shape == high.shape == field(coords).shape == (*leading, 3)
    assert bool((low <= field(coords)).all())
    assert bool((field(coords) <= high).all())


def test_deviations_take_numbers_and_refuse_wrong_coords(unchecked_types):
    field = a_field()
    torch.testing.assert_close(field.deviation([[1.0, 2.0]]), field.deviation(torch.tensor([[1.0, 2.0]])))
    with pytest.raises(ShapeError):
        field.deviation(torch.zeros(2, 3))
    with pytest.raises(InputError, match="convert one of them"):
        field.deviation(torch.zeros(2, 2, dtype=torch.float64))


def test_detail_is_the_mean_squared_change_over_one_spacing():
    field = a_field()
    here = torch.tensor([[5.0, 7.0]])
    around = torch.tensor([[4.75, 7.0], [5.25, 7.0], [5.0, 6.75], [5.0, 7.25]])
    expected = (field(around) - field(here)).square().mean(dim=0)
    torch.testing.assert_close(field.terms(here)[0, :, 2], expected, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_a_spacing_that_is_none_is_refused(spacing):
    with pytest.raises(InputError, match="expected the distance of samples"):
        EnsembleField(a_field().members, spacing)
