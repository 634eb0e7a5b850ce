import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.cppn import Cppn
from ungrid.networks.mlp import Mlp
from ungrid.networks.palette import CosinePalette
from ungrid.spec import from_spec, to_spec


def as_it_is():
    """A network that hands on its two features."""
    network = Mlp(2, 2, depth=0)
    with torch.no_grad():
        network.layers[0].weight.copy_(torch.eye(2))
        network.layers[0].bias.zero_()
    return network


def test_colors_are_the_formula():
    palette = CosinePalette(as_it_is(), seed=3)
    t, q = 0.7, -0.4
    a, f, phi = palette.amplitude, palette.frequency, palette.phase
    shade = 0.35 + 0.65 / (1 + math.exp(-2 * q))
    expected = shade * (0.5 + a * torch.cos(2 * math.pi * (f * math.tanh(t) + phi)))
    assert_close(palette(torch.tensor([t, q])), expected)


def test_a_shade_of_one_leaves_light_as_it_is():
    palette = CosinePalette(as_it_is(), shade=1.0)
    assert_close(palette(torch.tensor([0.2, -9.0])), palette(torch.tensor([0.2, 9.0])))


def test_no_spread_gives_shades_of_gray_but_for_the_channels_own_amplitudes():
    palette = CosinePalette(as_it_is(), spread=0.0)
    assert_close(palette.phase, palette.phase[:1].expand(3))


@pytest.mark.parametrize("seed", range(8))
def test_colors_stay_between_black_and_white_and_use_much_of_what_lies_there(seed):
    palette = CosinePalette(as_it_is(), seed=seed)
    colors = palette(torch.cartesian_prod(torch.linspace(-2, 2, 40), torch.linspace(-2, 2, 9)))
    assert colors.min() > 0
    assert colors.max() < 1
    assert (colors.amax(dim=0) - colors.amin(dim=0)).max() > 0.4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"network": Cppn(2, 3, 4, depth=1)}, "a palette colors 2 values, place and shade; the network gives 3"),
        ({"out_dim": 0}, "out_dim is 0"),
        ({"spread": 1.5}, "spread is 1.5"),
        ({"shade": -0.1}, "shade is -0.1"),
        ({"shade": math.nan}, "shade is nan"),
    ],
)
def test_arguments_out_of_range_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        CosinePalette(**{"network": as_it_is(), **wrong})


def test_a_palette_is_rebuilt_with_the_network_inside():
    palette = CosinePalette(Cppn(3, 2, 4, depth=2, seed=1), spread=0.3, shade=0.5, seed=2)
    rebuilt = from_spec(to_spec(palette), {"Cppn": Cppn, "CosinePalette": CosinePalette})
    assert to_spec(rebuilt) == to_spec(palette)
    assert all(map(torch.equal, rebuilt.parameters(), palette.parameters()))
    assert palette.width_sum() > palette.network.width_sum()
