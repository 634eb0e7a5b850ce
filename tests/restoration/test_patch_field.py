import math

import pytest
import torch

from ungrid.classical.total_variation import total_variation
from ungrid.metrics.error import psnr
from ungrid.restoration.patch_field import patch_field


def stripes(height=48, width=48):
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    return (0.5 + 0.4 * torch.sin(2 * math.pi * (x + 0.5 * y) / 6).sign())[..., None]


def test_a_texture_is_learned_from_the_noisy_picture_alone():
    truth = stripes()
    noisy = truth + 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    found = psnr(patch_field(noisy, 0.1, torch.Generator().manual_seed(0)), truth)
    assert found > psnr(total_variation(noisy, 0.07).values, truth) + 3


@pytest.mark.parametrize("shape", [(1, 5, 1), (3, 4, 2), (9, 8, 3)])
def test_small_pictures_have_fields_too(shape):
    found = patch_field(torch.rand(shape, generator=torch.Generator().manual_seed(0)), 0.1, torch.Generator().manual_seed(0))
    assert found.shape == shape
    assert bool(found.isfinite().all())


def test_bands_of_patches_give_what_the_whole_gives(monkeypatch):
    noisy = stripes(40, 30) + 0.1 * torch.randn(40, 30, 1, generator=torch.Generator().manual_seed(0))
    whole = patch_field(noisy, 0.1, torch.Generator().manual_seed(0))
    monkeypatch.setattr("ungrid.restoration.patch_field.BAND", 24 * 5)
    torch.testing.assert_close(patch_field(noisy, 0.1, torch.Generator().manual_seed(0)), whole, atol=1e-5, rtol=0)
