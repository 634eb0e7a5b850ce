import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

import ungrid as ug
from ungrid.errors import InputError
from ungrid.render.contact_sheet import CAPTION, GAP
from ungrid.render.draw import drawing_grid
from ungrid.render.film_sheet import MOST_FRAMES, draw_film_comparison, draw_film_sheet
from ungrid.testing.toys import tiny_film


@pytest.fixture(scope="module")
def field():
    return ug.fit(tiny_film(20, 48, 64), steps=60, callbacks=[])


def test_a_sheet_has_twelve_frames_at_even_times(tmp_path, field):
    draw_film_sheet(field, tmp_path / "a.png", field.grid())
    width, height = Image.open(tmp_path / "a.png").size
    columns, rows = (width - GAP) // (64 + GAP), (height - GAP) // (48 + CAPTION + GAP)
    assert columns * rows == MOST_FRAMES


def test_a_frame_on_the_sheet_is_the_field_there(tmp_path, field):
    grid = drawing_grid(field, region={"t": (0.2, 0.24)})
    draw_film_sheet(field, tmp_path / "a.png", grid)
    drawn = torch.from_numpy(np.asarray(Image.open(tmp_path / "a.png"))[GAP : GAP + 48, GAP : GAP + 64].copy()) / 255
    assert (drawn - field.sample(grid)[0].clamp(0, 1)).abs().max() < 0.6 / 255


def test_large_frames_are_drawn_smaller(tmp_path, field):
    draw_film_sheet(field, tmp_path / "a.png", drawing_grid(field, size=(None, 2000), region={"t": (0.2, 0.24)}))
    assert Image.open(tmp_path / "a.png").size == (480 + 2 * GAP, 360 + CAPTION + 2 * GAP)


def test_a_comparison_has_original_result_and_error_in_a_row(tmp_path):
    film = tiny_film(8)
    draw_film_comparison(film.with_values(film.values + 0.02), film, tmp_path / "a.png")
    picture = np.asarray(Image.open(tmp_path / "a.png"))
    assert picture.shape == (4 * (24 + CAPTION + GAP) + GAP, 3 * (32 + GAP) + GAP, 3)
    error = picture[GAP : GAP + 24, GAP + 2 * (32 + GAP) : GAP + 2 * (32 + GAP) + 32]
    assert np.abs(error / 255 - 0.7).max() < 0.01


def test_films_of_two_sizes_are_not_compared(tmp_path):
    with pytest.raises(InputError, match="cannot compare a film of 32×24×6 with one of 32×24×4"):
        draw_film_comparison(tiny_film(6), tiny_film(4), tmp_path / "a.png")


def test_gray_is_shown_as_gray(tmp_path):
    film = dataclasses.replace(tiny_film(channels=1))
    draw_film_comparison(film, film, tmp_path / "a.png")
    assert np.asarray(Image.open(tmp_path / "a.png"))[GAP : GAP + 24, GAP : GAP + 32].std(axis=-1).max() == 0


def test_another_ending_is_told(tmp_path, field):
    with pytest.raises(InputError, match=r"expected a \.png or \.jpg name"):
        draw_film_sheet(field, tmp_path / "a.xyz", field.grid())
