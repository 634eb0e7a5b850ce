import numpy as np
import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.domain.tiling import local_box
from ungrid.fields.tiled import TiledField
from ungrid.metrics.error import max_abs_error, mse, psnr
from ungrid.metrics.streamed import cores, pieces, streamed_metrics
from ungrid.signals.large import ArrayBlocks, LargeSignal, array_outline
from ungrid.testing.examples import wave_field


def pair(tmp_path, array, counts, kind=None):
    """An array as a signal, and a tiled field on its box."""
    np.save(tmp_path / "a.npy", array)
    outline, peak = array_outline(array.shape, array.dtype, kind, "a.npy", "npy")
    signal = LargeSignal(outline, ArrayBlocks(tmp_path / "a.npy", outline.grid.box.dim), peak, {})
    box = outline.grid.box
    return TiledField(box, wave_field(local_box(box.axes), len(outline.channels), 0), counts, 0.1), signal


@pytest.mark.parametrize("kind", ["image", "volume"])
def test_measures_are_those_of_the_whole_at_once(tmp_path, kind):
    shape, counts = ((37, 53), (3, 4)) if kind == "image" else ((13, 17, 19), (2, 3, 1))
    field, signal = pair(tmp_path, np.random.default_rng(0).random(shape).astype("f4"), counts, kind)
    truth = signal.read(tuple(slice(0, n) for n in shape))
    found, whole = streamed_metrics(field, signal), field.sample(signal.grid)
    peak = 1.0 if kind == "image" else float(truth.max() - truth.min())
    assert found["psnr"] == pytest.approx(psnr(whole, truth, peak=peak), abs=1e-4)
    assert found["rmse"] == pytest.approx(mse(whole, truth) ** 0.5, rel=1e-5)
    assert found["max_abs_error"] == pytest.approx(max_abs_error(whole, truth), rel=1e-5)


def test_blocks_that_cannot_be_read_are_left_out(tmp_path):
    array = np.full((40, 40), 0.5, "f4")
    array[30, 30] = np.nan
    field, signal = pair(tmp_path, array, (2, 2))
    assert streamed_metrics(field, signal)["psnr"] is not None
    field, signal = pair(tmp_path, np.full((40, 40), np.nan, "f4"), (2, 2))
    assert set(streamed_metrics(field, signal).values()) == {None}


def test_cores_are_the_whole_each_sample_once(tmp_path):
    field, signal = pair(tmp_path, np.zeros((37, 53), "f4"), (3, 5))
    seen = torch.zeros(37, 53)
    for where in cores(field, signal):
        seen[where] += 1
    assert bool((seen == 1).all())
    assert Grid(Box(("y", "x"), ((0.0, 37.0), (0.0, 53.0)), ("px", "px")), (37, 53)) == signal.grid


def test_parts_of_tiles_are_small_and_hold_each_sample_once(tmp_path, monkeypatch):
    monkeypatch.setattr("ungrid.metrics.streamed.MOST_VALUES", 100)
    field, signal = pair(tmp_path, np.random.default_rng(0).random((37, 53)).astype("f4"), (3, 4))
    seen = np.zeros((37, 53), int)
    for where in pieces(field, signal):
        seen[where] += 1
        assert seen[where].size <= 100
    assert (seen == 1).all()
    truth = signal.read((slice(0, 37), slice(0, 53)))
    assert streamed_metrics(field, signal)["psnr"] == pytest.approx(psnr(field.sample(signal.grid), truth), abs=1e-4)
