import json

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.cli.main import main
from ungrid.measurements.noise import LEVELS, Gaussian
from ungrid.metrics.error import psnr
from ungrid.signals.image import read_picture, write_picture
from ungrid.testing.toys import tiny_picture


@pytest.fixture
def noisy(tmp_path):
    picture = tiny_picture(32, 24)
    values = Gaussian(20 / LEVELS).simulate(picture.values, torch.Generator().manual_seed(0)).clamp(0, 1)
    write_picture(tmp_path / "noisy.png", picture.with_values(values), bit_depth=16)
    return tmp_path / "noisy.png"


def test_a_picture_is_restored_in_its_own_depth_and_told_as_json(capsys, noisy):
    output = noisy.with_name("clean.png")
    assert main(["restore", str(noisy), "-o", str(output), "--denoise", "gaussian:20", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"output", "seconds", "noise", "stopped_by", "shares", "residual"} <= set(told)
    assert told["noise"] == "gaussian:20"
    found, truth = read_picture(output), tiny_picture(32, 24).values
    assert found.source["bit_depth"] == 16
    assert psnr(found.values, truth) > psnr(read_picture(noisy).values, truth) + 5


def test_a_field_is_written_where_the_name_says_so(noisy):
    assert main(["restore", str(noisy), "-o", str(noisy.with_name("a.ung")), "--method", "total_variation", "--quiet"]) == 0
    assert ug.load(noisy.with_name("a.ung")).grid().shape == (32, 24)


def test_classical_results_are_written_beside_and_compared(capsys, noisy):
    line = ["restore", str(noisy), "-o", str(noisy.with_name("b.png")), "--method", "field", "--compare-classical", "--json"]
    assert main(line) == 0
    compared = json.loads(capsys.readouterr().out)["compared"]
    assert set(compared) == {"nonlocal_bayes", "total_variation"}
    for name, told in compared.items():
        assert read_picture(noisy.with_name(f"b.{name}.png")).grid.shape == (32, 24)
        assert told["method"] == name
        assert 0.5 < told["residual"] < 1.5


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("noisy.png -o out.png --denoise gaussian:-3", 2, "sigma is -3"),
        ("noisy.png -o out.png --denoise gaussian:nan", 2, "sigma is nan"),
        ("noisy.png -o out.png --denoise gauss:25", 2, "no noise is called 'gauss'"),
        ("noisy.png -o out.png --denoise poisson:0", 2, "peak is 0"),
        ("noisy.png -o out.png --method fields", 2, "did you mean 'field'"),
        ("noisy.png -o out.xyz", 2, "a restored picture is written to .ung"),
        ("noisy.png -o out", 2, "a restored picture is written to .ung"),
        ("noisy.png -o noisy.png", 2, "that is the input"),
        ("noisy.png", 2, "output"),
        ("noisy.png -o out.png --save-kernel k.png", 2, "give --deblur blind"),
        ("noisy.png -o out.png --deblur blind --save-kernel k.jpg", 2, "expected a name ending in .npy"),
        ("noisy.png -o out.png --deblur blind --save-kernel out.png", 2, "that is the input or the output"),
        ("noisy.png -o out.png --deblur blind --save-kernel nowhere/k.png", 6, "nowhere"),
        ("noisy.png -o out.png --deblur blind:x", 2, "no whole number"),
        ("missing.png -o out.png", 2, "there is no file"),
        ("text.png -o out.png", 2, "holds text"),
        ("sound.npy -o out.png", 2, "kind"),
        ("noisy.png -o nowhere/out.png", 6, "nowhere"),
        ("noisy.png -o out.png --denoisse auto", 2, "did you mean '--denoise'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_touched(capsys, monkeypatch, noisy, words, code, message):
    monkeypatch.chdir(noisy.parent)
    (noisy.parent / "text.png").write_text("hello\n")
    np.save(noisy.parent / "sound.npy", np.zeros(64, dtype=np.float32))
    before = {path.name: path.read_bytes() for path in noisy.parent.iterdir()}
    assert main(["restore", *words.split()]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert {path.name: path.read_bytes() for path in noisy.parent.iterdir()} == before


@pytest.mark.parametrize("name", ["k.png", "k.npy"])
def test_a_blur_that_was_found_is_kept_and_can_be_given_again(capsys, tmp_path, name):
    scene = torch.rand(13, 13, 1, generator=torch.Generator().manual_seed(0)).repeat_interleave(6, 0).repeat_interleave(6, 1)
    write_picture(tmp_path / "in.png", (scene[1:] + scene[:-1])[3:75, 3:75] / 2, bit_depth=16)
    ask = ["restore", str(tmp_path / "in.png"), "--method", "classical", "--denoise", "gaussian:1", "--json"]
    assert main([*ask, "-o", str(tmp_path / "a.png"), "--deblur", "blind:7", "--save-kernel", str(tmp_path / name)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kernel"]["path"] == str(tmp_path / name)
    assert {"size", "sigma", "degrees", "evidence", "trusted"} <= set(told["kernel"])
    assert main([*ask, "-o", str(tmp_path / "b.png"), "--deblur", str(tmp_path / name)]) == 0
    assert psnr(read_picture(tmp_path / "a.png").values, read_picture(tmp_path / "b.png").values) > 60


def test_a_blur_that_is_not_borne_out_warns(capsys, tmp_path):
    write_picture(tmp_path / "in.png", torch.rand(64, 64, 1, generator=torch.Generator().manual_seed(0)))
    assert main(["restore", str(tmp_path / "in.png"), "-o", str(tmp_path / "a.png"), "--deblur", "blind:5", "--json"]) == 0
    told = capsys.readouterr()
    assert "do not trust it" in told.err
    assert json.loads(told.out)["kernel"]["trusted"] is False
