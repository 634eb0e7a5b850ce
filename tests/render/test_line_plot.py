"""Series as pictures."""

import numpy as np
import pytest
from PIL import Image

import ungrid as ug
from ungrid.errors import InputError
from ungrid.signals.series import from_columns

T = np.arange(50.0)


def test_each_channel_has_a_panel(tmp_path):
    sizes = []
    for n in (1, 3):
        field = ug.fit(from_columns(np.stack([np.sin(T / (k + 3)) for k in range(n)], 1), T), callbacks=[])
        ug.render(field, tmp_path / "out.png")
        sizes.append(Image.open(tmp_path / "out.png").size)
    assert sizes[1][1] - sizes[0][1] == 2 * 168
    assert sizes[0][0] == sizes[1][0] == 1200


def test_the_line_is_where_the_values_are(tmp_path):
    ug.render(ug.fit(from_columns(np.linspace(0, 1, 50), T), callbacks=[]), tmp_path / "out.png")
    picture = np.asarray(Image.open(tmp_path / "out.png").convert("RGB")).astype(int)
    blue = (picture[..., 2] - picture[..., 0]) > 100
    rows = [np.flatnonzero(blue[:, column]).mean() for column in (150, 600, 1100)]
    assert rows[0] > rows[1] + 40 > rows[2] + 80, "a rising series rises"


def test_a_constant_and_a_picture_that_cannot_be_written(tmp_path):
    field = ug.fit(from_columns(np.full(20, 3.0)), callbacks=[])
    ug.render(field, tmp_path / "out.png")
    wide = ug.fit(from_columns(np.random.default_rng(0).normal(size=(60, 41))), callbacks=[])
    with pytest.raises(InputError, match="room for 40 channels"):
        ug.render(wide, tmp_path / "wide.png")
