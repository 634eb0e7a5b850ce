import json

import pytest
import torch
from PIL import Image

import ungrid as ug
from ungrid.cli.main import main
from ungrid.metrics.image import picture_metrics
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture


@pytest.fixture
def folder(tmp_path):
    picture = tiny_picture(24, 32)
    write_picture(tmp_path / "a.png", picture)
    write_picture(tmp_path / "b.png", picture.with_values((picture.values + 0.02).clamp(0, 1)))
    write_picture(tmp_path / "small.png", tiny_picture(20, 32))
    ug.fit(ug.load(tmp_path / "a.png"), steps=5, callbacks=[]).save(tmp_path / "a.ung")
    return tmp_path


def compared(capsys, *arguments):
    assert main(["compare", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_two_pictures_are_measured_by_the_metrics(capsys, folder):
    told = compared(capsys, folder / "b.png", folder / "a.png")
    assert set(told) >= {"psnr", "ssim", "ms_ssim", "max_abs_error", "shape", "bands"}
    first, second = ug.load(folder / "b.png"), ug.load(folder / "a.png")
    for name, value in picture_metrics(first.values, second.values, second.channels).items():
        assert told[name] == value


def test_a_field_takes_the_grid_of_the_picture_in_either_place(capsys, folder):
    told = compared(capsys, folder / "a.ung", folder / "a.png")
    assert told["psnr"] == pytest.approx(ug.load(folder / "a.ung").metrics["quality"]["psnr"], rel=1e-6)
    turned = compared(capsys, folder / "a.png", folder / "a.ung")
    assert turned["shape"] == told["shape"] == [24, 32, 3]


def test_a_thing_against_itself_is_an_exact_match_which_json_has_as_null(capsys, folder):
    for name in ("a.png", "a.ung"):
        told = compared(capsys, folder / name, folder / name)
        assert told["psnr"] is None
        assert (told["max_abs_error"], told["ssim"]) == (0, pytest.approx(1))


def test_the_picture_is_written_where_it_was_asked_for(capsys, folder):
    told = compared(capsys, folder / "a.ung", folder / "a.png", "-o", folder / "c.png")
    assert told["output"] == str(folder / "c.png")
    with Image.open(folder / "c.png") as sheet:
        assert sheet.mode == "RGB"


def test_a_person_sees_numbers_and_bands(capsys, folder):
    assert main(["compare", str(folder / "b.png"), str(folder / "a.png")]) == 0
    shown = capsys.readouterr().out
    assert "psnr" in shown
    assert "error / signal" in shown
    assert main(["compare", str(folder / "b.png"), str(folder / "a.png"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_pictures_of_two_sizes_are_refused_by_name(capsys, folder):
    assert main(["compare", str(folder / "a.png"), str(folder / "small.png")]) == 2
    assert "cannot compare 32×24 with channels r g b with 32×20" in capsys.readouterr().err
    assert main(["compare", str(folder / "a.ung"), str(folder / "small.png")]) == 2
    assert "the field lives on a box of 32×24 px, the other has 32×20" in capsys.readouterr().err


def test_channels_must_be_the_same(capsys, folder):
    write_picture(folder / "gray.png", torch.rand(24, 32))
    assert main(["compare", str(folder / "a.png"), str(folder / "gray.png")]) == 2
    assert "expected the same size and channels" in capsys.readouterr().err
