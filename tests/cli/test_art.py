import json

import pytest
import torch
from PIL import Image

import ungrid as ug
from ungrid.cli.main import main
from ungrid.domain.grid import Grid
from ungrid.presets.art import random_art
from ungrid.testing.toys import pixel_box

SMALL = ["--count", "4", "--size", "24x16", "--quiet"]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A folder with a first generation of four, saved."""
    folder = tmp_path_factory.mktemp("art")
    assert main(["art", "-o", str(folder / "sheet.png"), "--save", str(folder / "first"), *SMALL]) == 0
    ug.presets.siren(pixel_box(), 3, width=4, depth=1).save(folder / "siren.ung")
    (folder / "bad.ung").write_bytes(b"nonsense, and not short")
    (folder / "file").write_bytes(b"in the way")
    return folder


def drawn(field):
    return field.sample(Grid(field.box, (8, 12)))


def test_a_sheet_shows_as_many_pictures_as_asked_for_with_their_seeds(capsys, tmp_path):
    output = tmp_path / "sheet.png"
    assert main(["art", "-o", str(output), "--seed", "7", "--count", "6", "--size", "20x30", "--columns", "3", "--json"]) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert set(report) == {"output", "numbers", "fields", "shape", "seconds"}
    assert (report["numbers"], report["fields"]) == ([7, 8, 9, 10, 11, 12], [])
    with Image.open(output) as sheet:
        assert [sheet.height, sheet.width, 3] == report["shape"]
    assert report["shape"][1] == 3 * (20 + 6) + 6
    assert shown.err == ""


def test_saved_pictures_are_the_fields_of_their_seeds(session, tmp_path):
    for number in range(4):
        saved = ug.load(session / "first" / f"{number}.ung")
        assert torch.equal(drawn(saved), drawn(random_art(number, size=(341, 512))))
    assert main(["render", str(session / "first" / "2.ung"), "-o", str(tmp_path / "a.png"), "--size", "60", "--quiet"]) == 0
    assert ug.load(tmp_path / "a.png").grid.shape == (40, 60)


def test_picks_are_the_first_of_the_next_sheet_and_children_follow(session, tmp_path):
    line = ["art", "--generation", str(session / "first"), "--pick", "3,1", "-o", str(tmp_path / "b.png")]
    assert main([*line, "--save", str(tmp_path / "next"), *SMALL]) == 0
    first = {number: drawn(ug.load(session / "first" / f"{number}.ung")) for number in range(4)}
    after = [drawn(ug.load(tmp_path / "next" / f"{number}.ung")) for number in range(4)]
    assert torch.equal(after[0], first[3])
    assert torch.equal(after[1], first[1])
    assert all(not torch.allclose(child, parent, atol=1e-2) for child in after[2:] for parent in first.values())


def test_numbers_files_and_a_saved_generation_name_the_same_parents(session, tmp_path):
    files = [str(session / "first" / f"{number}.ung") for number in (0, 2)]
    lines = (["--pick", "0,2"], ["--pick", "0,2", "--generation", str(session / "first")], ["--parents", *files])
    for index, line in enumerate(lines):
        assert main(["art", *line, "-o", str(tmp_path / f"{index}.png"), *SMALL]) == 0
    sheets = {(tmp_path / f"{index}.png").read_bytes() for index in range(3)}
    assert len(sheets) == 1


def test_a_small_amount_gives_children_that_look_like_their_parent(session, tmp_path):
    for amount in ("0.02", "0.8"):
        line = ["art", "--pick", "1", "--amount", amount, "-o", str(tmp_path / "a.png"), "--save", str(tmp_path / amount)]
        assert main([*line, *SMALL]) == 0
    parent = drawn(ug.load(session / "first" / "1.ung"))
    near, far = ((drawn(ug.load(tmp_path / amount / "3.ung")) - parent).abs().mean() for amount in ("0.02", "0.8"))
    assert near < 0.5 * far


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_a_walk_is_an_animation_of_the_seeds_picture(capsys, tmp_path, ending):
    output = tmp_path / f"walk.{ending}"
    assert main(["art", "--walk", "5", "--seed", "3", "--size", "24x16", "--fps", "10", "-o", str(output), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"output", "frames", "shape", "seconds"}
    assert (report["frames"], report["shape"]) == (5, [16, 24, 3])
    with Image.open(output) as film:
        assert (film.n_frames, film.size, film.info["loop"]) == (5, (24, 16), 0)
        film.seek(1)
        film.load()
        assert film.info["duration"] == 100


def test_a_walk_of_a_picked_picture_has_its_proportions(session, tmp_path):
    output = tmp_path / "walk.gif"
    assert (
        main(["art", "--generation", str(session / "first"), "--pick", "2", "--walk", "2", "--size", "30", "-o", str(output)])
        == 0
    )
    with Image.open(output) as film:
        assert film.size == (30, 20)


def test_one_picture_is_written_as_a_field(capsys, tmp_path):
    output = tmp_path / "five.ung"
    assert main(["art", "--seed", "5", "--size", "30x20", "--symmetry", "mirror", "-o", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [20, 30, 3]
    field = ug.load(output)
    assert field.grid().shape == (20, 30)
    assert torch.equal(drawn(field), drawn(random_art(5, size=(20, 30), symmetry="mirror")))


def test_a_person_is_told_where_everything_is(capsys, tmp_path):
    line = ["art", "--count", "3", "--size", "16", "-o", str(tmp_path / "a.png"), "--save", str(tmp_path / "kept")]
    assert main(line) == 0
    shown = capsys.readouterr().out
    assert str(tmp_path / "a.png") in shown
    assert "0 to 2" in shown
    assert str(tmp_path / "kept") in shown


BAD = [
    ("", 2, "art: missing -o"),
    ("-o a.png --count 0", 2, "--count is 0; expected 1 to"),
    ("-o a.png --count many", 2, "--count is 'many', expected INT"),
    ("-o a.png --columns 0 --count 1 --size 8", 2, "in 0 columns"),
    ("-o a.png --size big", 2, "--size big: expected WIDTHxHEIGHT"),
    ("-o a.png --count 2 --size 60000x60000", 2, "too large"),
    ("-o a.png --symmetry miror", 2, "did you mean 'mirror'?"),
    ("-o a.png --pick three", 2, "--pick three: expected whole numbers"),
    ("-o a.png --pick 1,,2", 2, "expected whole numbers with commas between"),
    ("-o a.png --pick -1", 2, "--pick"),
    ("-o a.png --pick 1 --amount 2 --count 2 --size 8", 2, "amount is 2.0; expected 0"),
    ("-o a.png --pick 0,1,2 --count 2 --size 8", 2, "3 parents for a generation of 2"),
    ("-o a.png --generation first", 2, "--generation needs --pick"),
    ("-o a.png --generation first --pick 9", 2, "there is no file"),
    ("-o a.png --generation nowhere --pick 1", 2, "there is no file"),
    ("-o a.png --parents missing.ung", 2, "there is no file missing.ung"),
    ("-o a.png --parents bad.ung", 4, "bad.ung"),
    ("-o a.png --parents sheet.png", 4, "is not a .ung file"),
    ("-o a.png --parents first/1.ung --pick 2", 2, "give --parents, or --pick and --generation, not both"),
    ("-o a.png --parents first/1.ung siren.ung --count 9 --size 8", 2, "only two CPPNs of the same sizes can be crossed"),
    ("-o a.gif --count 1 --size 8", 2, "cannot write a.gif: the extension '.gif'"),
    ("-o a --count 1", 2, "no extension"),
    ("-o folder", 2, "it is a folder"),
    ("-o a.ung --pick 3", 2, "a .ung file holds one picture"),
    ("-o a.ung --save kept", 2, "this writes no sheet"),
    ("-o a.gif --walk 4 --save kept", 2, "this writes no sheet"),
    ("-o a.jpg --walk 4", 2, "an animation is written as .gif .webp .png .apng"),
    ("-o a.gif --walk 0 --size 8", 2, "a walk of 0 frames"),
    ("-o a.gif --walk 4 --fps 0 --size 8", 2, "fps is 0"),
    ("-o a.gif --walk 4 --radius 0 --size 8", 2, "radius is 0.0"),
    ("-o a.gif --walk 400 --size 4000", 2, "make them smaller or fewer"),
    ("-o a.gif --walk 4 --pick 1,2 --size 8", 2, "a walk is of one picture, and 2 were picked"),
    ("-o a.gif --walk 4 --parents siren.ung --size 8", 2, "no latent space to walk through"),
    ("-o a.png --seed -1", 2, "--seed is -1"),
    ("-o a.png --picks 1", 2, "did you mean '--pick'?"),
    ("-o missing/a.png --count 1 --size 8", 6, "missing does not exist"),
    ("-o missing/a.gif --walk 2 --size 8", 6, "missing does not exist"),
]


@pytest.mark.parametrize(("line", "code", "fragment"), BAD, ids=[line or "nothing" for line, *_ in BAD])
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_touched(
    capsys, monkeypatch, session, unchecked_types, line, code, fragment
):
    monkeypatch.chdir(session)
    (session / "folder").mkdir(exist_ok=True)
    before = {path: path.is_file() and path.read_bytes() for path in session.rglob("*")}
    assert main(["art", *line.split()]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    said = [text for text in shown.err.splitlines() if text.startswith("ungrid: ")]
    assert said == shown.err.splitlines()[-1:]
    assert fragment in said[0]
    assert {path: path.is_file() and path.read_bytes() for path in session.rglob("*")} == before


def test_a_folder_that_cannot_be_made_is_told(capsys, monkeypatch, session, tmp_path):
    line = ["art", "-o", str(tmp_path / "a.png"), "--save", str(session / "file" / "kept"), *SMALL]
    assert main(line) == 6
    assert "is not a folder" in capsys.readouterr().err
