import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from ungrid.encodings.frequency import Frequency, LogFrequency
from ungrid.errors import InputError
from ungrid.spec import from_spec, to_spec


def test_frequency_is_sines_and_cosines_of_doubled_angles():
    y, x = 0.3, -0.7
    features = Frequency(2, 2)(torch.tensor([y, x], dtype=torch.float64))
    angles = [math.pi * y, 2 * math.pi * y, math.pi * x, 2 * math.pi * x]
    expected = [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
    assert_close(features, torch.tensor(expected, dtype=torch.float64))


def test_included_coords_come_first():
    coords = torch.rand(4, 3)
    features = Frequency(3, 5, include_coords=True)(coords)
    assert_close(features[:, :3], coords)
    assert_close(features[:, 3:], Frequency(3, 5)(coords))


def test_one_frequency_is_the_basic_mapping_up_to_sign_and_order():
    coords = torch.rand(7, 2, dtype=torch.float64) * 2 - 1
    unit = (coords + 1) / 2
    basic = torch.cat([torch.cos(2 * torch.pi * unit), torch.sin(2 * torch.pi * unit)], dim=-1)
    sines, cosines = Frequency(2, 1)(coords).split(2, dim=-1)
    assert_close(-torch.cat([cosines, sines], dim=-1), basic)


def test_each_pair_of_waves_lies_on_the_unit_circle():
    for encoding in (Frequency(2, 6), LogFrequency(2, 6, 5.0)):
        sines, cosines = encoding(torch.rand(9, 2)).chunk(2, dim=-1)
        assert_close(sines**2 + cosines**2, torch.ones_like(sines))


def test_log_frequency_has_the_notebooks_features_on_unit_coords():
    n, max_octave = 7, 4.0
    unit = torch.rand(11, 2, dtype=torch.float64)
    per_axis = 2 ** torch.linspace(0, max_octave, n, dtype=torch.float64) - 1
    zeros = torch.zeros_like(per_axis)
    rows = torch.cat([torch.stack([per_axis, zeros], -1), torch.stack([zeros, per_axis], -1)])
    phase = 2 * torch.pi * unit @ rows.T
    expected = torch.cat([phase.sin(), phase.cos()], dim=-1)
    assert_close(LogFrequency(2, n, max_octave)(2 * unit - 1), expected, atol=1e-12, rtol=0)


def test_octaves_count_doublings_of_the_frequency():
    assert Frequency(1, 3).octaves().tolist() == [0, 1, 2, 0, 1, 2]
    assert Frequency(1, 2, include_coords=True).octaves().tolist() == [0, 1, 2, 1, 2]
    assert LogFrequency(1, 3, 4.0).octaves().tolist() == [0, 2, 4, 0, 2, 4]


@pytest.mark.parametrize("encoding", [Frequency(2, 3, include_coords=True), LogFrequency(2, 4, 3.0)])
def test_derivatives_are_exact(encoding):
    coords = (torch.rand(3, 2, dtype=torch.float64) * 2 - 1).requires_grad_()
    assert gradcheck(encoding, coords)
    assert gradgradcheck(encoding, coords)


def test_arguments_out_of_range_are_refused():
    for wrong in ({"in_dim": 0}, {"n_frequencies": 0}, {"n_frequencies": 65}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Frequency(**{"in_dim": 2, "n_frequencies": 4, **wrong})
    for wrong in ({"in_dim": 17}, {"n_frequencies": 0}, {"max_octave": math.nan}, {"max_octave": -1.0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            LogFrequency(**{"in_dim": 2, "n_frequencies": 4, "max_octave": 3.0, **wrong})


@pytest.mark.parametrize("encoding", [Frequency(2, 3, include_coords=True), LogFrequency(2, 4, 3.0)])
def test_frequencies_are_rebuilt_from_their_spec(encoding):
    rebuilt = from_spec(to_spec(encoding), {"Frequency": Frequency, "LogFrequency": LogFrequency})
    coords = torch.rand(4, 2)
    assert to_spec(rebuilt) == to_spec(encoding)
    assert_close(rebuilt(coords), encoding(coords), rtol=0, atol=0)
