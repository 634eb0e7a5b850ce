import numpy as np
import pytest

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.presets.film import FILM_EFFORTS
from ungrid.presets.tile_fields import looked_at
from ungrid.presets.tiles import plan_tiles
from ungrid.signals.base import Outline
from ungrid.signals.large import LargeSignal


class Blocks:
    """A film of noise without end, of which the last frames cannot be read."""

    def read(self, where):
        """A block."""
        if where[0].stop > 390:
            raise InputError("damaged")
        return np.random.default_rng(0).random([*(part.stop - part.start for part in where), 3]).astype("f4")


def film(n_frames, height, width):
    grid = Grid(
        Box(("t", "y", "x"), ((0.0, n_frames / 25), (0.0, float(height)), (0.0, float(width))), ("s", "px", "px")),
        (n_frames, height, width),
    )
    return LargeSignal(Outline(grid, "video", ("r", "g", "b"), {}), Blocks(), 1.0, {})


def test_windows_share_the_parameters_and_the_samples_of_the_default_for_the_whole():
    plan = plan_tiles(film(4000, 720, 1280), "fast", max_memory=2 * 10**9)
    level = FILM_EFFORTS["fast"]
    assert plan.cut.counts[1:] == (1, 1)
    assert plan.own.drawn == level.most_samples // plan.n_tiles
    tile = plan.tile()
    assert 0.5 * level.most_params < plan.n_tiles * tile.n_params < 1.5 * level.most_params
    assert plan.tile().recipe.steps * tile.recipe.batch_size >= plan.own.drawn
    assert "a dense grid of time and space" in plan.describe()


def test_a_small_film_has_the_defaults_share_and_passes():
    plan = plan_tiles(film(64, 32, 32), "fast", side=32)
    level = FILM_EFFORTS["fast"]
    assert plan.cut.counts == (2, 1, 1)
    assert plan.own.params_per_value == level.params_per_value
    assert plan.own.drawn == level.passes * np.prod(plan.cut.shape)


def test_few_bytes_make_the_grids_of_windows_smaller():
    free, bound = (plan_tiles(film(64, 64, 64), "fast", side=32, max_bytes=n) for n in (None, 100_000))
    assert bound.own.params_per_value < free.own.params_per_value
    with pytest.raises(InputError, match="tiles need at least"):
        plan_tiles(film(64, 64, 64), "fast", side=32, max_bytes=100)


def test_tiles_that_are_looked_at_are_spread_and_what_cannot_be_read_is_none():
    signal = film(400, 8, 8)
    cut = plan_tiles(signal, "fast", side=40).cut
    seen = list(looked_at(signal, cut, 5))
    assert len(seen) == 5
    assert seen[-1] is None
    starts = [tile.box.bounds[0][0] for tile in seen[:-1]]
    assert starts == sorted(starts)
