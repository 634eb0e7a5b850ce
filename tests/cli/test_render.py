import json
import os

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.cli.main import main
from ungrid.testing.toys import tiny_picture


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("render") / "a.ung"
    ug.fit(tiny_picture(12, 16), steps=30, callbacks=[]).save(path)
    return path


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ([], (12, 16)),
        (["--scale", "4"], (48, 64)),
        (["--scale", "0.5"], (6, 8)),
        (["--size", "20x30"], (30, 20)),
        (["--size", "32"], (24, 32)),
        (["--size", "32", "--region", "x=0:3,y=0:6"], (32, 16)),
        (["--region", "x=2:10"], (12, 8)),
        (["--region", "y=3:6,x=2:10", "--scale", "2"], (6, 16)),
    ],
)
def test_the_size_is_what_was_asked_for(capsys, file, tmp_path, options, shape):
    output = tmp_path / "b.png"
    assert main(["render", str(file), "-o", str(output), *options, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) >= {"output", "shape", "seconds"}
    assert (report["output"], report["shape"]) == (str(output), [*shape, 3])
    assert ug.load(output).grid.shape == shape


def test_the_picture_is_the_field_on_its_grid(file, tmp_path):
    field = ug.load(file)
    expected = field.sample(field.grid())
    for name in ("b.npy", "b.png"):
        assert main(["render", str(file), "-o", str(tmp_path / name), "--quiet"]) == 0
    torch.testing.assert_close(torch.from_numpy(np.load(tmp_path / "b.npy")), expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(ug.load(tmp_path / "b.png").values, expected.clamp(0, 1), atol=0.5 / 255 + 1e-6, rtol=0)


def test_shrinking_averages_light_unless_told_otherwise(file, tmp_path):
    for option in ([], ["--encoded"]):
        assert (
            main(["render", str(file), "-o", str(tmp_path / f"b{len(option)}.png"), "--scale", "0.25", *option, "--quiet"]) == 0
        )
    light, encoded = (ug.load(tmp_path / f"b{i}.png").values for i in (0, 1))
    assert (light >= encoded).all(), "a mean of light is never darker than that of encoded values: the curve is concave"
    assert light.mean() > encoded.mean()


def test_nothing_is_printed_when_quiet_and_nothing_but_the_report_when_not(capsys, file, tmp_path):
    assert main(["render", str(file), "-o", str(tmp_path / "b.png"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["render", str(file), "-o", str(tmp_path / "b.png"), "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_a_full_disk_leaves_the_old_picture(capsys, monkeypatch, file, tmp_path):
    def fail(*args):
        raise OSError(28, "No space left on device")

    (tmp_path / "b.png").write_bytes(b"old")
    monkeypatch.setattr("os.replace", fail)
    assert main(["render", str(file), "-o", str(tmp_path / "b.png")]) == 6
    assert "the disk is full" in capsys.readouterr().err
    assert (os.listdir(tmp_path), (tmp_path / "b.png").read_bytes()) == (["b.png"], b"old")
