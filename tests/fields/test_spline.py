import math

import numpy as np
import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.spline import SplineField
from ungrid.testing.examples import spline_field
from ungrid.testing.toys import unit_box


def test_with_equal_codes_it_is_the_uniform_spline_of_scipy():
    interpolate = pytest.importorskip("scipy.interpolate")
    field = SplineField(Box(("t",), ((0.0, 5.0),), ("s",)), 1, 10, 3).double()
    with torch.no_grad():
        field.nodes.copy_(torch.linspace(-1, 1, 13)[:, None].sin() * torch.arange(13)[:, None])
    at = np.linspace(0, 4.999, 57)
    theirs = interpolate.BSpline(np.arange(-3, 14), field.nodes.detach().numpy()[:, 0], 3)(at * 2)
    np.testing.assert_allclose(field(at[:, None]).detach().numpy()[:, 0], theirs, atol=1e-12)


def test_places_are_the_integral_of_the_density():
    field = spline_field(unit_box(1), 1)
    at = torch.linspace(-1, 1, 4001, dtype=torch.float64)
    places = field.places(at)
    assert places[0].abs() < 1e-12
    assert math.isclose(float(places[-1]), field.n_cells)
    slope = places.diff() / at.diff()
    assert (slope > 0).all()
    assert (slope.diff().abs() / slope[1:]).max() < 0.01  # smooth across windows


def test_a_code_eight_higher_is_twice_the_density():
    field = SplineField(unit_box(1), 1, 90, 40)
    codes = torch.zeros(43, dtype=torch.uint8)
    codes[21:] = 8
    field.get_buffer("codes").copy_(codes)
    first, middle, last = (float(place) for place in field.places(torch.tensor([-1.0, 0.0, 1.0])))
    assert math.isclose((last - middle) / (middle - first), 2, rel_tol=0.03)


def test_samples_of_an_hour_are_told_apart():
    n, rate = 159_000_000, 44_100
    field = SplineField(Box(("t",), ((0.0, n / rate),), ("s",)), 1, 64)
    index = torch.tensor([0, 1, n // 3, n - 2, n - 1])
    seconds = (index.double() + 0.5) / rate
    places = field.places(field.box.normalize(seconds[:, None])[:, 0])
    assert ((places * (n / 64) - 0.5 - index).abs() < 1e-4).all()
    assert field([[3600.0]]).dtype == torch.float32
    part = Grid(field.box, (n,)).part((slice(n - 3, n),))
    torch.testing.assert_close(field.on(part), field(seconds[-3:, None][[0, 1, 2]]), atol=1e-5, rtol=0)


def test_it_has_one_axis():
    with pytest.raises(InputError, match="a spline has one axis"):
        SplineField(unit_box(2), 1, 4)
