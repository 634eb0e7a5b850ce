import json
import math
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.networks.bacon import Bacon, whole_bands

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "bacon.json").read_text(encoding="utf-8"))


def fitted_anyhow(network, seed=1):
    """The network in float64, every parameter moved at random, as a fit may move it."""
    network = network.double()
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
    return network


def one_period(dim, n):
    """n points along each axis of [-1, 1), without its end [*shape, d]."""
    axis = -1 + 2 * torch.arange(n, dtype=torch.float64) / n
    return torch.stack(torch.meshgrid(*[axis] * dim, indexing="ij"), dim=-1)


def spectrum(values, dim):
    """Energy of each whole frequency, in cycles over the box, summed over channels."""
    return torch.fft.fftn(values, dim=tuple(range(dim))).abs().square().sum(dim=-1)


def beyond(limits, n):
    """Which frequencies of n samples along each axis lie above the limit along some axis [*shape]."""
    whole = torch.fft.fftfreq(n, d=1 / n, dtype=torch.float64).abs()
    axes = torch.meshgrid(*[whole > 2 * limit + 1e-9 for limit in limits], indexing="ij")
    return torch.stack(axes).any(dim=0)


@pytest.mark.parametrize(
    ("dim", "bandwidth", "n"), [(1, (20.0,), 256), (2, (8.0,), 96), (2, (3.0, 10.0), 96), (3, (2.0, 1.0, 1.5), 24)]
)
def test_no_output_has_energy_above_its_band_limit(dim, bandwidth, n):
    network = fitted_anyhow(Bacon(dim, 2, 24, depth=5, bandwidth=bandwidth, output_layers=(1, 2, 3, 5)))
    with torch.no_grad():
        outputs = network.outputs(one_period(dim, n))
    for level, limits in enumerate(network.band_limits):
        assert len(limits) == dim
        energy = spectrum(outputs[..., level, :], dim)
        assert energy[beyond(limits, n)].sum() <= 1e-20 * energy.sum()  # 1e-10 of the amplitude


def test_the_band_limit_is_met_and_not_only_kept():
    network = fitted_anyhow(Bacon(1, 1, 64, depth=3, bandwidth=(6.0,)))
    energy = spectrum(network(one_period(1, 64)).detach(), 1)
    assert network.band_limits[-1] == (6.0,)
    assert energy[12] > 1e-6 * energy.sum()  # 6 cycles per unit are 12 over the box


def test_an_output_is_the_fourier_series_of_its_samples_everywhere():
    network = fitted_anyhow(Bacon(1, 1, 16, depth=3, bandwidth=(4.0,)))
    n = 24  # more than 2 · 8 frequencies
    with torch.no_grad():
        coefficients = torch.fft.fft(network(one_period(1, n))[:, 0]) / n
        x = torch.rand(40, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 6 - 3  # of period 2, too
        turns = (x + 1) / 2 * torch.fft.fftfreq(n, d=1 / n, dtype=torch.float64)
        series = (torch.exp(2j * math.pi * turns) * coefficients).sum(dim=-1).real
        assert_close(network(x)[:, 0], series, atol=1e-9, rtol=1e-9)


def test_a_grid_that_a_level_fits_sees_its_spectrum_without_aliasing():
    network = fitted_anyhow(Bacon(2, 1, 16, depth=4, bandwidth=(8.0,)))
    level = network.level_for((17, 17))
    assert network.band_limits[level] == (4.0, 4.0)
    with torch.no_grad():
        fine, small = (network.at_level(one_period(2, n), level)[..., 0] for n in (64, 17))
    kept = torch.fft.fftfreq(17, d=1 / 17).long()  # the small grid's frequencies among the fine one's
    seen = torch.fft.fft2(fine)[kept[:, None], kept] / 64**2
    assert_close(torch.fft.fft2(small) / 17**2, seen, atol=1e-9, rtol=1e-9)


def test_outputs_are_the_recursion_of_the_paper_in_its_own_coordinates():
    weights = {name: torch.tensor(values, dtype=torch.float64) for name, values in GOLDEN["weights"].items()}
    total = sum(GOLDEN["layer_bands"])
    shares = tuple(band / total for band in GOLDEN["layer_bands"])
    network = Bacon(2, 1, 3, depth=4, bandwidth=(total / 2,), layer_shares=shares, output_layers=(1, 2, 3, 4)).double()
    assert [bands[0] for bands in network.layer_bands] == GOLDEN["layer_bands"]
    state = {name: weights[name] for name in ("frequencies", "phases")}
    for ours, theirs in (("hidden", "hidden"), ("heads", "head")):
        for layer, weight in enumerate(weights[f"{theirs}_weights"]):
            state |= {f"{ours}.{layer}.weight": weight, f"{ours}.{layer}.bias": weights[f"{theirs}_biases"][layer]}
    network.load_state_dict(state)
    points = 2 * torch.tensor(GOLDEN["points_in_half_units"], dtype=torch.float64)
    expected = torch.tensor(GOLDEN["outputs"], dtype=torch.float64)
    assert_close(network.outputs(points), expected, atol=1e-9, rtol=1e-9)
    for level in range(4):
        assert_close(network.at_level(points, level), expected[:, level], atol=1e-9, rtol=1e-9)
    assert torch.equal(network(points), network.at_level(points, 3))


def test_frequencies_are_whole_uniform_up_to_the_layers_band_and_fixed():
    network = Bacon(2, 1, 20_000, depth=1, bandwidth=(5.0, 2.0))
    assert not network.frequencies.requires_grad
    assert "frequencies" not in dict(network.named_parameters())
    assert torch.equal(network.frequencies, network.frequencies.round())
    for axis, k in enumerate((10, 4)):
        values, counts = network.frequencies[0, :, axis].unique(return_counts=True)
        assert values.tolist() == list(range(-k, k + 1))
        assert_close(counts / 20_000, torch.full((2 * k + 1,), 1 / (2 * k + 1)), rtol=0.15, atol=0)


def test_activations_keep_their_mean_square_of_one_half_from_layer_to_layer():
    # E z² = E sin² · (2 E z² + 1/(3n)) = E z², for weights U(±√(6/n)) and biases U(±1/√n): the paper's initialization
    network = Bacon(2, 1, 512, depth=8, bandwidth=(64.0,))
    coords = 2 * torch.rand(512, 2, generator=torch.Generator().manual_seed(0)) - 1
    with torch.no_grad():
        first, *others = network._filters(coords, 8).unbind(dim=-2)
        values, spread = first, [first.square().mean().item()]
        for layer, filtered in zip(network.hidden, others, strict=True):
            values = filtered * layer(values)
            spread.append(values.square().mean().item())
    assert_close(spread, [0.5] * 8, rtol=0.2, atol=0)
    for layer in (*network.hidden, *network.heads):
        assert layer.weight.abs().max() <= math.sqrt(6 / 512)
        assert layer.bias.abs().max() <= 1 / math.sqrt(512)


@pytest.mark.parametrize("shares", [None, (0.125, 0.125, 0.25, 0.25, 0.25), (0.0, 0.3, 0.3, 0.3, 0.1)])
@pytest.mark.parametrize("bandwidth", [(0.0,), (0.4,), (3.7,), (25.0,), (100 / 3,)])
def test_no_rounding_takes_a_layer_above_its_share_of_the_band(shares, bandwidth):
    given = shares or (0.2,) * 5
    bands = [layer[0] for layer in whole_bands(bandwidth, given, 1, 5)]
    for layer in range(1, 6):
        assert sum(bands[:layer]) / 2 <= bandwidth[0] * sum(given[:layer]) + 1e-6
    assert sum(bands) == math.floor(2 * bandwidth[0])


def test_the_picture_setting_has_a_quarter_a_half_and_all_of_the_samples_nyquist_frequency():
    shares = (0.125, 0.125, 0.25, 0.25, 0.25)
    network = Bacon(2, 1, 8, bandwidth=(64.0,), layer_shares=shares, output_layers=(2, 3, 5))
    assert network.band_limits == ((16.0, 16.0), (32.0, 32.0), (64.0, 64.0))
    assert [network.level_for((n, n)) for n in (64, 127, 128, 255, 256, 1000)] == [0, 0, 1, 1, 2, 2]
    assert network.level_for((1000, 64)) == 0
    with pytest.raises(InputError, match=r"\(63, 64\) samples are too few for the coarsest output, which needs \(64, 64\)"):
        network.level_for((63, 64))


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": 0},
        {"bandwidth": (-1.0,)},
        {"bandwidth": (1.0, 2.0, 3.0)},
        {"bandwidth": (math.inf,)},
        {"layer_shares": (0.5, 0.4)},
        {"layer_shares": (1.0,)},
        {"layer_shares": ()},
        {"output_layers": ()},
        {"output_layers": (1,)},
        {"output_layers": (2, 1)},
        {"output_layers": (0, 2)},
        {"output_layers": (2, 2)},
    ],
)
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Bacon(**{"in_dim": 2, "out_dim": 1, "width": 8, "depth": 2, **wrong})


@pytest.mark.parametrize("level", [-1, 2, True])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(InputError, match="level is"):
        Bacon(2, 1, 8, depth=3).at_level(torch.rand(3, 2), level)
