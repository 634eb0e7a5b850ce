import dataclasses
import struct

import numpy as np
import pytest

from ungrid.bench.papers import files, fourier_features_image, kodak_coin, siren_audio, siren_image, table, wire_denoising
from ungrid.bench.papers.setting import FULL, QUICK, REDUCED, UNREAD, File
from ungrid.errors import Diverged, UnknownName
from ungrid.papers import bibtex
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture

KEYS = {
    "measurement",
    "data",
    "method",
    "role",
    "scale",
    "seed",
    "psnr",
    "published",
    "source",
    "tolerance",
    "verdict",
    "cpu_seconds",
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A picture and a sound that stand in for the settings' own."""
    write_picture(tmp_path / "toy.png", tiny_picture(80, 96))
    sound = np.sin(np.arange(2000) / 5).astype("<f4").tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 3, 1, 8000, 0, 0, 32, b"data", len(sound))
    (tmp_path / "toy.wav").write_bytes(head + sound)
    picture, tone = (File(name, files.checksum((tmp_path / name).read_bytes())) for name in ("toy.png", "toy.wav"))
    for module in (fourier_features_image, kodak_coin, wire_denoising, siren_audio):
        file = tone if module is siren_audio else picture
        name = next(name for name, setting in table.SETTINGS.items() if setting is module.SETTING)
        monkeypatch.setitem(table.SETTINGS, name, replaced(module.SETTING, file))
    monkeypatch.setattr(wire_denoising, "PARROTS", picture)
    monkeypatch.setattr(siren_audio, "BACH", tone)
    return tmp_path


def replaced(setting, file):
    return dataclasses.replace(setting, files=(file,))


@pytest.mark.parametrize("name", table.SETTINGS)
def test_every_setting_can_be_measured_beside_ours_and_the_classical(name, data):
    if name in ("siren-image", "siren-poisson"):
        pytest.importorskip("skimage")
    rows = table.reproduce([name], QUICK, [data])
    assert all(set(row) >= KEYS for row in rows)
    assert {"the paper's", "ours", "classical"} <= {row["role"] for row in rows}
    assert {row["measurement"] for row in rows} == {name}
    assert not [row for row in rows if row["verdict"] in ("pass", "fail")], "a quick run proves nothing"


@pytest.mark.parametrize("name", table.SETTINGS)
def test_every_setting_names_its_paper_its_sources_and_three_scales(name):
    setting = table.SETTINGS[name]
    assert bibtex([setting.paper])
    assert set(setting.scales) == {QUICK, REDUCED, FULL}
    assert setting.scales[FULL].is_papers
    assert setting.scales[QUICK].steps < setting.scales[REDUCED].steps < setting.scales[FULL].steps
    assert all(published.source for published in setting.published.values())
    assert any(setting.title in line for line in table.told([name], REDUCED))


def test_a_setting_without_its_files_is_skipped_with_the_reason(tmp_path):
    (row,) = table.reproduce(["siren-audio"], QUICK, [tmp_path])
    assert row["verdict"] == "skipped"
    assert "gt_bach.wav was not given" in row["note"]


def test_files_that_are_missing_beside_others_are_told(data, monkeypatch):
    setting = table.SETTINGS["siren-audio"]
    monkeypatch.setitem(table.SETTINGS, "siren-audio", dataclasses.replace(setting, files=(*setting.files, File("b.wav", "0"))))
    rows = table.reproduce(["siren-audio"], QUICK, [data])
    assert [row["note"] for row in rows if row["verdict"] == "skipped"] == ["b.wav was not given; say where it is with --data"]
    assert len(rows) == 4


def test_a_method_that_diverges_is_a_row_that_says_so(data, monkeypatch):
    def diverge(*_):
        raise Diverged("it exploded")

    monkeypatch.setattr(siren_audio, "_fitted", diverge)
    first, *others = table.reproduce(["siren-audio"], QUICK, [data])
    assert (first["psnr"], first["note"]) == (None, "it exploded")
    assert len(others) == 2


def test_what_was_not_read_is_said_to_be_unread(data):
    rows = table.reproduce(["siren-audio"], QUICK, [data])
    assert [row["published"] for row in rows if row["role"] == "the paper's"] == [UNREAD]


def test_a_run_goes_on_where_the_last_one_ended(data):
    kept = []
    rows = table.reproduce(["siren-audio"], QUICK, [data], keep=lambda rows: kept.append(list(rows)))
    assert [len(some) for some in kept] == [1, 2, 3, 3]
    told = []
    again = table.reproduce(["siren-audio"], QUICK, [data], done=kept[0], tell=told.append)
    assert again[0] == rows[0]
    assert len(told) == 2


def test_the_published_order_is_told(data):
    rows = table.reproduce(["ff2d-natural"], QUICK, [data])
    (order,) = [row for row in rows if row["method"].startswith("order")]
    psnr = [row["psnr"] for row in rows[:4]]
    assert order["verdict"] == ("holds" if psnr == sorted(psnr) else "does not hold")


def test_the_reference_of_siren_is_comparable_only_at_full_scale():
    assert siren_image.SETTING.published["SIREN"].same_data
    assert siren_image.SETTING.tolerance == 0.5


def test_an_unknown_setting_gives_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'siren-image'"):
        table.chosen(["siren-imag"])
