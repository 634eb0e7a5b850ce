import math

import numpy as np
import pytest

from ungrid.errors import InputError
from ungrid.presets.tile_cut import COARSE_SAMPLES, SPARE_BYTES, TILE_SAMPLES
from ungrid.presets.tiles import grid_bytes_per_value, plan_tiles, tile_bytes, workers_within
from ungrid.signals.base import Outline
from ungrid.signals.large import LargeSignal, array_outline


class Constant:
    """Blocks of any signal, of which nothing lies anywhere."""

    def __init__(self, channels, value=0.5):
        self.channels, self.value = channels, value

    def read(self, where):
        """A block of one value."""
        return np.full([*(part.stop - part.start for part in where), self.channels], self.value, "f4")


def endless(*shape, channels=1, kind="image"):
    outline, _ = array_outline((*shape, channels), np.dtype("f4"), kind, "a", "npy")
    assert isinstance(outline, Outline)
    return LargeSignal(outline, Constant(channels), 1.0, {})


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((5400, 10800), "image"), ((900, 900, 900), "volume"), ((20_000_000,), "series"), ((300, 40_000), "image")],
)
def test_tiles_have_about_half_a_million_samples_and_the_coarse_field_a_quarter(shape, kind):
    plan = plan_tiles(endless(*shape, kind=kind), "fast")
    core = math.prod(n / k for n, k in zip(shape, plan.cut.counts, strict=True))
    assert 0.4 * TILE_SAMPLES < core <= 1.01 * TILE_SAMPLES
    if len(shape) > 1:
        assert 0.3 * COARSE_SAMPLES < math.prod(-(-n // plan.cut.coarse_factor) for n in shape) <= COARSE_SAMPLES
    else:
        assert plan.cut.coarse_factor == 0
    assert 0 < plan.cut.overlap <= 0.5
    assert "tiles of" in plan.describe()


def test_little_memory_makes_tiles_smaller_and_workers_fewer():
    signal = endless(5400, 10800, channels=3)
    plan = plan_tiles(signal, "fast", max_memory=SPARE_BYTES + 100_000 * 3 * grid_bytes_per_value("fast", 2))
    assert math.prod(plan.cut.shape) < 1.2e5
    assert workers_within(plan, 8, None) == 8
    assert workers_within(plan, 8, 2**30) < 8
    assert workers_within(plan, 8, 1) == 1
    assert tile_bytes(plan) == grid_bytes_per_value("fast", 2) * math.prod(plan.cut.shape) * 3


def test_few_bytes_make_fields_smaller():
    signal = endless(1000, 1000)
    free, bound = (plan_tiles(signal, "fast", side=256, max_bytes=n) for n in (None, 1_000_000))
    assert bound.own.params_per_value < free.own.params_per_value
    assert 2 * bound.n_tiles * bound.tile().n_params < 1_000_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": 5}, "a tile of 5 samples a side"),
        ({"side": -1}, "a tile of -1 samples"),
        ({"side": 10**6}, "expected 32 to 4096 on 2 axes"),
        ({"preset": "siren"}, "preset siren is for signals that fit into memory"),
        ({"preset": "bset"}, "preset bset"),
        ({"max_memory": 1000}, "fitting tiles needs"),
        ({"max_bytes": 1000}, "tiles need at least"),
    ],
)
def test_absurd_plans_are_refused(options, said):
    preset = options.pop("preset", "fast")
    with pytest.raises(InputError, match=said):
        plan_tiles(endless(1000, 1000), preset, **options)
