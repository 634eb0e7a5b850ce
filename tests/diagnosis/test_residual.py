import math

import pytest
import torch

from ungrid.diagnosis.residual import compare, neighbor_correlation, residual_findings
from ungrid.errors import InputError
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, tiny_picture

RNG = torch.Generator().manual_seed(0)
NOISE = torch.randn(64, 64, 1, generator=RNG, dtype=torch.float64)
FIELD = FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0)


def waves(*cycles):
    x = (torch.arange(64, dtype=torch.float64) + 0.5) / 64
    return sum(torch.sin(2 * math.pi * n * x) for n in cycles)[None, :, None].expand(64, 64, 1) * 0.2 + 0.5


def names(values, truth):
    return [finding.name for finding in residual_findings(FIELD, values, truth)]


def test_neighbors_in_noise_are_strangers_and_in_a_wave_they_are_alike():
    assert abs(neighbor_correlation(NOISE)) < 0.03
    expected = (math.cos(2 * math.pi * 4 / 64) + 1) / 2  # along the wave, and across it
    assert neighbor_correlation(waves(4) + 7) == pytest.approx(expected, abs=0.02)
    assert neighbor_correlation(torch.zeros(4, 4, 1)) == 0.0
    assert neighbor_correlation(torch.ones(1, 1, 1)) == 0.0


def test_detail_that_is_left_out_is_told_with_the_highest_frequency_shown():
    (finding,) = residual_findings(FIELD, waves(2), waves(2, 12))
    assert finding.name == "band_limited"
    assert finding.evidence["highest_frequency"] == pytest.approx(1 / 16)
    assert finding.evidence["share_of_error_left_out"] > 0.9


def test_structure_of_the_residual_is_too_small_a_field():
    assert names(0.7 * waves(2) + 0.15, waves(2)) == ["underfitted"]


def test_noise_and_a_good_fit_are_no_fault():
    assert names(waves(2) + 0.05 * NOISE, waves(2)) == []
    assert names(waves(2) + 0.001 * NOISE, waves(2)) == []
    assert names(waves(2), waves(2)) == []


@pytest.mark.parametrize("values", [torch.full((64, 64, 1), 0.5), torch.zeros(64, 64, 1), waves(5)])
def test_what_is_no_better_than_one_color_is_nothing(values):
    assert names(values.double(), waves(2)) == ["nothing_learned"]


def test_another_signal_than_the_fields_is_refused():
    with pytest.raises(InputError, match="expected the signal that the field was fitted to"):
        compare(FIELD, tiny_picture(13, 16))
    with pytest.raises(InputError, match="1 on"):
        compare(FIELD, tiny_picture(12, 16, channels=("gray",)))
    values, truth = compare(FIELD, tiny_picture(12, 16))
    assert values.shape == truth.shape == (12, 16, 3)
