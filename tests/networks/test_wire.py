import math

import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError, UnknownName
from ungrid.networks.wire import WAVELETS, Wire, gabor, gabor_2d, real_gabor, units


def n_params(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("wavelet", "count"), [("complex", 133_403), ("complex_2d", 133_638)])
def test_a_wire_of_the_paper_has_as_many_real_numbers_as_the_authors(wavelet, count):
    # their modules/wire.py and wire2d.py with 2 inputs, 3 outputs, 256 features, 2 hidden layers; complex numbers are two
    assert n_params(Wire(2, 3, 256, depth=3, wavelet=wavelet)) == count


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_a_hidden_layer_has_as_many_parameters_as_a_real_one_of_its_width(wavelet):
    of_a_layer = n_params(Wire(2, 3, 300, depth=4, wavelet=wavelet)) - n_params(Wire(2, 3, 300, depth=3, wavelet=wavelet))
    assert_close(of_a_layer / 300**2, 1.0, atol=0.015, rtol=0)


@pytest.mark.parametrize(("width", "parity", "count"), [(256, math.sqrt(2), 181), (256, 2.0, 128), (1, 2.0, 1)])
def test_units_are_rounded_down_and_never_none(width, parity, count):
    assert units(width, parity) == count


def test_a_complex_wavelet_is_bounded_by_its_window():
    # |exp(jωu − s²|u|²)| = exp(−ω Im u − s²|u|²) ≤ exp(ω² / 4s²), reached at u = −jω / 2s²
    omega, scale = 3.0, 2.0
    real, imaginary = (4 * torch.rand(2, 10_000, generator=torch.Generator().manual_seed(0)) - 2).unbind()
    sizes = torch.complex(*gabor((real, imaginary), omega, scale)).abs()
    peak = math.exp(omega**2 / (4 * scale**2))
    assert 0.99 * peak < sizes.max() <= peak * (1 + 1e-6)
    summit = gabor((torch.zeros(1), torch.tensor([-omega / (2 * scale**2)])), omega, scale)
    assert_close(summit[0].item(), peak)


def test_the_second_map_of_the_other_forms_is_a_window():
    at, window = torch.linspace(-1, 1, 9), torch.linspace(0, 0.5, 9)
    size = torch.exp(-((3 * window) ** 2))
    plain = torch.complex(*gabor((at,), 4.0, 3.0))
    assert_close(torch.complex(*gabor_2d((torch.cat([at, window]),), 4.0, 3.0)), plain * size)
    assert_close(real_gabor((torch.cat([at, window]),), 4.0, 3.0)[0], torch.cos(4 * at) * size)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_memory_is_counted_for_both_parts_of_every_complex_number(wavelet):
    network = Wire(2, 3, 64, depth=2, wavelet=wavelet)
    n_units = units(64, network.kind.parity)
    parts = 2 if network.kind.is_complex else 1
    assert network.width_sum() >= 2 * n_units * network.kind.n_maps + parts * 3


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"width": 0}, {"first_omega": 0.0}, {"hidden_omega": math.nan}, {"scale": -1.0}])
def test_arguments_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=r"depth|width|omega|scale"):
        Wire(**{"in_dim": 2, "out_dim": 1, "width": 8, **wrong})


def test_an_unknown_wavelet_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'complex_2d'"):
        Wire(2, 1, 8, wavelet="complex2d")
