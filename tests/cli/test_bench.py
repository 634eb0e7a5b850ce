import json

import pytest

from ungrid.bench import engine
from ungrid.cli.main import main
from ungrid.errors import MissingExtra
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture


@pytest.fixture
def toy(monkeypatch, tmp_path):
    tiny = engine.Sizes(points=256, rounds=1, decode_points=600, frame=(40, 60), presets=("fast",), steps=3)
    monkeypatch.setattr(engine, "QUICK", tiny)
    write_picture(tmp_path / "tiny.png", tiny_picture(24, 32))
    return ["bench", "engine", "--quick", "--images", str(tmp_path / "tiny.png")]


def no_measuring(*_, **__):
    raise AssertionError("it began to measure")


def test_the_json_has_the_keys_that_scripts_rely_on_and_three_files_are_written(capsys, toy, tmp_path):
    folder = tmp_path / "new" / "results"
    assert main([*toy, "-o", str(folder), "--json", "--only", "limits", "time_to_quality"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= {"suite", "rows", "machine", "commit"}
    assert told["suite"] == "engine"
    assert {row["measurement"] for row in told["rows"]} == {"limits", "time_to_quality"}
    assert {row["picture"] for row in told["rows"][1:] if "picture" in row} == {"tiny"}
    assert {path.name for path in folder.iterdir()} == {"engine.json", "engine.md", "engine.png"}
    kept = json.loads((folder / "engine.json").read_text())
    assert {key: told[key] for key in kept} == kept
    assert "## time_to_quality" in (folder / "engine.md").read_text()


def test_without_a_folder_the_tables_are_shown_and_nothing_is_written(capsys, toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*toy, "--only", "limits"]) == 0
    shown = capsys.readouterr()
    assert "## limits" in shown.out
    assert "limits …" in shown.err
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.png"]
    assert main([*toy, "--only", "limits", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_quick_may_stand_before_the_command(capsys, toy):
    assert main(["--quick", "bench", "engine", "--only", "limits", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["quick"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["engin"], "did you mean 'engine'?"),
        (["engine", "--only", "siren_steps"], "did you mean 'siren_step'?"),
        (["engine", "--images", "there-is-none.png"], "there-is-none.png"),
        (["engine", "--device", "cuda"], "measures the processor"),
        (["engine", "--quik"], "did you mean --quick"),
        ([], "missing"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_measuring(capsys, monkeypatch, arguments, said):
    monkeypatch.setattr(engine, "run", no_measuring)
    assert main(["bench", *arguments]) == 2
    assert said in capsys.readouterr().err.replace("'--quick'", "--quick")


def test_a_folder_that_cannot_be_is_refused_before_measuring(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "run", no_measuring)
    (tmp_path / "file").write_text("")
    assert main(["bench", "engine", "-o", str(tmp_path / "file")]) == 6
    assert main(["bench", "engine", "-o", str(tmp_path / "file" / "below")]) == 6
    assert "cannot write" in capsys.readouterr().err


def test_without_matplotlib_the_plot_is_refused_before_measuring(capsys, monkeypatch, tmp_path):
    def missing():
        raise MissingExtra("matplotlib", "plot", "drawing a suite's plot")

    monkeypatch.setattr(engine, "run", no_measuring)
    monkeypatch.setattr("ungrid.bench.report.check_plot", missing)
    assert main(["bench", "engine", "-o", str(tmp_path / "out")]) == 3
    assert "pip install 'ungrid[plot]'" in capsys.readouterr().err
