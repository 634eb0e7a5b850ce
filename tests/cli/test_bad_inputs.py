"""Everything a person may get wrong: one line that says what, the exit code, and not a byte changed on the disk."""

import json
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture

LONG = "x" * 300


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with good and bad files."""
    folder = tmp_path_factory.mktemp("bad")
    write_picture(folder / "photo.png", tiny_picture(24, 32))
    write_picture(folder / "small.png", tiny_picture(20, 32))
    write_picture(folder / "alpha.png", tiny_picture(24, 32, ("r", "g", "b", "a")))
    write_picture(folder / "deep.png", tiny_picture(24, 32), bit_depth=16)
    if find_spec("OpenEXR"):
        write_picture(folder / "light.exr", tiny_picture(8, 8))
    Image.new("RGB", (8, 8)).save(folder / "real.jpg")
    ug.fit(ug.load(folder / "photo.png"), steps=2, callbacks=[]).save(folder / "photo.ung")
    ug.fit(ug.load(folder / "alpha.png"), steps=2, callbacks=[]).save(folder / "alpha.ung")
    ug.presets.siren(tiny_picture().box, 3, width=4, depth=1).save(folder / "bare.ung")
    photo, field = (folder / "photo.png").read_bytes(), (folder / "photo.ung").read_bytes()
    for name, content in {
        "empty.png": b"", "text.png": b"hello, world\n" * 9, "cut.png": photo[: len(photo) // 2], "zeros.png": bytes(200),
        "cut.jpg": (folder / "real.jpg").read_bytes()[:300], "document.pdf": b"%PDF-1.7\n\0\0",
        "picture.exr": b"v/1\x01" + bytes(60),
        "empty.ung": b"", "cut.ung": field[:-100], "longer.ung": field + b"\0", "photo_as.ung": photo, "zeros.ung": bytes(200),
        "header.csv": b"y,x\n", "words.csv": b"y,x\none,two\n", "three.csv": b"1,2,3\n", "junk.npy": b"junk",
    }.items():  # fmt: skip
        (folder / name).write_bytes(content)
    np.save(folder / "nan.npy", np.full((3, 2), np.nan))
    huge = bytearray(photo)
    huge[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    (folder / "huge.png").write_bytes(bytes(huge))
    (folder / "folder").mkdir()
    return folder


# command line (names are of files in the folder), exit code, a part of the message
BAD = [
    # what is read
    ("fit missing.png", 2, "there is no file"),
    ("fit folder", 2, "is a folder"),
    ("fit .", 2, "is a folder"),
    ("fit empty.png", 2, "empty.png is empty (0 bytes)"),
    ("fit text.png", 2, "text.png holds text; expected a"),
    ("fit zeros.png", 2, "data of no known kind"),
    ("fit document.pdf", 2, "holds a PDF document"),
    ("fit cut.png", 2, "it is cut off"),
    ("fit cut.jpg", 2, "cut off"),
    ("fit picture.exr", 2, "picture.exr"),
    ("fit huge.png", 2, "huge.png"),
    ("fit photo.ung", 2, "is a fitted field already; expected a signal"),
    ("fit photo_as.ung", 4, "photo_as.ung is not a .ung file"),
    ("info missing.ung", 2, "there is no file"),
    ("info folder", 2, "is a folder"),
    ("info photo.png", 4, "is not a .ung file"),
    ("info empty.ung", 4, "has 0 bytes"),
    ("info cut.ung", 4, "it is cut off or has bytes appended"),
    ("info longer.ung", 4, "it is cut off or has bytes appended"),
    ("info zeros.ung", 4, "zeros.ung"),
    ("render cut.ung -o new.png", 4, "it is cut off or has bytes appended"),
    ("render photo.png -o new.png", 4, "is not a .ung file"),
    ("query missing.ung --at y=1,x=1", 2, "there is no file"),
    ("query longer.ung --at y=1,x=1", 4, "bytes appended"),
    ("compare photo.png missing.png", 2, "there is no file"),
    ("compare text.png photo.png", 2, "text.png holds text"),
    ("compare cut.ung photo.png", 4, "cut off"),
    ("compare photo.png small.png", 2, "expected the same size and channels"),
    ("compare photo.ung small.png", 2, "expected one size"),
    ("compare photo.png alpha.png", 2, "expected the same size and channels"),
    ("compare bare.ung photo.png", 2, "expected one size"),
    ("cite missing.ung", 2, "there is no file missing.ung"),
    ("cite photo.png", 4, "is not a .ung file"),
    ("cite cut.ung", 4, "cut off"),
    # what is asked
    ("ft photo.png", 2, "no command is called 'ft'"),
    ("--steps 3", 2, "no command was given"),
    ("fit photo.png --stps 3", 2, "did you mean '--steps'?"),
    ("fit photo.png --resum", 2, "did you mean '--resume'?"),
    ("fit", 2, "fit: missing PATH"),
    ("fit photo.png other.png", 2, "cannot place 'other.png'"),
    ("fit photo.png --steps", 2, "Missing value for argument '--steps'"),
    ("fit photo.png --steps two", 2, "--steps is 'two', expected INT"),
    ("fit photo.png --steps 2.5", 2, "--steps is '2.5', expected INT"),
    ("fit photo.png --steps -1", 2, "steps is -1; expected at least 0"),
    ("fit photo.png --max-seconds 0", 2, "max_seconds is 0.0; expected more than 0"),
    ("fit photo.png --max-seconds nan", 2, "max_seconds is nan"),
    ("fit photo.png --target-psnr inf", 2, "target_psnr is inf"),
    ("fit photo.png --max-bytes 10", 2, "a field of this signal needs at least"),
    ("fit photo.png --preset hash_grid --max-bytes 100000 --steps 1", 2, "above --max-bytes 100,000"),
    ("fit photo.png --preset sirn", 2, "did you mean 'siren'?"),
    ("fit photo.png --as sound", 2, "no kind is called 'sound'; there are"),
    ("fit photo.png --device gpu", 2, "invalid choice 'gpu' for argument '--device'"),
    ("fit photo.png --seed -1", 2, "--seed is -1; expected 0 to"),
    ("fit photo.png --seed 99999999999999999999999", 2, "--seed is 99999999999999999999999"),
    ("fit photo.png --max-memory lots", 2, "'lots' is no number of bytes"),
    ("fit photo.png --max-memory 1MB", 2, "max_memory is too small"),
    ("fit photo.png -o photo.png", 2, "that is the input"),
    ("fit photo.png -o folder", 2, "it is a folder; give the name of a file in it"),
    ("info photo.ung --max-memory lots", 2, "'lots' is no number of bytes"),
    ("query photo.ung", 2, "say where: --at y=0,x=0, or --points FILE.csv"),
    ("query photo.ung --at y=1", 2, "does not say where along x"),
    ("query photo.ung --at y=1,z=2", 2, "cannot read 'z=2'"),
    ("query photo.ung --at y=one,x=2", 2, "'one' is not a number"),
    ("query photo.ung --at y=nan,x=2", 2, "not a finite number"),
    ("query photo.ung --at y=1,x=2 --derivative slope", 2, "invalid choice 'slope'"),
    ("query photo.ung --points missing.csv", 2, "there is no file"),
    ("query photo.ung --points header.csv", 2, "holds no numbers"),
    ("query photo.ung --points words.csv", 2, "row 2: 'one,two' are not numbers"),
    ("query photo.ung --points three.csv", 2, "expected one place a row, [n, 2]"),
    ("query photo.ung --points junk.npy", 2, "cannot be read as an npy file of numbers"),
    ("query photo.ung --points nan.npy", 2, "not finite in row 1"),
    ("query photo.ung --at y=1,x=2 -o new.txt", 2, "expected a name ending in .csv or .npy"),
    ("render photo.ung", 2, "render: missing -o"),
    ("render photo.ung -o new.gif", 2, "cannot write new.gif: a field of kind image is drawn to"),
    ("render photo.ung -o new", 2, "cannot write new: a field of kind image"),
    ("render photo.ung -o folder", 2, "cannot write folder"),
    ("render alpha.ung -o new.jpg", 2, ".jpg cannot hold an alpha channel; these can:"),
    ("render bare.ung -o new.png", 2, "only a field fitted to a sampled signal can be drawn"),
    ("render photo.ung -o new.png --size 0x5", 2, "--size 0x5: expected WIDTHxHEIGHT"),
    ("render photo.ung -o new.png --size big", 2, "--size big: expected WIDTHxHEIGHT"),
    ("render photo.ung -o new.png --size 999999999x999999999", 2, "cannot be made"),
    ("render photo.ung -o new.jpg --size 70000x2", 2, "holds sides of at most 65500 pixels"),
    ("render photo.ung -o new.png --scale 0", 2, "scale is 0.0; expected a positive number"),
    ("render photo.ung -o new.png --scale nan", 2, "scale is nan"),
    ("render photo.ung -o new.png --scale 2 --size 9", 2, "give --size or --scale, not both"),
    ("render photo.ung -o new.png --region y=0:100", 2, "whose y runs over 0:24 px"),
    ("render photo.ung -o new.png --region y=5:5", 2, "does not lie in the box"),
    ("render photo.ung -o new.png --region z=0:5", 2, "cannot read 'z=0:5'; the axes are ('y', 'x')"),
    ("render photo.ung -o new.png --region y=5", 2, "expected LOW:HIGH"),
    ("render photo.ung -o new.png --max-memory 100", 2, "max_memory of 100 bytes is too small"),
    ("compare photo.png photo.png -o new.xyz", 2, "expected a .png or .jpg name"),
    ("compare photo.png", 2, "compare: missing PATH"),
    ("cite Sirne", 2, "'Sirne'"),
    ("demo --preset sirn -o folder", 2, "did you mean 'siren'?"),
    # where it is to be written
    ("fit photo.png -o missing/new.ung", 6, "missing does not exist; create it first"),
    ("fit photo.png -o photo.png/new.ung", 6, "is not a folder"),
    (f"fit photo.png -o {LONG}.ung", 6, "File name too long"),
    ("fit photo.png --steps 1 --log missing/log.jsonl", 6, "missing does not exist; create it first"),
    ("render photo.ung -o missing/new.png", 6, "missing does not exist"),
    ("query photo.ung --at y=1,x=2 -o missing/new.csv", 6, "missing does not exist"),
    ("compare photo.png photo.png -o missing/new.png", 6, "missing does not exist"),
    ("demo -o photo.png", 6, "cannot write photo.png"),
]


def contents(folder):
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def refused(capsys, folder, arguments, code, fragment):
    """Run a command line that must fail as it should, and leave everything as it was."""
    before = contents(folder)
    assert main(arguments) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    said = [line for line in shown.err.splitlines() if line.startswith("ungrid: ")]
    assert said == shown.err.splitlines()[-1:]
    assert fragment in said[0]
    assert contents(folder) == before


@pytest.mark.parametrize(("line", "code", "fragment"), BAD, ids=[line[:60] for line, *_ in BAD])
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_touched(
    capsys, monkeypatch, prepared, unchecked_types, line, code, fragment
):
    monkeypatch.chdir(prepared)
    refused(capsys, prepared, line.split(), code, fragment)


@pytest.mark.parametrize(("line", "code", "fragment"), BAD[::6], ids=[line[:60] for line, *_ in BAD[::6]])
def test_with_json_the_same_is_one_object(capsys, monkeypatch, prepared, unchecked_types, line, code, fragment):
    monkeypatch.chdir(prepared)
    assert main(["--json", *line.split()]) == code
    error = json.loads(capsys.readouterr().out)["error"]
    assert set(error) == {"type", "message", "exit_code"}
    assert error["exit_code"] == code
    assert fragment in error["message"]


@pytest.mark.parametrize(
    ("line", "package", "extra"),
    [
        ("fit deep.png", "imagecodecs", "image"),
        ("fit light.exr", "OpenEXR", "image"),
        ("render photo.ung -o new.exr", "OpenEXR", "image"),
        ("compare deep.png photo.png", "imagecodecs", "image"),
        ("fit photo.png --steps 1 --tensorboard logs", "torch.utils.tensorboard", "track"),
    ],
)
def test_a_missing_extra_is_told_with_its_install_line(capsys, monkeypatch, prepared, line, package, extra):
    monkeypatch.chdir(prepared)
    if "light" in line and not (prepared / "light.exr").exists():
        pytest.skip("needs the extra: image")
    monkeypatch.setitem(sys.modules, package, None)
    refused(capsys, prepared, line.split(), 3, f"install it with: pip install 'ungrid[{extra}]'")
