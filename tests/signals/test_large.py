import pickle

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from ungrid.errors import InputError
from ungrid.signals.large import ArrayBlocks, LargeSignal, array_outline, is_large, reduced


def large(array, kind=None, tmp_path=None):
    np.save(tmp_path / "a.npy", array)
    outline, peak = array_outline(array.shape, array.dtype, kind, "a.npy", "npy")
    return LargeSignal(outline, ArrayBlocks(tmp_path / "a.npy", outline.grid.box.dim), peak, {})


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "found", "channels"),
    [
        ((8,), "f4", None, "series", 1),
        ((8, 2), "f4", "series", "series", 2),
        ((8, 9), "u1", None, "image", 1),
        ((8, 9, 3), "u2", None, "image", 3),
        ((8, 9, 7), "i2", None, "volume", 1),
        ((8, 9, 3), "i2", "volume", "volume", 1),
        ((8, 9, 7, 2), "f4", None, "volume", 2),
    ],
)
def test_an_array_is_what_its_shape_says_unless_told_otherwise(shape, dtype, kind, found, channels, tmp_path):
    rng = np.random.default_rng(0)
    array = (100 * rng.random(shape)).astype(dtype)
    signal = large(array, kind, tmp_path)
    assert (signal.outline.kind, len(signal.outline.channels)) == (found, channels)
    whole = tuple(slice(0, n) for n in signal.grid.shape)
    scale = {"u1": 255, "u2": 65535}.get(dtype, 1)
    assert_close(signal.read(whole), torch.from_numpy(array.astype("f4") / scale).reshape(*signal.grid.shape, channels))


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "said"),
    [
        ((8, 9), "u1", "audio", "a audio is not read by blocks"),
        ((8, 9), "i2", None, "expected unsigned"),
        ((8, 9), "c8", "volume", "expected"),
        ((8, 9), "c8", None, "holds complex64"),
        ((0, 9), "u1", None, "none of them 0"),
        ((2, 3, 4, 5, 6), "u1", None, "has shape"),
        ((2, 3, 4), "u1", "series", "has shape"),
    ],
)
def test_arrays_that_are_nothing_known_are_refused(shape, dtype, kind, said):
    with pytest.raises(InputError, match=said):
        array_outline(shape, np.dtype(dtype), kind, "a.npy", "npy")


def test_a_block_is_what_the_array_has_there_also_after_pickling(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    signal = large(array, None, tmp_path)
    where = (slice(7, 20), slice(30, 50))
    expected = torch.from_numpy(array[where].astype("f4") / 255)
    assert_close(signal.read(where), expected)
    assert_close(pickle.loads(pickle.dumps(signal)).part(where).values, expected)


def test_values_that_are_not_finite_are_refused_with_their_place(tmp_path):
    array = np.zeros((40, 50), "f4")
    array[11, 31] = np.nan
    signal = large(array, None, tmp_path)
    signal.read((slice(0, 10), slice(0, 50)))
    with pytest.raises(InputError, match="1 values are NaN or infinite at y=10:20, x=30:40"):
        signal.read((slice(10, 20), slice(30, 40)))


def test_a_reduced_signal_is_the_mean_over_blocks_with_partial_ones_at_the_end(tmp_path):
    array = np.random.default_rng(0).random((25, 33)).astype("f4")
    small, failed = reduced(large(array, None, tmp_path), 4, to_light=None, from_light=None)
    assert (small.grid.shape, failed, small.known) == ((7, 9), 0, None)
    assert small.box.bounds == ((0.0, 28.0), (0.0, 36.0))
    assert_close(small.values[2, 3, 0], torch.tensor(array[8:12, 12:16].mean()))
    assert_close(small.values[6, 8, 0], torch.tensor(array[24:, 32:].mean()))


def test_what_is_not_finite_or_cannot_be_read_is_left_out_of_the_mean(tmp_path):
    array = np.ones((16, 16), "f4")
    array[0, 0], array[8:12, 8:12] = np.nan, np.inf
    small, _ = reduced(large(array, None, tmp_path), 4, to_light=None, from_light=None)
    assert small.known is not None
    assert int((~small.known).sum()) == 1
    assert not bool(small.known[2, 2])
    assert_close(small.values[small.known], torch.ones(15, 1))


def test_means_are_taken_in_light_where_curves_are_given(tmp_path):
    array = np.array([[0, 255], [255, 255]], np.uint8)
    small, _ = reduced(large(array, None, tmp_path), 2, to_light=lambda v: v**2, from_light=lambda v: v**0.5)
    assert_close(small.values.flatten(), torch.tensor([0.75**0.5]))


def test_large_is_what_has_many_values_or_more_than_memory_allows():
    assert is_large(2**26, None)
    assert not is_large(2**26 - 1, None)
    assert is_large(10**6, 10**7)
    assert not is_large(10**5, 10**7)
