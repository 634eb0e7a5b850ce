import pytest
import torch
from torch.testing import assert_close

from ungrid.measurements.values import PointValues, select_channels
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box


def a_field():
    return FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0)


def test_a_point_sensor_sees_the_value_at_the_point():
    field, query = a_field(), torch.rand(5, 2)
    assert torch.equal(PointValues()(field, query), field(query))


@pytest.mark.parametrize("channels", [(0,), (2, 0), (1, 1)])
def test_a_sensor_of_some_channels_sees_those_in_that_order(channels):
    field, query = a_field(), torch.rand(5, 2)
    assert torch.equal(PointValues(channels)(field, query), field(query)[:, list(channels)])


def test_a_field_of_all_channels_is_the_field_itself():
    field = a_field()
    assert select_channels(field, None) is field


def test_a_point_sensor_is_linear_in_the_field():
    query = torch.rand(5, 2, dtype=torch.float64)
    first, second = (lambda x: x.sin()), (lambda x: x.square())
    both = PointValues()(lambda x: 2 * first(x) - 3 * second(x), query)
    assert_close(both, 2 * PointValues()(first, query) - 3 * PointValues()(second, query))
