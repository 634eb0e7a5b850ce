import json

import pytest
import torch

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.image import read_picture, write_picture
from ungrid.testing.toys import tiny_picture


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_picture("target.png", tiny_picture(24, 28), bit_depth=16)
    write_picture("source.png", tiny_picture(10, 12).values.flip(0))
    mask = torch.zeros(10, 12)
    mask[3:7, 3:9] = 1
    write_picture("mask.png", mask)
    return tmp_path


@pytest.mark.parametrize("more", [[], ["--mixed"], ["--mask", "mask.png"]])
def test_a_blend_has_the_targets_size_and_depth_and_is_told_as_json(capsys, folder, more):
    assert main(["blend", "source.png", "target.png", "--at", "y=3,x=5", "-o", "out.png", "--json", *more]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"output", "shape", "at", "pixels", "residual", "seconds"} <= set(told)
    assert told["pixels"] == (24 if more[:1] == ["--mask"] else 80)
    found = read_picture(folder / "out.png")
    assert found.source["bit_depth"] == 16
    torch.testing.assert_close(found.values[14:], read_picture(folder / "target.png").values[14:], atol=2e-5, rtol=0)


def test_a_blend_is_kept_as_a_field(folder):
    assert main(["blend", "source.png", "target.png", "--at", "x=5,y=3", "-o", "out.ung", "--quiet"]) == 0
    assert ug.load(folder / "out.ung").grid().shape == (24, 28)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("source.png target.png -o out.png --at y=30,x=0", 2, "leaves the target's 24"),
        ("source.png target.png -o out.png --at 3,4", 2, "expected something like y=40,x=60"),
        ("source.png target.png -o out.png --at y=3", 2, "expected y and x"),
        ("source.png target.png -o target.png --at y=3,x=3", 2, "that is an input"),
        ("source.png target.png -o out.xyz --at y=3,x=3", 2, "a blended picture is written to"),
        ("source.png missing.png -o out.png --at y=3,x=3", 2, "there is no file"),
        ("source.png target.png -o nowhere/out.png --at y=3,x=3", 6, "nowhere"),
        ("source.png target.png -o out.png --at y=3,x=3 --mask target.png", 2, "must be equal"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_touched(capsys, folder, words, code, message):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["blend", *words.split()]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
