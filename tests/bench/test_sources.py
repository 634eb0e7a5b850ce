import struct

import numpy as np
import pytest
import torch

from ungrid.bench.sources import crop, from_samples, read_signal, signals, tuning_signals
from ungrid.errors import InputError, MissingFile, UnreadableInput
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture


def test_arrays_become_signals_from_0_to_1_that_know_what_they_were(tmp_path):
    volume = np.random.default_rng(0).normal(size=(4, 5, 6))
    np.savez(tmp_path / "v.npz", volume=volume, spacing=np.ones(3))
    signal = read_signal(tmp_path / "v.npz")
    assert (signal.kind, signal.grid.shape, signal.box.axes) == ("volume", (4, 5, 6), ("z", "y", "x"))
    low, high = signal.source["low"], signal.source["high"]
    torch.testing.assert_close(signal.values[..., 0] * (high - low) + low, torch.from_numpy(volume).float())
    np.save(tmp_path / "t.npy", volume.reshape(-1, 2))
    assert read_signal(tmp_path / "t.npy").values.shape == (60, 2)


def test_a_picture_file_is_a_picture(tmp_path):
    write_picture(tmp_path / "tiny.png", tiny_picture(8, 9))
    (name, signal) = next(iter(signals([tmp_path / "tiny.png"]).items()))
    assert (name, signal.kind, signal.grid.shape) == ("tiny.png", "image", (8, 9))


def test_what_rates_are_tuned_on_is_not_among_the_defaults():
    assert "astronaut" not in signals()
    pytest.importorskip("skimage")
    assert "astronaut" in tuning_signals([])


@pytest.mark.parametrize(
    ("shape", "side", "expected"), [((500,), 16, (256,)), ((40, 12), 16, (16, 12)), ((30, 9, 30), 64, (16, 9, 16))]
)
def test_the_middle_has_about_as_many_samples_whatever_its_axes(shape, side, expected):
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    signal = tiny_picture(*shape) if len(shape) == 2 else from_samples(values, "a")
    part = crop(signal, side)
    assert part.grid.shape == expected
    assert part.grid.spacing == pytest.approx((1.0,) * len(shape))
    middle = tuple(n // 2 for n in shape)
    assert part.values[tuple(n // 2 for n in expected)].tolist() == signal.values[middle].tolist()


@pytest.mark.parametrize("array", [np.zeros(5), np.array([0.0, np.nan]), np.zeros((2, 2, 2, 2)), np.array(["a", "b"])])
def test_what_is_no_signal_is_refused(array):
    with pytest.raises(InputError):
        from_samples(array, "a")


def test_files_that_are_missing_or_damaged_are_told(tmp_path):
    with pytest.raises(MissingFile):
        read_signal(tmp_path / "none.npy")
    np.savez(tmp_path / "whole.npz", volume=np.ones((4, 5, 6)))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:200])
    for name in ("a.npy", "a.npz", "a.wav", "cut.npz"):
        if not (tmp_path / name).exists():
            (tmp_path / name).write_bytes(struct.pack("<4sI", b"RIFF", 7))
        with pytest.raises(UnreadableInput, match=name):
            read_signal(tmp_path / name)
