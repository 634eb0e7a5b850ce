import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.presets.auto import choose
from ungrid.presets.film import FILM_EFFORTS, LEAST_STEPS, film_field, film_grid, film_levels, siren_video
from ungrid.signals.base import Signal
from ungrid.testing.toys import tiny_film


def film_box(*shape):
    return Box(("t", "y", "x"), tuple((0.0, float(n)) for n in shape), ("s", "px", "px"))


def test_siren_is_that_of_the_authors_script():
    field = siren_video(film_box(250, 272, 640), 3)
    assert field.n_params == (3 + 1) * 1024 + 3 * (1024 + 1) * 1024 + (1024 + 1) * 3
    recipe = field.recipe
    assert (recipe.learning_rate, recipe.steps, recipe.order) == (1e-4, 100_000, "uniform")
    assert recipe.batch_size == 165_376  # int(38e-4 · 250 · 272 · 640)
    assert (field.value_scale, field.value_offset) == ((0.5,), (0.5,))


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(2, 300), height=st.integers(16, 400), width=st.integers(16, 400), share=st.floats(0.01, 0.3),
    time=st.floats(0.5, 4.0),
)  # fmt: skip
def test_levels_double_and_hold_no_more_than_their_share(n, height, width, share, time):
    levels = film_levels((n, height, width), share, 4, time, 1)
    assert len(levels) == 4
    nodes = sum(math.prod(cells + 1 for cells in level) for level in levels)
    assert nodes <= share * n * height * width or max(levels[-1]) == 1
    for coarse, fine in itertools.pairwise(levels):
        assert all(c <= f <= 2 * c + 2 for c, f in zip(coarse, fine, strict=True))
    assert all(1 <= cells <= most for cells, most in zip(levels[-1], (n, height, width), strict=True))


def test_time_has_its_share_of_cells():
    t, y, x = film_levels((400, 400, 400), 0.01, 4, 3.0, 1)[-1]
    assert t / x == pytest.approx(3, rel=0.05)
    assert y == x


@pytest.mark.parametrize("effort", FILM_EFFORTS)
def test_a_film_is_chosen_for_by_effort(effort):
    film = tiny_film(16, 48, 64)
    choice = choose(film, effort)
    assert choice.reason.startswith(f"{effort}: a dense grid of time and space")
    assert choice.field.box == film.box
    assert choice.field.recipe.steps >= LEAST_STEPS
    assert choice.field.n_params <= FILM_EFFORTS[effort].params_per_value * film.values.numel() + 2000


def test_a_long_film_draws_no_more_samples_and_has_no_more_parameters():
    balanced, shape = FILM_EFFORTS["balanced"], (280, 720, 1280)
    with torch.device("meta"):
        values = torch.empty((*shape, 3))
        film = Signal(values, Grid(film_box(*shape), shape), "video", ("r", "g", "b"))
        field = film_field(film, balanced, balanced.params_per_value)
    assert field.recipe.steps * field.recipe.batch_size == pytest.approx(balanced.most_samples, rel=0.01)
    assert 0.9 * balanced.most_params < field.n_params < balanced.most_params + 2000


def test_bytes_bound_the_field():
    film = tiny_film(16, 96, 128)
    assert choose(film, "best", max_bytes=20_000).field.n_params * 2 < 20_000


def test_a_film_of_one_frame_has_a_field():
    assert film_grid(film_box(1, 16, 16), 3).encoding.resolutions[-1][0] == 1
