import math

import pytest
import torch

from ungrid.errors import InputError
from ungrid.metrics.error import psnr
from ungrid.restoration.shots import join_shots

SHIFTS = ((0, 0), (4, 5), (-3, 4), (4, -3))  # in eighths of a pixel


def scene():
    """Discs with sharp edges, on a lattice of eighths of a shot's pixel."""
    y, x = torch.meshgrid(torch.arange(288.0), torch.arange(288.0), indexing="ij")
    places = torch.rand(40, 3, generator=torch.Generator().manual_seed(0))
    plane = torch.full((288, 288), 0.2)
    for k, (down, across, size) in enumerate(places.tolist()):
        plane = torch.where((y - 288 * down) ** 2 + (x - 288 * across) ** 2 < (8 + 20 * size) ** 2, 0.3 + 0.015 * k, plane)
    return plane


def means(plane, block, down=0, across=0):
    part = plane[16 + down : 272 + down, 16 + across : 272 + across]
    return part.unflatten(0, (-1, block)).unflatten(2, (-1, block)).mean(dim=(1, 3))[..., None]


def shots(sigma=0.01):
    rng = torch.Generator().manual_seed(0)
    seen = [means(scene(), 8, *shift) for shift in SHIFTS]
    return [each + sigma * torch.randn(each.shape, generator=rng) for each in seen]


def test_four_shots_tell_more_than_their_mean_and_say_where_they_lie():
    truth = means(scene(), 4)
    joined, mean = (join_shots(shots(), 2, method=method) for method in ("auto", "shift_and_average"))
    assert psnr(joined.values, truth) > psnr(mean.values, truth) + 2
    for found, (down, across) in zip(joined.shifts, SHIFTS, strict=True):
        assert math.hypot(found.down - down / 8, found.across - across / 8) < 0.04
    assert joined.notes == []
    assert 0.005 < joined.deviation < 0.015


def test_a_shot_that_the_others_contradict_is_told():
    *still, last = shots()
    spoiled = 0.9 * last + 0.1 * last.rot90(2)
    notes = join_shots([*still, spoiled], 2, deviation=0.01).notes
    assert len(notes) == 1
    assert "number 4 by" in notes[0]


def test_shots_of_another_size_or_alone_are_refused():
    first, second, *_ = shots()
    with pytest.raises(InputError, match="two or more shots of a scene; got 1"):
        join_shots([first], 2)
    with pytest.raises(InputError, match="shot 2 has 31×32×1 values, the first 32×32×1"):
        join_shots([first, second[1:]], 2)
    with pytest.raises(InputError, match="field is for one picture; shots are joined by auto"):
        join_shots([first, second], 2, method="field")
