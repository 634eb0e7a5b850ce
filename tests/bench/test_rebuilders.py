import pytest
import torch

from ungrid.bench.rebuilders import back_projection, lanczos, plain_siren
from ungrid.metrics.error import psnr
from ungrid.testing.toys import tiny_picture

TRUTH = tiny_picture(48, 48).values.float()
SMALL = TRUTH.unflatten(0, (-1, 2)).unflatten(2, (-1, 2)).mean(dim=(1, 3))


@pytest.mark.parametrize("enlarge", [lanczos, back_projection])
def test_an_enlarged_picture_is_near_the_scene(enlarge):
    found = enlarge(SMALL, 2)
    assert found.shape == TRUTH.shape
    repeated = SMALL.repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert psnr(found.clamp(0, 1), TRUTH) > psnr(repeated, TRUTH)


def test_back_projection_meets_the_pixels():
    found = back_projection(SMALL, 2)
    means = found.unflatten(0, (-1, 2)).unflatten(2, (-1, 2)).mean(dim=(1, 3))
    assert float((means - SMALL).abs().max()) < float((lanczos(SMALL, 2)[::2, ::2] - SMALL).abs().max())
    assert float((means - SMALL).square().mean().sqrt()) < 0.005


def test_a_siren_sees_nothing_but_known_pixels():
    known = torch.rand(16, 16, generator=torch.Generator().manual_seed(0)) < 0.5
    picture = tiny_picture(16, 16).values.float()
    spoiled = torch.where(known[..., None], picture, picture + 5)
    first, second = (plain_siren(each, known=known, steps=3) for each in (picture, spoiled))
    assert torch.equal(first, second)
    assert plain_siren(picture, 2, steps=1).shape == (32, 32, picture.shape[-1])
