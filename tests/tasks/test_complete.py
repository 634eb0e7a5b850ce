import functools
import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.interpolate import LinearNDInterpolator
from skimage.data import camera
from skimage.restoration import inpaint_biharmonic
from torch.testing import assert_close

from ungrid.errors import InputError, ShapeError
from ungrid.kernels.native_library import available, library, torch_only
from ungrid.tasks.complete import complete, midpoints, refined

SHAPES = [(7,), (50,), (1, 40), (40, 1), (2, 3), (12, 31), (3, 5, 4), (9, 1, 8), (6, 7, 20)]


@functools.cache
def photo(first=64, size=128):
    """[size, size, 1] of the camera man at 256×256."""
    small = np.asarray(Image.fromarray(camera()).resize((256, 256), Image.BILINEAR), np.float32) / 255
    return torch.from_numpy(small[first : first + size, first : first + size, None].copy())


def some_known(*shape, fraction=0.5, seed=0):
    known = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < fraction
    known.view(-1)[0] = True
    return known


def wave(*shape, n_channels=2):
    """[*shape, c]: smooth, another in each channel."""
    axes = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in shape], indexing="ij")
    phase = sum((0.3 + 0.1 * axis) * x for axis, x in enumerate(axes))
    return torch.stack([torch.sin(phase + channel) for channel in range(n_channels)], dim=-1)


def psnr(found, truth, where):
    return -10 * math.log10((torch.as_tensor(found)[where] - truth[where]).square().mean().item())


def test_half_a_picture_is_completed_better_than_by_the_biharmonic_equation():
    known = some_known(128, 128)
    found = complete(photo(), known)
    smooth = inpaint_biharmonic(torch.where(known[..., None], photo(), 0).numpy(), ~known.numpy(), channel_axis=-1)
    assert psnr(found, photo(), ~known) > psnr(smooth, photo(), ~known) + 2.5


def test_half_of_the_camera_man_is_known_to_33_decibels():
    known = some_known(256, 256)
    assert psnr(complete(photo(0, 256), known), photo(0, 256), ~known) > 33.5


def test_between_the_samples_of_a_picture_it_is_better_than_cubic_convolution():
    samples, truth = photo()[::2, ::2], photo()[:-1, :-1]
    between = torch.ones(127, 127, dtype=torch.bool)
    between[::2, ::2] = False
    assert psnr(refined(samples), truth, between) > psnr(midpoints(samples), truth, between) + 0.8


def test_half_a_sum_of_sines_is_completed_better_than_by_lines():
    t = torch.arange(400.0)
    values = (torch.sin(0.35 * t) + 0.5 * torch.sin(0.05 * t))[:, None]
    known = some_known(400)
    line = np.interp(t, t[known], values[known, 0])[:, None]
    assert psnr(complete(values, known), values, ~known) > psnr(line, values, ~known) + 15


def test_between_the_samples_of_a_sine_it_is_better_than_cubic_convolution():
    values = torch.sin(0.4 * torch.arange(301.0))[:, None]
    between = torch.arange(301) % 2 == 1
    assert psnr(refined(values[::2]), values, between) > psnr(midpoints(values[::2]), values, between) + 2


def test_a_third_of_a_blob_is_completed_better_than_by_tetrahedra():
    axes = torch.meshgrid(*[torch.linspace(-1, 1, 14)] * 3, indexing="ij")
    blob = torch.exp(-6 * sum((x - 0.1) ** 2 for x in axes))[..., None]
    known = some_known(14, 14, 14, fraction=0.3)
    known[::13, ::13, ::13] = True  # the corners, so that tetrahedra fill the box
    linear = blob.clone()
    linear[~known] = torch.from_numpy(LinearNDInterpolator(known.nonzero(), blob[known])((~known).nonzero())).float()
    assert psnr(complete(blob, known), blob, ~known) > psnr(linear, blob, ~known) + 15


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_known_samples_come_back_as_they_were_and_unknown_ones_are_not_looked_at(shape, dtype):
    values, known = wave(*shape).to(dtype), some_known(*shape, seed=1)
    found = complete(values, known)
    assert found.dtype == dtype
    assert torch.equal(found[known], values[known])
    assert found.isfinite().all()
    values[~known] = torch.nan
    assert torch.equal(complete(values, known), found)
    assert values[~known].isnan().all()


@pytest.mark.parametrize("shape", [(60,), (16, 20), (8, 7, 9)])
def test_a_change_of_unit_changes_nothing_else(shape):
    values, known = wave(*shape), some_known(*shape)
    scale, shift = torch.tensor([1e-3, 4e5]), torch.tensor([7.0, -2e5])
    expected = complete(values, known) * scale + shift
    assert_close(complete(values * scale + shift, known), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(60,), (16, 20), (8, 7, 9)])
def test_the_order_of_axes_and_channels_does_not_matter(shape):
    values, known = wave(*shape), some_known(*shape)
    found = complete(values.flip(-1), known).flip(-1)
    assert_close(found, complete(values, known))
    turned = complete(values.movedim(0, -2), known.movedim(0, -1)).movedim(-2, 0)
    assert_close(turned, complete(values, known), rtol=0, atol=0.02)  # the filters' orientations are turned, too


@pytest.mark.parametrize("shape", SHAPES)
def test_a_constant_is_completed_by_itself(shape):
    found = complete(torch.full((*shape, 1), 0.7), some_known(*shape))
    assert_close(found, torch.full((*shape, 1), 0.7))


def test_one_known_sample_is_the_estimate_of_all():
    known = torch.zeros(20, 30, dtype=torch.bool)
    known[3, 4] = True
    assert_close(complete(photo()[:20, :30], known), photo()[3, 4].expand(20, 30, 1))


def test_where_all_is_known_a_copy_comes_back():
    values = wave(5, 6)
    found = complete(values, torch.ones(5, 6, dtype=torch.bool))
    assert torch.equal(found, values)
    assert found.data_ptr() != values.data_ptr()
    assert torch.equal(complete(wave(1), torch.ones(1, dtype=torch.bool)), wave(1))


def test_a_hole_is_filled_with_what_is_around_it():
    values = wave(60, 60, n_channels=1)
    known = torch.ones(60, 60, dtype=torch.bool)
    known[25:33, 25:33] = False
    assert psnr(complete(values, known), values, ~known) > 22


@pytest.mark.skipif(library() is None, reason="the sizes make windows where native kernels serve")
@pytest.mark.parametrize(("shape", "max_memory"), [((128, 128), 2**21), ((60, 12, 12), 1_950_000), ((3000,), 2**17)])
def test_windows_give_what_the_whole_gives(shape, max_memory):
    values = photo() if len(shape) == 2 else wave(*shape, n_channels=1).float()
    if len(shape) != 2:
        values = values + 0.1 * torch.randn(values.shape, generator=torch.Generator().manual_seed(2))
    known = some_known(*shape)
    whole, windows = complete(values, known), complete(values, known, max_memory=max_memory)
    error = (whole - values)[~known].square().mean().sqrt()
    difference = (windows - whole)[~known].square().mean().sqrt()
    assert 0 < difference < 0.03 * error


@pytest.mark.skipif(not available(), reason="no native kernels on this machine")
@pytest.mark.parametrize("shape", [(90,), (24, 31), (9, 10, 11)])
def test_native_and_torch_agree(shape):
    values, known = wave(*shape).float(), some_known(*shape)
    found, fine = complete(values, known), refined(values)
    with torch_only():
        assert_close(found, complete(values, known), rtol=0, atol=1e-5)
        assert_close(fine, refined(values), rtol=0, atol=1e-5)
    assert_close(found.double(), complete(values.double(), known), rtol=0, atol=1e-5)


def test_the_number_of_threads_changes_next_to_nothing():
    known, before, found = some_known(128, 128), torch.get_num_threads(), []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            found.append(complete(photo(), known))
    finally:
        torch.set_num_threads(before)
    assert_close(found[0], found[1], rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1,), (2,), (30,), (1, 8), (2, 2), (9, 14), (3, 1, 6), (4, 5, 6)])
def test_refined_has_each_sample_at_an_even_place_as_it_was(shape, dtype):
    values = wave(*shape).to(dtype)
    fine = refined(values)
    assert fine.shape == (*(2 * n - 1 for n in shape), 2)
    assert fine.dtype == dtype
    assert torch.equal(fine[tuple(slice(None, None, 2) for _ in shape)], values)
    assert fine.isfinite().all()


def test_cubic_convolution_gives_parabolas_exactly():
    t = torch.arange(9, dtype=torch.float64) / 2
    parabola = torch.stack([3 * t**2 - 2 * t + 1, t], dim=-1)
    assert_close(midpoints(parabola[::2]), parabola)
    plane = (t[:, None] + 2 * t)[..., None]
    assert_close(midpoints(plane[::2, ::2]), plane)
    assert_close(midpoints(torch.tensor([[0.0], [1.0]])), torch.tensor([[0.0], [0.5], [1.0]]))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_known_values_that_are_no_numbers_are_refused(bad):
    values = wave(6, 6)
    values[2, 3, 1] = bad
    with pytest.raises(InputError, match="known values are NaN or infinite"):
        complete(values, torch.ones(6, 6, dtype=torch.bool))
    with pytest.raises(InputError, match="known values are NaN or infinite"):
        refined(values)


@pytest.mark.parametrize("shape", [(1,), (6, 6)])
def test_a_mask_that_knows_nothing_is_refused(shape):
    with pytest.raises(InputError, match="no sample is known"):
        complete(wave(*shape), torch.zeros(shape, dtype=torch.bool))


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("values", "known", "message"),
    [
        (wave(5, 5), some_known(5, 4), r"mask of shape \(5, 5\).*got \(5, 4\)"),
        (wave(5, 5), some_known(5, 5).float(), r"torch.bool.*got \(5, 5\) in torch.float32"),
        (wave(5, 5).half(), some_known(5, 5), "float32 or float64 values.*torch.float16"),
        (wave(5, 5)[..., :0], some_known(5, 5), "and channels"),
        (wave(2, 2, 2, 2), some_known(2, 2, 2, 2), "1 to 3 axes"),
        (torch.ones(3), torch.tensor(True), "1 to 3 axes"),
    ],
)
def test_values_and_masks_that_do_not_fit_are_refused(values, known, message):
    with pytest.raises(ShapeError, match=message):
        complete(values, known)


@pytest.mark.parametrize("floor", [0.0, -1.0, math.nan, math.inf])
def test_a_floor_that_is_no_positive_number_is_refused(floor):
    with pytest.raises(InputError, match="floor is"):
        complete(wave(5, 5), some_known(5, 5), floor=floor)


def test_too_little_memory_for_a_window_is_refused():
    with pytest.raises(InputError, match="max_memory is too small"):
        complete(photo(), some_known(128, 128), max_memory=1000)


def test_fewer_rounds_are_a_little_worse_and_a_wrong_number_is_refused():
    picture = torch.tensor(np.random.default_rng(0).random((6, 6, 1)))
    picture = torch.nn.functional.interpolate(picture.permute(2, 0, 1)[None], size=(40, 40), mode="bicubic")[0].permute(1, 2, 0)
    known = torch.rand(40, 40, generator=torch.Generator().manual_seed(0)) > 0.05
    errors = [float((complete(picture, known, rounds=n) - picture)[~known].abs().mean()) for n in (1, 4)]
    assert errors[1] <= errors[0] < 0.02
    with pytest.raises(InputError, match="rounds is 0"):
        complete(picture, known, rounds=0)
