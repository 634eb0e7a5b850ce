import pytest
import torch

from ungrid.errors import InputError
from ungrid.terms.gabor import GaborFrame


@pytest.mark.parametrize(("n", "size"), [(1000, 64), (50, 256), (1, 8), (777, 12)])
def test_the_frame_is_tight(n, size):
    values = torch.randn(n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    frame = GaborFrame(n, size)
    torch.testing.assert_close(frame.A_adjoint(frame.A(values)), values)


def test_the_waves_have_the_energy_of_the_sound():
    values = torch.randn(500, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    waves = GaborFrame(500, 64).A(values).abs().square()
    both_signs = 2 * waves.sum() - waves[:, 0].sum() - waves[:, -1].sum()
    torch.testing.assert_close(both_signs, values.square().sum())


def test_a_tone_is_a_few_waves_of_each_frame():
    values = torch.sin(2 * torch.pi * 1000 / 8000 * torch.arange(4000, dtype=torch.float64))
    sizes = GaborFrame(4000, 512).A(values)[5].abs().sort(descending=True).values
    assert sizes[3:].square().sum() < 1e-3 * sizes.square().sum()


@pytest.mark.parametrize("size", [4, 30, 0])
def test_a_frame_is_whole_quarters(size):
    with pytest.raises(InputError, match="multiple of 4"):
        GaborFrame(100, size)
