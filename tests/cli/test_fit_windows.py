"""`ungrid fit` of films and sound in windows of time: chosen by memory, killed, drawn, compared."""

import json
import os
import signal
import subprocess
import sys
import time
import wave

import numpy as np
import pytest

import ungrid as ug
from ungrid.cli.main import main
from ungrid.fields.tiled import TiledField
from ungrid.signals.audio import read_sound
from ungrid.signals.video import from_frames, read_film, write_film


def run(line):
    """The exit code of a command line."""
    return main(line.split())


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A film of forty frames of 48 × 64 pixels."""
    pytest.importorskip("av")
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    t, y, x = np.meshgrid(np.arange(40), np.arange(48), np.arange(64), indexing="ij")
    values = 127 + 100 * np.sin(x / 5 + t / 3) * np.cos(y / 6)
    write_film(path, from_frames(np.stack([values, values[::-1], 255 - values], -1).astype("u1"), 25.0))
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A second of sound with a title."""
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((9000 * np.sin(np.arange(20_000) ** 1.3 / 90)).astype("<i2").tobytes())
    return path


def test_a_film_is_fitted_in_windows_drawn_and_compared(film, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fit = f"fit {film} -o film.ung --tile 32 --workers 1 --preset fast --steps 40 --region t=0:1.6 --json"
    assert run(fit) == 0
    found = capsys.readouterr()
    report = json.loads(found.out)
    assert report["kind"] == "video"
    assert report["tiles"] == {"n": 8, "failed": 0, "workers": 1}
    assert "64×48×40 samples, 368,640 values, fitted in tiles" in found.err
    assert not (tmp_path / "film.ung.parts").exists()
    assert isinstance(ug.load("film.ung"), TiledField)
    assert run("info film.ung --json") == 0
    source = json.loads(capsys.readouterr().out)["source"]
    assert (source["frame_rate"], source["codec"], source["file"]) == ("25", "ffv1", "film.mkv")
    assert run("render film.ung -o part.mkv --region t=0.4:0.8,x=10:50 --fps 50 --json") == 0
    assert read_film("part.mkv").grid.shape == (20, 48, 40)
    assert run("render film.ung -o small.mkv --size 32 --json") == 0
    assert read_film("small.mkv").grid.shape == (40, 24, 32)
    capsys.readouterr()
    compared = []
    for memory in ("", "--max-memory 3MB"):  # whole, and a part at a time
        assert run(f"compare film.ung {film} --json {memory}") == 0
        compared.append(json.loads(capsys.readouterr().out))
    assert compared[1]["psnr"] == pytest.approx(compared[0]["psnr"], abs=1e-3)
    assert compared[1]["psnr_lowest"] == pytest.approx(compared[0]["psnr_lowest"], abs=1e-3)
    assert report["quality"]["psnr"] == pytest.approx(compared[0]["psnr"], abs=1e-3)


def test_sound_is_fitted_in_windows_where_memory_is_short(sound, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(f"fit {sound} -o one.ung --json") == 0
    one = json.loads(capsys.readouterr().out)
    assert one["tiles"] is None
    assert run(f"fit {sound} -o sound.ung --tile 5000 --workers 1 --json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["tiles"] == {"n": 4, "failed": 0, "workers": 1}
    assert report["quality"]["snr"] > one["quality"]["snr"] - 0.2
    assert report["heldout"]["n_samples"] == pytest.approx(200, abs=8)
    assert 0 < report["heldout"]["psnr"] < report["quality"]["snr"]
    assert run("render sound.ung -o slow.wav --rate 4000 --json") == 0
    assert run("render sound.ung -o part.wav --region t=0.5:1 --rate 16000 --json") == 0
    assert read_sound("slow.wav").grid.shape == (10_000,)
    assert read_sound("part.wav").grid.shape == (8000,)
    capsys.readouterr()
    assert run(f"compare sound.ung {sound} --json --max-memory 1MB") == 0
    assert json.loads(capsys.readouterr().out)["snr"] == pytest.approx(report["quality"]["snr"], abs=1e-2)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("--max-memory 1MB", 2, "fitting tiles needs"),
        ("--tiled --preset siren_video", 2, "preset siren_video is for signals that fit into memory"),
        ("--tiled --region t=5:9", 2, "does not lie in the box"),
        ("--tiled --mask mask.png", 2, "--mask is for signals that are fitted in one piece"),
        ("--tiled --as audio", 2, "film.mkv"),
        ("--tile 4", 2, "a tile of 4 samples a side"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_left(film, tmp_path, monkeypatch, capsys, options, code, said):
    monkeypatch.chdir(tmp_path)
    assert run(f"fit {film} -o new.ung {options}") == code
    error = capsys.readouterr().err.strip().splitlines()
    assert said in error[-1]
    assert not any("Traceback" in line for line in error)
    assert list(tmp_path.iterdir()) == []


def test_a_film_whose_fit_is_killed_goes_on_with_resume(film, tmp_path):
    words = f"-m ungrid.cli fit {film} -o a.ung --tile 32 --workers 1 --preset fast --steps 30"
    command, folder = [sys.executable, *words.split()], tmp_path / "a.ung.parts"
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None and len(list(folder.glob("*/0*.safetensors"))) < 2:
        time.sleep(0.02)
    assert process.poll() is None, "the fit ended before it was killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (folder / "source.npy").exists()
    assert 2 <= len(list(folder.glob("*/0*.safetensors"))) < 8
    again = subprocess.run([*command, "--resume", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True)
    report = json.loads(again.stdout)
    assert report["tiles"] == {"n": 8, "failed": 0, "workers": 1}
    assert not folder.exists()
