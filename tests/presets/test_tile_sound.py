import math

import numpy as np
import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.presets.tile_sound import MOST_CELLS, SoundTile
from ungrid.presets.tiles import plan_tiles
from ungrid.signals.base import Outline, Signal
from ungrid.signals.large import LargeSignal


class Samples:
    """Blocks of samples in memory."""

    def __init__(self, values):
        self.values = values

    def read(self, where):
        """A block."""
        return self.values[where]


def recording(values, rate=8000):
    values = np.asarray(values, "f4")[:, None]
    grid = Grid(Box(("t",), ((0.0, len(values) / rate),), ("s",)), (len(values),))
    return LargeSignal(Outline(grid, "audio", ("mono",), {}), Samples(values), 1.0, {})


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def tone(n, cycles):
    return np.sin(2 * math.pi * cycles * np.arange(n))


def test_windows_have_as_many_cells_as_the_sound_asks_for():
    slow, fast = (plan_tiles(recording(tone(40_000, cycles)), side=8000) for cycles in (0.01, 0.2))
    assert slow.own.n_cells < fast.own.n_cells
    loud = plan_tiles(recording(noise(40_000)), "fast", side=8000)
    assert 0.3 * loud.cut.shape[0] < loud.own.n_cells < MOST_CELLS * loud.cut.shape[0]
    assert loud.own.scale == pytest.approx(1.0, rel=0.05)


def test_windows_of_which_one_is_rich_have_more_cells_than_the_mean_asks_for():
    quiet = tone(40_000, 0.005)
    quiet[16_000:24_000] += noise(8000)
    plan = plan_tiles(recording(quiet), side=8000)
    assert plan.own.n_cells > 0.7 * plan.cut.shape[0]


def test_the_cells_of_a_window_lie_where_it_is_rich_and_none_is_denser_than_the_samples():
    values = 1e-3 * tone(8192, 0.002)
    values[2048:3072] += noise(1024)
    own = SoundTile(2000, 32, 1.0)
    field = own.build(plan_tiles(recording(values)).shape, "balanced", 0)
    grid = Grid(Box(("t",), ((-1.0, 1.0),), ("",)), (8192,))
    own.begin(field, Signal(torch.tensor(values, dtype=torch.float32)[:, None], grid, "audio", ("mono",)))
    places = field.places(grid.axis_coords(0, dtype=torch.float64))
    cells = places.diff()
    assert cells[2300:2800].mean() > 4 * cells[5000:].mean()
    assert cells.max() < 1.2


def test_a_window_that_reaches_beyond_the_recording_has_its_cells_within():
    own = SoundTile(600, 16, 1.0)
    field = own.build(plan_tiles(recording(noise(4096))).shape, "balanced", 0)
    half = Grid(Box(("t",), ((0.0, 1.0),), ("",)), (2048,))
    own.begin(field, Signal(torch.tensor(noise(2048), dtype=torch.float32)[:, None], half, "audio", ("mono",)))
    before, within = field.places(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist()
    assert within - before > 4 * before


def test_silence_and_few_bytes_have_plans_and_nothing_readable_has_none():
    assert plan_tiles(recording(np.zeros(9000)), side=4000).own.scale == 1.0
    free, bound = (plan_tiles(recording(noise(40_000)), side=8000, max_bytes=n) for n in (None, 2**16 + 30_000))
    assert bound.own.n_cells < 0.7 * free.own.n_cells
    with pytest.raises(InputError, match="none of the samples that were looked at"):
        plan_tiles(recording(np.full(9000, np.nan)), side=4000)
