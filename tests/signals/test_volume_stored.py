import numpy as np
import pytest

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.volume_frame import straight
from ungrid.signals.volume_stored import Stored, Ticks, check_size, frame_of, in_world, ticks_of, to_signal, told_of


def stored(values, **more):
    return Stored(values, straight(values.shape[1:4], (2.0, 1.0, 0.5)), "array", **more)


VALUES = np.arange(24, dtype=np.int16).reshape(1, 2, 3, 4, 1)


def test_slope_and_intercept_give_physical_values():
    signal = to_signal(stored(VALUES, slope=0.5, intercept=-3.0), "it")
    assert np.array_equal(signal.values.numpy(), VALUES[0] * 0.5 - 3)
    assert signal.value_range is None
    assert signal.peak == 11.5


@pytest.mark.parametrize(("slope", "intercept"), [(0.0, 0.0), (np.nan, 0.0), (1.0, np.inf)])
def test_a_scale_that_is_none_is_refused(slope, intercept):
    with pytest.raises(UnreadableInput, match="scales its values"):
        to_signal(stored(VALUES, slope=slope, intercept=intercept), "it")


def test_what_is_no_number_is_zero_and_not_known():
    values = VALUES.astype(np.float32).copy()
    values[0, 0, 0, 0], values[0, 1, 2, 3] = np.nan, np.inf
    signal = to_signal(stored(values), "it")
    assert int((~signal.known).sum()) == 2
    assert bool(np.isfinite(signal.values.numpy()).all())


def test_time_stands_before_space_and_comes_back():
    signal = to_signal(stored(np.repeat(VALUES, 3, axis=0), ticks=Ticks(1.0, 0.25)), "it")
    assert signal.grid.axis_coords(0).tolist() == [1.0, 1.25, 1.5]
    assert ticks_of(signal.outline) == Ticks(1.0, 0.25)
    assert ticks_of(to_signal(stored(VALUES), "it").outline) is None


def test_another_world_turns_the_affine_and_not_the_order():
    outline = to_signal(stored(VALUES, world="RAS"), "it").outline
    frame = frame_of(outline)
    other = in_world(frame, outline, "LPS")
    assert other.shape == frame.shape
    assert np.array_equal(other.matrix[:2], -frame.matrix[:2])
    assert np.array_equal(other.matrix[2], frame.matrix[2])
    assert in_world(frame, outline, "RAS") is frame


@pytest.mark.parametrize(
    ("shape", "said"), [((1, 0, 3), "no samples"), ((2**20, 2**20, 1), "declares"), ((4, 4, 5000), "declares")]
)
def test_hostile_sizes_are_refused(shape, said):
    with pytest.raises(InputError, match=said):
        check_size(shape, "it")


def test_numbers_that_are_not_real_are_refused():
    with pytest.raises(InputError, match="real numbers"):
        to_signal(stored(VALUES * 1j), "it")


def test_what_a_package_raises_becomes_one_line(tmp_path):
    with pytest.raises(UnreadableInput, match=r"v\.bin cannot be read as clay: two lines;"), told_of(tmp_path / "v.bin", "clay"):
        raise RuntimeError("two\nlines")
    with pytest.raises(InputError, match=r"v\.bin: too large"), told_of(tmp_path / "v.bin", "clay"):
        raise InputError("too large")
