import json
import sys

import numpy as np
import pytest
from PIL import Image

import ungrid as ug
from ungrid.cli.main import main
from ungrid.fields.base import Field
from ungrid.fit.limits import Limits
from ungrid.signals.sample import sample_photo


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few steps: what is tested is what is written."""
    limits = Limits
    monkeypatch.setattr(sys.modules["ungrid.fit.limits"], "Limits", lambda: limits(steps=4))


def test_it_writes_a_field_and_pictures_and_prints_the_quality(capsys, tmp_path):
    assert main(["demo", "-o", str(tmp_path / "demo"), "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert set(told) >= {"output", "detail", "comparison", "curve", "n_params", "bytes", "psnr", "ssim", "seconds"}
    assert "chelsea.png: image of 451×300 samples" in shown.err
    names = sorted(path.name for path in (tmp_path / "demo").iterdir())
    assert names == ["comparison.png", "curve.png", "detail_x4.png", "photo.ung"]
    field = ug.load(told["output"])
    assert told["psnr"] == pytest.approx(field.metrics["quality"]["psnr"], rel=1e-6)
    with Image.open(told["detail"]) as detail:
        assert detail.size == (2 * 112 * 4 + 8, 80 * 4 + 22), "two details at four times their size, side by side"


def test_the_detail_shows_the_same_place_twice(tmp_path, monkeypatch):
    exact = ug.load(sample_photo())

    def nearest(self, grid, *, max_memory=None):
        y, x = (grid.axis_coords(axis).long() for axis in (0, 1))
        return exact.values[y][:, x]

    monkeypatch.setattr(Field, "sample", nearest)
    assert main(["demo", "-o", str(tmp_path), "--quiet"]) == 0
    sheet = np.asarray(Image.open(tmp_path / "detail_x4.png")).astype(float)[22:]
    bicubic, field = sheet[:, : 112 * 4], sheet[:, 112 * 4 + 8 :]
    error = np.abs(bicubic - field).mean()
    for axis in (0, 1):
        for pixel in (-4, 4):
            assert error < np.abs(bicubic - np.roll(field, pixel, axis)).mean(), "no other place fits better"


def test_without_matplotlib_the_curve_is_left_out_with_a_word(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["demo", "-o", str(tmp_path)]) == 0
    assert "pip install 'ungrid[plot]'" in capsys.readouterr().err
    assert not (tmp_path / "curve.png").exists()


def test_a_folder_that_cannot_be_made_is_the_machines_fault(capsys, tmp_path):
    (tmp_path / "file").touch()
    assert main(["demo", "-o", str(tmp_path / "file" / "demo")]) == 6
    assert "cannot write" in capsys.readouterr().err
