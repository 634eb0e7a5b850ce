"""`ungrid fit` in tiles: by the command line, also killed, also with bad inputs."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

import ungrid as ug
from ungrid.cli.main import main
from ungrid.fields.tiled import TiledField

KEYS = {"output", "kind", "preset", "n_params", "n_values", "bytes", "steps", "seconds", "quality", "heldout", "device", "tiles"}


def run(line):
    """The exit code of a command line."""
    return main(line.split())


def waves(*shape):
    axes = np.meshgrid(*(np.linspace(0, 3, n) for n in shape), indexing="ij")
    return (127 + 120 * np.prod([np.sin(2 * axis + k) for k, axis in enumerate(axes)], axis=0)).astype("u1")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with good and bad files."""
    folder = tmp_path_factory.mktemp("large")
    np.save(folder / "good.npy", waves(40, 64))
    np.save(folder / "nan.npy", np.full((40, 64), np.nan, "f4"))
    np.save(folder / "complex.npy", np.ones((40, 64), "c8"))
    np.save(folder / "signed.npy", np.ones((40, 64), "i2"))
    np.save(folder / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(folder / "empty.npy", np.ones((0, 64), "u1"))
    np.save(folder / "deep.npy", np.ones((2, 2, 2, 2, 2), "u1"))
    (folder / "cut.npy").write_bytes((folder / "good.npy").read_bytes()[:-100])
    Image.fromarray(waves(40, 64)).save(folder / "photo.png")
    (folder / "cut.png").write_bytes((folder / "photo.png").read_bytes()[:200])
    (folder / "text.txt").write_text("hello\n" * 9)
    (folder / "folder").mkdir()
    (folder / "broken.zarr").mkdir()
    (folder / "broken.zarr" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "array"}')
    return folder


BAD = [
    ("missing.npy --tiled", 2, "there is no file"),
    ("nan.npy --tiled", 2, "none of the samples that were looked at can be read"),
    ("complex.npy --tiled", 2, "holds complex64"),
    ("signed.npy --tiled", 2, "expected unsigned integers"),
    ("objects.npy --tiled", 2, "cannot be read as numbers"),
    ("empty.npy --tiled", 2, "none of them 0"),
    ("deep.npy --tiled", 2, "has shape (2, 2, 2, 2, 2)"),
    ("cut.npy --tiled", 2, "cannot be read as numbers"),
    ("cut.png --tiled", 2, "cut off"),
    ("text.txt --tiled", 2, "text.txt cannot be read by blocks"),
    ("folder --tiled", 2, "is a folder"),
    ("good.npy --tiled --as audio", 2, "a audio is not read by blocks"),
    ("photo.png --tiled --as volume", 2, "cannot be read by blocks as volume"),
    ("good.npy --tile 3", 2, "a tile of 3 samples a side"),
    ("good.npy --tile 1000000", 2, "expected 32 to 4096"),
    ("good.npy --tile two", 2, "--tile is 'two', expected INT"),
    ("good.npy --workers 0", 2, "--workers is 0; expected 1 to"),
    ("good.npy --workers -3", 2, "--workers is -3"),
    ("good.npy --tiled --preset siren", 2, "for signals that fit into memory"),
    ("good.npy --tiled --preset bset", 2, "bset"),
    ("good.npy --tiled --max-memory 1MB", 2, "fitting tiles needs"),
    ("good.npy --tiled --max-bytes 100", 2, "tiles need at least"),
    ("good.npy --tiled --mask photo.png", 2, "--mask is for signals that are fitted in one piece"),
    ("good.npy --tiled --uncertainty laplace", 2, "--uncertainty is for signals"),
    ("good.npy --tiled --log new.jsonl", 2, "--log is for signals"),
    ("good.npy --tiled -o good.npy", 2, "that is the input"),
    ("good.npy --tiled -o missing/new.ung", 6, "create it first"),
    *([("broken.zarr", 2, "broken.zarr")] if find_spec("zarr") else [("broken.zarr", 3, "ungrid[arrays]")]),
]


@pytest.mark.parametrize(("arguments", "code", "said"), BAD)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_left(prepared, monkeypatch, capsys, arguments, code, said):
    monkeypatch.chdir(prepared)
    before = sorted(path.name for path in prepared.iterdir())
    output = [] if "-o " in arguments else ["-o", "new.ung"]
    assert main(["fit", *arguments.split(), *output]) == code
    error = capsys.readouterr().err.strip().splitlines()
    assert said in error[-1]
    assert not any("Traceback" in line for line in error)
    assert sorted(path.name for path in prepared.iterdir()) == before


def test_a_picture_is_fitted_in_tiles_when_asked_with_the_same_keys(prepared, monkeypatch, capsys):
    monkeypatch.chdir(prepared)
    assert run("fit photo.png -o photo.ung --tile 32 --workers 1 --steps 8 --json") == 0
    found = capsys.readouterr()
    report = json.loads(found.out)
    assert set(report) >= KEYS
    assert report["tiles"] == {"n": 4, "failed": 0, "workers": 1}
    assert "64×40 samples, 2,560 values, fitted in tiles" in found.err
    assert "4 of 4 tiles" in found.err
    assert not (prepared / "photo.ung.parts").exists()
    field = ug.load("photo.ung")
    assert isinstance(field, TiledField)
    assert field.record.source["format"] == "PNG"
    assert run("info photo.ung --json") == 0
    assert run("query photo.ung --at y=20,x=30 --derivative gradient --json") == 0
    assert run("render photo.ung -o drawn.png --region y=10:30,x=20:50 --json") == 0
    assert run("compare photo.ung photo.png --json") == 0
    assert run("cite photo.ung") == 0
    assert run("diagnose photo.ung photo.png --json") == 0
    (prepared / "photo.ung").unlink()
    (prepared / "drawn.png").unlink()


def test_a_bad_tile_is_exit_code_five_with_the_rest_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    array = waves(32, 96).astype("f4") / 255
    array[3, 90] = np.inf
    np.save("a.npy", array)
    assert run("fit a.npy -o a.ung --tile 32 --workers 1 --steps 4 --json") == 5
    report = json.loads(capsys.readouterr().out)
    assert report["tiles"]["failed"] == 1
    assert "1 of 3 tiles failed" in report["error"]["message"]
    assert "tile 2 at y=0:32, x=56:96" in report["error"]["message"]
    assert ug.load("a.ung")([[10.0, 20.0]]).isfinite().all()


def test_a_fit_that_is_killed_goes_on_with_resume(tmp_path):
    np.save(tmp_path / "a.npy", waves(32, 32 * 6))
    command = [
        sys.executable,
        "-m",
        "ungrid.cli",
        "fit",
        "a.npy",
        "-o",
        "a.ung",
        "--tile",
        "32",
        "--workers",
        "1",
        "--steps",
        "60",
    ]
    folder = tmp_path / "a.ung.parts"
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None and len(list(folder.glob("*/0*.safetensors"))) < 2:
        time.sleep(0.02)
    assert process.poll() is None, "the fit ended before it was killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "a.ung").exists()
    done = {path.name: path.stat().st_mtime_ns for path in folder.glob("*/0*.safetensors")}
    assert 2 <= len(done) < 6
    again = subprocess.run([*command, "--resume", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True)
    report = json.loads(again.stdout)
    assert report["tiles"] == {"n": 6, "failed": 0, "workers": 1}
    assert report["steps"] == 6 * 60
    assert not folder.exists()
