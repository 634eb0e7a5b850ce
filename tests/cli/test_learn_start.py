import json

import pytest

import ungrid as ug
from ungrid.cli.main import main
from ungrid.presets.tune import Tuning
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name, size in (("a", 8), ("b", 10), ("c", 9)):
        write_picture(tmp_path / "pictures" / f"{name}.png", tiny_picture(size, size))
    (tmp_path / "pictures" / ".hidden").write_text("no picture")
    return tmp_path / "pictures"


def test_a_folder_gives_a_start_that_a_fit_takes(capsys, folder, tmp_path):
    start = tmp_path / "start.ung"
    assert (
        main(["learn-start", str(folder), "-o", str(start), "--steps", "2", "--inner-steps", "2", "--preset", "cppn", "--json"])
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert (report["output"], report["method"], report["n_signals"], report["steps"]) == (str(start), "reptile", 3, 2)
    assert {"n_params", "bytes", "seconds", "psnr_from_start", "psnr_from_random", "device"} <= set(report)
    photo = folder / "a.png"
    assert main(["fit", str(photo), "--start", str(start), "--steps", "1", "--json"]) == 0
    capsys.readouterr()
    assert ug.load(photo.with_suffix(".ung")).record.fit["start"]["method"] == "reptile"


def test_quiet_says_nothing(capsys, folder, tmp_path):
    command = ["learn-start", str(folder), "-o", str(tmp_path / "s.ung"), "--steps", "1", "--preset", "cppn", "--quiet"]
    assert main([*command, "--method", "strainer"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_folder_of_too_few_or_none_is_an_error(capsys, folder, tmp_path):
    for name in ("b.png", "c.png"):
        (folder / name).unlink()
    assert main(["learn-start", str(folder), "-o", str(tmp_path / "s.ung")]) == 2
    assert "holds 1 pictures; a start is learned from at least 2" in capsys.readouterr().err
    assert main(["learn-start", str(folder / "a.png"), "-o", str(tmp_path / "s.ung")]) == 2
    assert "is a file; expected a folder" in capsys.readouterr().err
    assert main(["learn-start", str(tmp_path / "none"), "-o", str(tmp_path / "s.ung")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_a_fit_says_what_tuning_chose(capsys, monkeypatch, folder):
    found = Tuning("first_omega", 17.0, 12.0, {12.0: 30.0, 17.0: 31.0}, {})
    monkeypatch.setattr("ungrid.presets.plan.tune", lambda *args, **kwargs: found)
    assert main(["fit", str(folder / "a.png"), "--preset", "sine", "--tune", "--steps", "1", "--json"]) == 0
    assert (
        "first_omega 17: the spectrum suggests 12; at held-out samples after half a fit 12 30.0 dB, 17 31.0 dB"
        in capsys.readouterr().err
    )
    assert ug.load(folder / "a.ung").network.first_omega == 17.0
