import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError, ShapeError
from ungrid.fields.base import CACHE_POINTS, MOST_POINTS, Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Record
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.testing.contracts import check_field
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, unit_box


class Lit(Field):
    """A field with a further input: values = coord · direction + bias."""

    def __init__(self, box: Box):
        super().__init__()
        self.box, self.out_dim = box, 1
        self.bias = torch.nn.Parameter(torch.zeros(1))

    @property
    def input_names(self):
        return ("directions",)

    def values_at(self, coords, inputs=None):
        return (coords * inputs["directions"]).sum(dim=-1, keepdim=True) + self.bias


class Linear(Field):
    """The plainest field that an extension can be."""

    def __init__(self, box: Box):
        super().__init__()
        self.box, self.out_dim = box, 2
        self.slope = torch.nn.Parameter(torch.eye(box.dim, 2) + 0.5)

    def values_at(self, coords, inputs=None):
        return coords.square() @ self.slope


def a_field(box=None):
    return FIELD_EXAMPLES["EncodedField"](box or pixel_box(), 3, 0)


def test_a_field_of_ones_own_keeps_the_contract_with_the_defaults_of_the_base():
    check_field(Linear(unit_box(2)))


def test_lists_and_arrays_become_coords_of_the_fields_dtype():
    field = a_field()
    expected = field(torch.tensor([[1.5, 2.5]]))
    for coords in ([[1.5, 2.5]], ((1.5, 2.5),), np.array([[1.5, 2.5]]), np.array([[1.5, 2.5]], dtype=np.float32)):
        assert torch.equal(field(coords), expected)
    assert torch.equal(field([[1, 2]]), field([[1.0, 2.0]]))
    assert field.double()([[1.5, 2.5]]).dtype == torch.float64
    assert field([1.5, 2.5]).shape == (3,)


@pytest.mark.parametrize("coords", [[1.0], [[1.0, 2.0, 3.0]], [[[]]], 3.0])
def test_coords_of_another_length_are_refused(coords):
    with pytest.raises(ShapeError, match="do not end in 2"):
        a_field().as_coords(np.asarray(coords))


def test_inputs_are_named_and_none_is_ignored():
    field, coords = Lit(unit_box(2)), torch.zeros(1, 2)
    up = torch.ones(1, 2)
    assert field(coords, {"directions": up}).shape == (1, 1)
    for inputs in (None, {}, {"time": up}, {"directions": up, "time": up}):
        with pytest.raises(InputError, match=r"takes the inputs \('directions',\) beside coords"):
            field(coords, inputs)
    with pytest.raises(InputError, match=r"takes the inputs \(\) beside coords; got \('directions',\)"):
        a_field()(coords, {"directions": up})


def test_a_field_has_the_grid_of_the_signal_it_was_fitted_to():
    field = a_field()
    field.record = Record("image", (12, 16), ("r", "g", "b"))
    assert field.grid() == Grid(field.box, (12, 16))
    assert field.grid(4.0) == Grid(field.box, (48, 64))


@pytest.mark.parametrize("record", [None, Record("", (), ())])
def test_a_field_that_was_fitted_to_no_sampled_signal_has_no_grid(record):
    field = a_field()
    field.record = record
    with pytest.raises(InputError, match="say where to look with Grid"):
        field.grid()


def test_metrics_are_those_of_the_record():
    field = a_field()
    assert field.metrics == {}
    field.record = Record("image", (12, 16), ("r", "g", "b"), metrics={"quality": {"psnr": 30.0}})
    assert field.metrics["quality"]["psnr"] == 30.0


def test_sampling_takes_no_more_points_at_once_than_memory_allows():
    field, seen = a_field(), []
    field.on = lambda grid: seen.append(grid.size) or torch.zeros(*grid.shape, 3)
    field.sample(Grid(field.box, (12, 16)), max_memory=10 * field.bytes_per_point())
    assert max(seen) <= 10
    assert sum(seen) == 12 * 16
    assert field.chunk_points(0) == 1
    assert field.chunk_points() == field.chunk_points(2**60) == MOST_POINTS


def test_wide_fields_take_fewer_points_at_once(monkeypatch):
    field = a_field()
    for width, expected in ((0, MOST_POINTS), (300, 32_000), (3000, CACHE_POINTS)):
        monkeypatch.setattr(field, "width_sum", lambda width=width: width)
        assert field.chunk_points() == pytest.approx(expected, rel=0.1)
        assert field.chunk_points(1000 * field.bytes_per_point()) == 1000


def test_a_part_of_a_grid_is_sampled_as_that_part_of_the_whole():
    field, grid = a_field().double(), Grid(pixel_box(), (12, 16))
    region = {"y": (3.0, 9.0), "x": (4.0, 16.0)}
    assert_close(field.sample(grid.crop(region)), field.sample(grid)[3:9, 4:16])


def test_the_number_of_parameters_is_counted():
    field = a_field()
    assert field.n_params == sum(p.numel() for p in field.parameters())
    assert field.outputs == {"values": 3}
    assert field.in_dim == 2


def test_a_field_is_as_smooth_as_its_least_smooth_part():
    box = unit_box(2)
    smoothness = {
        "siren": EncodedField(box, Identity(2), Siren(2, 1, 4)).smoothness,
        "relu": EncodedField(box, FourierFeatures(2, 4), Mlp(8, 1, 4)).smoothness,
        "cubic": EncodedField(box, DenseGrid(2, ((2, 2),), interpolation="cubic"), Mlp(2, 1, 4, activation="tanh")).smoothness,
        "linear": EncodedField(box, DenseGrid(2, ((2, 2),)), Mlp(2, 1, 4, activation="tanh")).smoothness,
    }
    assert smoothness == {"siren": math.inf, "relu": 0, "cubic": 2, "linear": 0}
