import math

import pytest
import torch

from ungrid.classical.total_variation import total_variation
from ungrid.errors import InputError


def test_a_step_keeps_its_place_and_loses_as_much_height_as_the_closed_form_says():
    step = torch.cat([torch.zeros(10), torch.ones(30)])[:, None].double()
    found = total_variation(step, 0.5, tolerance=1e-8, max_iterations=1500)
    expected = torch.cat([torch.full((10,), 0.5 / 10), torch.full((30,), 1 - 0.5 / 30)])[:, None].double()
    torch.testing.assert_close(found.values, expected, atol=1e-4, rtol=0)


def test_it_agrees_with_scikit_images_converged_one():
    restoration = pytest.importorskip("skimage.restoration")
    noisy = torch.rand(24, 20, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    theirs = restoration.denoise_tv_chambolle(noisy[..., 0].numpy(), 0.1, eps=1e-7, max_num_iter=1000)
    ours = total_variation(noisy, 0.1, tolerance=1e-6)
    torch.testing.assert_close(ours.values[..., 0], torch.from_numpy(theirs), atol=2e-3, rtol=0)


def test_a_strong_weight_leaves_the_mean_of_each_channel():
    noisy = torch.rand(8, 9, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = total_variation(noisy, 50.0, tolerance=1e-6).values
    torch.testing.assert_close(found, noisy.mean(dim=(0, 1), keepdim=True).expand_as(noisy), atol=1e-3, rtol=0)


def test_equal_channels_are_one_channel_with_the_weight_shared():
    noisy = torch.rand(12, 12, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    both = total_variation(noisy.expand(-1, -1, 4), 0.2, tolerance=1e-6).values
    alone = total_variation(noisy, 0.1, tolerance=1e-6).values
    torch.testing.assert_close(both, alone.expand(-1, -1, 4), atol=1e-3, rtol=0)


def test_the_gap_is_below_the_tolerance_and_no_weight_changes_nothing():
    noisy = torch.rand(16, 16, 1, generator=torch.Generator().manual_seed(0))
    found = total_variation(noisy, 0.1)
    assert 0 <= found.gap <= 1e-4
    assert found.iterations < 500
    assert torch.equal(total_variation(noisy, 0.0).values, noisy)


@pytest.mark.parametrize("weight", [-1.0, math.nan, math.inf])
def test_a_weight_out_of_range_is_refused(weight):
    with pytest.raises(InputError, match="weight"):
        total_variation(torch.zeros(4, 4, 1), weight)
