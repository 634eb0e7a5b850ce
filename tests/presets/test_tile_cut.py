import math

import pytest

from ungrid.errors import InputError
from ungrid.presets.tile_cut import FRAME_SAMPLES, SPARE_BYTES, Room, cut_blocks, cut_frames, cut_sound

FILM = (280, 720, 1280)


def room(samples, **options):
    return Room(1, max_memory=SPARE_BYTES + samples, **options)


def test_a_film_is_cut_in_time_alone_where_memory_holds_some_frames():
    cut = cut_frames(FILM, room(2**25))
    assert cut.counts[1:] == (1, 1)
    assert cut.shape[1:] == FILM[1:]
    assert math.prod(cut.shape) <= 2**25 < 2 * math.prod(cut.shape)
    assert cut.overlap[0] == pytest.approx(2 * cut.counts[0] / 280)
    assert cut.coarse_factor == 0
    assert math.prod(cut_frames(FILM, Room(1)).shape) <= FRAME_SAMPLES


def test_a_film_of_large_frames_is_cut_in_space_too():
    cut = cut_frames(FILM, room(2**21))
    assert all(n > 1 for n in cut.counts)
    assert cut.shape[0] >= 8
    assert math.prod(cut.shape) <= 1.3 * 2**21
    assert abs(cut.shape[1] - cut.shape[2]) < 250


def test_what_fits_is_one_window():
    assert cut_frames((5, 40, 60), Room(1)).counts == (1, 1, 1)
    assert cut_sound((5000,), Room(1)).counts == (1,)
    assert cut_blocks((40, 60), Room(1)).counts == (1, 1)


def test_a_recording_is_cut_into_equal_windows_that_overlap():
    cut = cut_sound((150_000_000,), Room(1))
    assert cut.counts == (287,)
    assert cut.shape[0] == pytest.approx(150e6 / 287 + 256, rel=1e-4)
    assert cut_sound((150_000_000,), room(10_000)).shape[0] < 11_000


def test_a_side_that_is_asked_for_holds_along_each_axis():
    assert cut_frames((100, 100, 100), Room(1, side=50)).counts == (2, 2, 2)
    assert cut_sound((1000,), Room(1, side=100)).counts == (10,)


@pytest.mark.parametrize("cut", [cut_frames, cut_sound, cut_blocks])
def test_too_little_memory_and_absurd_sides_are_refused(cut):
    shape = (10**6,) if cut is cut_sound else FILM
    with pytest.raises(InputError, match="fitting tiles needs"):
        cut(shape, Room(1, max_memory=1000))
    with pytest.raises(InputError, match="a tile of 5 samples a side"):
        cut(shape, Room(1, side=5))
