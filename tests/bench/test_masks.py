import pytest
import torch

from ungrid.bench.masks import random_mask, scratch_mask, text_mask

SHAPE = (96, 120)


@pytest.mark.parametrize("draw", [text_mask, scratch_mask, lambda shape, seed=0: random_mask(shape, 0.3, seed)])
def test_a_mask_is_drawn_by_its_seed(draw):
    first, again, other = draw(SHAPE, 0), draw(SHAPE, 0), draw(SHAPE, 1)
    assert first.shape == SHAPE
    assert first.dtype == torch.bool
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("draw", [text_mask, scratch_mask])
def test_text_and_scratches_hide_a_part_all_over_the_picture(draw):
    hidden = ~draw(SHAPE)
    assert 0.03 < float(hidden.float().mean()) < 0.4
    quarters = hidden.unflatten(0, (2, -1)).unflatten(2, (2, -1)).float().mean(dim=(1, 3))
    assert bool((quarters > 0).all())


def test_pixels_at_random_are_known_as_often_as_said():
    assert float(random_mask((200, 200), 0.3).float().mean()) == pytest.approx(0.3, abs=0.01)
