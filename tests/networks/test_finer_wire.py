import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.finer_wire import FinerWire


def test_a_layer_of_real_inputs_is_a_wavelet_of_a_chirp():
    network = FinerWire(1, 1, 2, depth=1, scale=2.0, wave_omega=4.0, omega=5.0).double()
    first, last = network.layers
    torch.nn.init.ones_(first.weight)
    torch.nn.init.zeros_(first.bias)
    torch.nn.init.zeros_(last.bias)
    with torch.no_grad():
        last.weight.copy_(torch.tensor([[[0.7, -0.4]]]))
    at = torch.linspace(-1, 1, 11, dtype=torch.float64)[:, None]
    z = torch.sin(5 * (at.abs() + 1) * at)
    expected = torch.exp(-4 * z**2) * (0.7 * torch.cos(4 * z) + 0.4 * torch.sin(4 * z))
    assert_close(network(at), expected)


def test_a_width_stands_for_as_many_parameters_as_a_real_network_has():
    counts = [sum(weight.numel() for weight in FinerWire(2, 3, 256, depth=depth).parameters()) for depth in (3, 4)]
    assert_close((counts[1] - counts[0]) / 256**2, 1.0, atol=0.015, rtol=0)


@pytest.mark.parametrize("name", ["scale", "omega", "wave_omega"])
def test_a_factor_out_of_range_is_refused(name):
    with pytest.raises(InputError, match=name):
        FinerWire(2, 1, 8, **{name: 1e9})
