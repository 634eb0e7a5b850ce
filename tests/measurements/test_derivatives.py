import pytest
import torch
from torch.testing import assert_close

from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.errors import InputError
from ungrid.fields.encoded import EncodedField
from ungrid.measurements.derivatives import Gradient, Laplacian
from ungrid.networks.mlp import Mlp
from ungrid.testing.toys import gaussian_bump, plane_wave, unit_box


@pytest.mark.parametrize("known", [plane_wave((1.5, -2.0), 0.4), gaussian_bump((0.1, -0.2), 0.7)])
def test_sensors_of_change_see_the_closed_forms(known):
    query = torch.rand(6, 2, dtype=torch.float64)
    assert_close(Gradient()(known, query), known.gradient(query))
    assert_close(Laplacian()(known, query), known.laplacian(query))


@pytest.mark.parametrize("channels", [(0,), (1, 0)])
def test_a_sensor_of_some_channels_differentiates_those(channels):
    first, second = plane_wave((1.0, 2.0)), plane_wave((-3.0, 0.5))
    query = torch.rand(4, 2, dtype=torch.float64)
    known = [first, second]

    def field(coords):
        return torch.cat([first(coords), second(coords)], dim=-1)

    assert_close(Gradient(channels)(field, query), torch.cat([known[c].gradient(query) for c in channels], dim=-2))
    assert_close(Laplacian(channels)(field, query), torch.cat([known[c].laplacian(query) for c in channels], dim=-1))


@pytest.mark.parametrize("sensor", [Gradient(), Laplacian()])
def test_a_sensor_of_change_is_linear_in_the_field_and_blind_to_a_constant(sensor):
    query = torch.rand(5, 2, dtype=torch.float64)
    first, second = plane_wave((1.0, 2.0)), gaussian_bump((0.5, 0.5), 0.3)
    both = sensor(lambda x: 2 * first(x) - 3 * second(x) + 7, query)
    assert_close(both, 2 * sensor(first, query) - 3 * sensor(second, query))


def test_a_field_with_kinks_is_not_measured_by_its_laplacian():
    field = EncodedField(unit_box(2), FourierFeatures(2, 4), Mlp(8, 1, 4))
    with pytest.raises(InputError, match="kinks"):
        Laplacian()(field, torch.zeros(3, 2))
