import pytest
import torch

from ungrid.classical.cubic_gaps import across_gaps


@pytest.mark.parametrize("cubic", [True, False])
def test_a_line_is_continued_exactly(cubic):
    line = torch.arange(50, dtype=torch.float64) * 0.3 - 2
    known = torch.ones(50, dtype=torch.bool)
    known[10:17] = known[19:20] = known[30:31] = False
    torch.testing.assert_close(across_gaps(line.where(known, torch.zeros(())), known, cubic=cubic), line)


def test_a_cubic_rounds_off_a_clipped_peak():
    wave = torch.sin(torch.linspace(0, torch.pi, 60, dtype=torch.float64))
    known = wave < 0.9
    found = across_gaps(wave.clamp_max(0.9), known)
    assert found.max() > 0.96
    assert (found - wave).abs().max() < 0.04


def test_beyond_the_known_samples_the_value_stays():
    known = torch.tensor([False, False, True, True, False])
    assert across_gaps(torch.tensor([0.0, 0.0, 2.0, 3.0, 0.0]), known).tolist() == [2.0, 2.0, 2.0, 3.0, 3.0]
