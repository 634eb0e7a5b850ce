import json

import pytest

from ungrid.bench import engine, rates
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


def test_the_json_has_the_keys_that_scripts_rely_on_and_four_files_are_written(capsys, toy, tmp_path):
    folder = tmp_path / "new" / "results"
    assert main([*toy, "-o", str(folder), "--json", "--only", "limits", "time_to_quality"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= {"suite", "rows", "machine", "commit"}
    assert told["suite"] == "engine"
    assert {row["measurement"] for row in told["rows"]} == {"limits", "time_to_quality"}
    assert {row["picture"] for row in told["rows"][1:] if "picture" in row} == {"tiny"}
    assert {path.name for path in folder.iterdir()} == {"engine.json", "engine.md", "engine.png", "engine.html"}
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
        (["engine", "--models", "siren"], "the suite engine has no --models"),
        (["restore", "--only", "denoize"], "did you mean 'denoise'?"),
        (["restore", "--models", "siren"], "the suite restore has no --models"),
        (["engine", "picture.png"], "the suite engine takes no names or files"),
        (["models", "--scale", "full"], "the suite models has no --scale"),
        (["models", "--models", "sirens"], "did you mean 'siren'?"),
        (["models", "there-is-none.png", "--quick"], "there-is-none.png"),
        (["models", "--seeds", "0"], "--seeds is 0"),
        (["models", "--params", "0"], "--params is 0"),
        (["models", "--seconds", "-1"], "--seconds is -1"),
        (["papers", "siren-imag"], "did you mean 'siren-image'?"),
        (["papers", "--seeds", "2"], "the suite papers has no --seeds"),
        (["papers", "--resume"], "--resume needs the folder"),
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


def test_models_are_compared_on_ones_own_files(capsys, tmp_path):
    write_picture(tmp_path / "mine.png", tiny_picture(24, 32))
    line = ["bench", "models", str(tmp_path / "mine.png"), "--quick", "--models", "siren,dense_grid", "--seconds", "0.05"]
    assert main([*line, "--seeds", "2", "--params", "5000", "--json", "-o", str(tmp_path / "out")]) == 0
    told = json.loads(capsys.readouterr().out)
    fits = [row for row in told["rows"] if row["measurement"] == "fits" and row["kind"] == "model"]
    assert {(row["name"], row["seed"]) for row in fits} == {(name, seed) for name in ("siren", "dense_grid") for seed in (0, 1)}
    assert all(abs(row["n_params"] / 5000 - 1) < 0.05 for row in fits)
    assert any("8,192" in line for line in told["settings"])
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".md", ".png", ".html"}
    assert "mine.png" in (tmp_path / "out" / "models.html").read_text()


def test_tuned_rates_are_kept_and_used(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(rates, "FILE", tmp_path / "rates.json")
    for name in ("tuned.png", "other.png"):
        write_picture(tmp_path / name, tiny_picture(24, 32 if name == "tuned.png" else 30))
    quick = ["--quick", "--models", "siren", "--seconds", "0.05", "--params", "3000", "--json"]
    assert main(["bench", "models", str(tmp_path / "tuned.png"), "--tune", *quick]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert rates.read_rates().of("siren") == row["factor"]
    assert main(["bench", "models", str(tmp_path / "other.png"), *quick]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"][0]["note"] is None
    assert {row["rate_factor"] for row in told["rows"] if "rate_factor" in row} == {row["factor"]}
    assert main(["bench", "models", str(tmp_path / "tuned.png"), *quick]) == 0
    notes = {row["note"] for row in json.loads(capsys.readouterr().out)["rows"] if row["kind"] == "model"}
    assert notes == {"rates were tuned on this signal"}


def test_papers_say_what_is_skipped_and_can_go_on(capsys, tmp_path):
    line = ["bench", "papers", "siren-audio", "--quick", "-o", str(tmp_path), "--data", str(tmp_path), "--json"]
    assert main(line) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["verdict"] == "skipped"
    assert main([*line, "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [row]
    other = json.loads((tmp_path / "papers.json").read_text()) | {"settings": ["of another size"]}
    (tmp_path / "papers.json").write_text(json.dumps(other))
    assert main([*line, "--resume"]) == 2
    assert "was on other terms (of another size)" in capsys.readouterr().err
    (tmp_path / "papers.json").write_text("[]")
    assert main([*line, "--resume"]) == 2
    assert "leave out --resume" in capsys.readouterr().err
