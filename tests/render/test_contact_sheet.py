from importlib import import_module

import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.presets.art import random_art
from ungrid.presets.published import siren
from ungrid.render.contact_sheet import CAPTION, GAP, contact_sheet, thumbnail
from ungrid.signals.color import srgb_to_linear
from ungrid.testing.toys import pixel_box, unit_box


def test_a_thumbnail_has_the_mean_light_of_the_points_in_each_pixel():
    field = random_art(1, size=(64, 96))
    fine = srgb_to_linear(field.sample(Grid(field.box, (16, 24))))
    seen = srgb_to_linear(thumbnail(field, (8, 12)))
    assert_close(seen, fine.unflatten(0, (8, 2)).unflatten(2, (12, 2)).mean(dim=(1, 3)), rtol=0, atol=1e-5)


def test_a_thumbnail_drawn_in_bands_is_that_drawn_at_once(monkeypatch):
    field = random_art(1, size=(64, 96))
    whole = thumbnail(field, (9, 12))
    monkeypatch.setattr(import_module("ungrid.render.contact_sheet"), "BAND_POINTS", 100)
    assert_close(thumbnail(field, (9, 12)), whole, rtol=0, atol=1e-5)


def test_only_a_field_of_colors_in_the_plane_can_be_drawn(unchecked_types):
    for field in (siren(pixel_box(), 1, width=4, depth=1), siren(unit_box(3), 3, width=4, depth=1)):
        with pytest.raises(InputError, match="two axes and three channels"):
            thumbnail(field, (4, 4))


@pytest.mark.parametrize(("n", "columns", "grid"), [(1, None, (1, 1)), (24, None, (4, 6)), (7, 3, (3, 3)), (2, 9, (1, 2))])
def test_pictures_stand_in_rows_each_above_its_caption(n, columns, grid):
    height, width = 30, 40
    pictures = [torch.full((height, width, 3), (index + 1) / n) for index in range(n)]
    sheet = contact_sheet(pictures, [str(index) for index in range(n)], columns=columns)
    assert sheet.shape == (grid[0] * (height + CAPTION + GAP) + GAP, grid[1] * (width + GAP) + GAP, 3) or columns is None
    n_columns = (sheet.shape[1] - GAP) // (width + GAP)
    for index, picture in enumerate(pictures):
        top = GAP + index // n_columns * (height + CAPTION + GAP)
        left = GAP + index % n_columns * (width + GAP)
        assert torch.equal(sheet[top : top + height, left : left + width], picture)
        caption = sheet[top + height : top + height + CAPTION, left : left + width]
        assert caption.max() > caption.min(), "something is written there"
    assert sheet.min() > 0
    assert sheet.max() <= 1


def test_square_pictures_fill_a_sheet_that_is_wider_than_high():
    sheet = contact_sheet([torch.zeros(100, 100, 3)] * 24, [""] * 24)
    assert 1 < sheet.shape[1] / sheet.shape[0] < 2


@pytest.mark.parametrize(
    ("pictures", "captions", "columns", "message"),
    [
        ([], [], None, "pictures of one size"),
        ([(4, 4)], ["1", "2"], None, "a caption for each"),
        ([(4, 4), (4, 5)], ["1", "2"], None, "pictures of one size"),
        ([(4, 4)], ["1"], 0, "in 0 columns"),
        ([(20_000, 20_000)], ["1"], 1, "too large"),
    ],
)
def test_what_makes_no_sheet_is_refused(pictures, captions, columns, message):
    blanks = [torch.zeros(1, 1, 1).expand(*shape, 3) for shape in pictures]
    with pytest.raises(InputError, match=message):
        contact_sheet(blanks, captions, columns=columns)
