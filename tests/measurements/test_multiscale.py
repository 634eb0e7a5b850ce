import pytest
import torch

from ungrid.measurements.multiscale import MultiscaleValues
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, plane_wave


def test_the_sensor_sees_every_level_from_coarse_to_fine():
    field, query = FIELD_EXAMPLES["MultiscaleField"](pixel_box(), 3, 0), torch.rand(5, 2)
    seen = MultiscaleValues()(field, query)
    assert seen.shape == (5, 2, 3)
    assert torch.equal(seen, field.levels(query))


def test_a_field_without_levels_counts_as_one_level():
    wave, query = plane_wave((1.0, 2.0)), torch.rand(5, 2)
    assert torch.equal(MultiscaleValues()(wave, query)[:, 0], wave(query))


@pytest.mark.parametrize("channels", [(0,), (2, 0)])
def test_a_sensor_of_some_channels_sees_those_at_every_level(channels):
    field, query = FIELD_EXAMPLES["MultiscaleField"](pixel_box(), 3, 0), torch.rand(5, 2)
    assert torch.equal(MultiscaleValues(channels)(field, query), field.levels(query)[..., list(channels)])


def test_finer_coords_than_the_field_tells_apart_are_rounded_to_its_own():
    field, query = FIELD_EXAMPLES["MultiscaleField"](pixel_box(), 3, 0), torch.rand(5, 2)
    assert torch.equal(MultiscaleValues()(field, query.double()), field.levels(query))
