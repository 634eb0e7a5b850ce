import pytest
import torch
from torch.nn import functional

from ungrid.errors import InputError
from ungrid.measurements.footprint import gaussian_psf, motion_psf
from ungrid.restoration.blind import Blind, extent, find_blur, misfit_of_spectrum, trimmed
from ungrid.restoration.blind_kernel import blind_kernel, centered, scales, sharp_edges


def blocks(side=96, seed=0):
    """Overlapping rectangles: sharp edges at all places and of all heights, as power that falls with the square of frequency."""
    rng = torch.Generator().manual_seed(seed)
    plane = torch.full((side, side), 0.5)
    for _ in range(60):
        top, left = (int(torch.randint(-10, side, (1,), generator=rng)) for _ in range(2))
        high, wide = (int(torch.randint(8, 30, (1,), generator=rng)) for _ in range(2))
        plane[max(0, top) : top + high, max(0, left) : left + wide] = float(torch.rand(1, generator=rng))
    return plane


def correlation(first, second):
    """At the whole shift where it is largest: 1 for the same shape."""
    shape = [a + b for a, b in zip(first.shape, second.shape, strict=True)]
    waves = torch.fft.rfft2(first, s=shape).conj() * torch.fft.rfft2(second, s=shape)
    return float(torch.fft.irfft2(waves, s=shape).max() / (first.norm() * second.norm()))


def blurred(plane, kernel, sigma=0.002):
    seen = functional.conv2d(plane[None, None], kernel.flip((0, 1))[None, None])[0, 0]
    return seen + sigma * torch.randn(seen.shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kernel", [motion_psf(7.0, 30.0), gaussian_psf(1.2)])
def test_the_kernel_of_a_blur_is_found_from_the_picture_alone(kernel):
    found = blind_kernel(blurred(blocks(), kernel), 13)
    assert correlation(found, kernel) > 0.9
    assert float(found.sum()) == pytest.approx(1, abs=1e-5)
    assert float(found.min()) >= 0


def test_a_blur_that_was_found_is_borne_out_and_told():
    found = find_blur(blurred(blocks(), motion_psf(7.0, 30.0))[..., None], 13)
    assert found.evidence > 0.3
    assert found.is_trusted
    assert found.warnings() == []
    told = found.describe()
    assert told["degrees"] == pytest.approx(30, abs=12)
    assert told["sigma"][0] == pytest.approx(7 / 12**0.5, rel=0.25)


def test_what_is_not_blurred_bears_no_blur_out():
    plane = blocks(112)
    found = find_blur((plane + 0.01 * torch.randn(plane.shape, generator=torch.Generator().manual_seed(1)))[..., None], 13)
    assert found.evidence < 0.1
    assert "do not trust it" in found.warnings()[0]
    assert not found.describe()["trusted"]


def test_the_spectrum_tells_a_blur_from_none():
    kernel = gaussian_psf(1.5)
    seen, sharp = blurred(blocks(), kernel), blocks()
    assert misfit_of_spectrum(seen, kernel) < misfit_of_spectrum(seen) - 0.3
    assert misfit_of_spectrum(sharp) < misfit_of_spectrum(sharp, kernel) - 0.1


def test_sharp_edges_are_sharper_than_what_was_blurred_and_flat_between():
    plane, kernel = blocks(), gaussian_psf(1.2)
    seen = blurred(plane, kernel)
    edges = sharp_edges(seen, kernel, 1e-3)
    inside = plane[5:-5, 5:-5]
    assert float((edges - inside).square().mean()) < 0.5 * float((seen - inside).square().mean())
    assert float((edges.diff(dim=0).abs() < 1e-3).float().mean()) > 0.7


def test_extent_is_that_of_a_gaussian_and_of_a_line():
    assert extent(gaussian_psf(2.0))[:2] == pytest.approx((2, 2), rel=0.01)
    longer, _, degrees = extent(motion_psf(12.0, 50.0))
    assert longer == pytest.approx(12 / 12**0.5, rel=0.05)
    assert degrees == pytest.approx(50, abs=1)


def test_kernels_are_moved_to_the_middle_and_their_dark_margin_cut():
    kernel = torch.zeros(9, 9)
    kernel[1:3, 2] = 0.5
    middle = centered(kernel)
    assert torch.equal(torch.nonzero(middle), torch.tensor([[3, 4], [4, 4]]))
    assert trimmed(middle).shape == (3, 3)
    assert correlation(middle, kernel) == pytest.approx(1, abs=1e-5)


def test_scales_grow_to_the_side_that_is_asked_for():
    assert scales(31)[0] == 3
    assert scales(31)[-1] == 31
    assert all(a < b and a % 2 and b % 2 for a, b in zip(scales(31), scales(31)[1:], strict=False))
    assert scales(3) == [3]


@pytest.mark.parametrize(
    ("values", "side", "says"),
    [
        (torch.rand(8, 8, 1), None, "at least; got 8×8"),
        (torch.rand(1, 1, 1), None, "at least; got 1×1"),
        (torch.rand(64, 64, 1), 8, "side is 8"),
        (torch.rand(64, 64, 1), 3, "side is 3"),
        (torch.rand(64, 64, 1), 63, "odd number from 5 to"),
        (torch.full((64, 64, 1), 0.5), None, "no edges"),
    ],
)
def test_what_no_blur_is_found_in_is_told(values, side, says):
    with pytest.raises(InputError, match=says) as caught:
        find_blur(values, side)
    assert "\n" not in str(caught.value)


def test_evidence_below_what_is_asked_for_warns():
    assert Blind(gaussian_psf(1.0), 0.5).warnings() == []
    assert Blind(gaussian_psf(1.0), -0.2).warnings()
