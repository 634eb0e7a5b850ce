from fractions import Fraction

import numpy as np
import pytest
import torch

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.color import srgb_to_linear
from ungrid.signals.part import WHOLE, Part
from ungrid.signals.video_film import Film, beat, check_room, even_rate, free_memory, to_signal


def film(times, *, tick=0.001, declared=None, size=(4, 6), frames=None):
    """Frame i is of the gray level i."""
    made = [np.full((*size, 3), index, np.uint8) for index in range(len(times))] if frames is None else frames
    return Film("a.mp4", size, ("r", "g", "b"), times, times[-1] + 0.04, tick, declared, 255.0, lambda: iter(made), {}, {})


def test_frames_lie_in_the_middle_of_their_time_on_pixels():
    signal = to_signal(film([index / 25 for index in range(5)]), WHOLE)
    assert signal.box.bounds == ((0.0, 0.2), (0.0, 4.0), (0.0, 6.0))
    assert signal.grid.axis_coords(0).tolist() == pytest.approx([0.02, 0.06, 0.1, 0.14, 0.18])
    assert (signal.values[:, 0, 0, 0] * 255).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60)])
@pytest.mark.parametrize("tick", [0.001, 1e-5])
def test_times_that_are_rounded_to_the_clock_are_even(rate, tick):
    times = [round(float(index / rate) / tick) * tick for index in range(100)]
    assert even_rate(film(times, tick=tick, declared=rate)) == rate
    assert float(even_rate(film(times, tick=tick))) == pytest.approx(float(rate), rel=1e-4)


def test_uneven_times_are_told_with_the_way_out():
    uneven = film([0.0, 0.04, 0.12, 0.16, 0.2])
    with pytest.raises(InputError, match=r"uneven times, 0.04 to 0.08 s apart.*--fps 20"):
        beat(uneven, None)


def test_at_a_rate_each_frame_is_the_one_that_is_shown_then():
    assert beat(film([0.0, 0.04, 0.12, 0.16, 0.2]), 25.0) == (25, [0, 1, 1, 2, 3, 4])
    assert beat(film([index / 25 for index in range(10)]), 5.0) == (5, [2, 7])


def test_a_part_keeps_the_coordinates_of_the_whole():
    signal = to_signal(film([index / 25 for index in range(5)]), Part({"t": (0.04, 0.12), "x": (2.0, 4.0)}))
    assert signal.box.bounds == ((0.04, 0.12), (0.0, 4.0), (2.0, 4.0))
    assert (signal.values[:, 0, 0, 0] * 255).tolist() == [1, 2]


def test_reducing_is_the_mean_of_light():
    frames = [np.zeros((5, 6, 3), np.uint8)]
    frames[0][::2] = 255
    signal = to_signal(film([0.0], size=(5, 6), frames=frames, declared=Fraction(25)), Part(reduction=2))
    assert signal.grid.shape == (1, 2, 3)
    assert signal.box.bounds[1:] == ((0.0, 4.0), (0.0, 6.0))  # the fifth row fills no pixel
    assert srgb_to_linear(signal.values).allclose(torch.tensor(0.5), atol=1e-6)


@pytest.mark.parametrize(
    ("part", "fragment"),
    [
        (Part({"t": (0.0, 9.0)}), "region t=0:9 does not lie in the box"),
        (Part({"z": (0.0, 1.0)}), "no axis 'z'"),
        (Part(reduction=5), "cannot be reduced by 5"),
        (Part(rate=1e6), None),
    ],
)
def test_a_part_that_cannot_be_read_is_told(part, fragment):
    if fragment is None:
        assert len(beat(film([0.0, 0.04]), part.rate)[1]) == 80_000
        return
    with pytest.raises(InputError, match=fragment):
        to_signal(film([index / 25 for index in range(5)]), part)


def test_frames_of_several_sizes_are_refused():
    frames = [np.zeros((4, 6, 3), np.uint8), np.zeros((4, 8, 3), np.uint8)]
    with pytest.raises(UnreadableInput, match=r"frame 1 of a.mp4 has 8×4 pixels of 3 channels, the first 6×4 of 3"):
        to_signal(film([0.0, 0.04], frames=frames), WHOLE)


def test_frames_that_are_announced_and_not_there_are_missed():
    with pytest.raises(UnreadableInput, match=r"cut off or damaged: 3 frames are announced, and frame 2 is not there"):
        to_signal(film([0.0, 0.04, 0.08], frames=[np.zeros((4, 6, 3), np.uint8)] * 2), WHOLE)


def test_what_does_not_fit_into_memory_is_told_before_it_is_taken():
    with pytest.raises(InputError, match=r"280 frames of 1280×720 .* 3.1 GB .* --region t=0:1.5, fewer pixels with --reduce 4"):
        check_room("a.mp4", (280, 720, 1280, 3), 14.0, available=10**9)
    with pytest.raises(InputError, match="--reduce 64"):
        check_room("a.mp4", (10**6, 60_000, 60_000, 3), 14.0)
    check_room("a.mp4", (2, 4, 6, 3), 1.0, available=10**6)
    assert free_memory() > 10**6
