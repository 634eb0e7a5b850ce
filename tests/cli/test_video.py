"""Films at the command line: one command each way, and what goes wrong is told in one line."""

import json

import numpy as np
import pytest

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.video import read_film, write_film
from ungrid.testing.toys import tiny_film, tiny_picture

av = pytest.importorskip("av", reason="needs the extra: video")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with good and bad films."""
    folder = tmp_path_factory.mktemp("films")
    write_film(folder / "film.mp4", tiny_film(8, 64, 80))
    write_film(folder / "small.mkv", tiny_film(8, 64, 64))
    assert main(["fit", str(folder / "film.mp4"), "-o", str(folder / "film.ung"), "--steps", "40", "--quiet"]) == 0
    ug.fit(tiny_picture(), steps=1, callbacks=[]).save(folder / "picture_field.ung")
    content = (folder / "film.mp4").read_bytes()
    for name, written in {
        "text.mp4": b"hello, world\n" * 9, "empty.mp4": b"", "cut.mp4": content[: len(content) // 2], "start.mp4": content[:32],
        "list.mp4": b"#EXTM3U\n#EXTINF:1,\nfilm.mp4\n", "zeros.mkv": b"\x1a\x45\xdf\xa3" + bytes(300),
        "cut.gif": b"GIF89a" + bytes(20), "picture.ung": content,
    }.items():  # fmt: skip
        (folder / name).write_bytes(written)
    with av.open(str(folder / "sound.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        beep = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        beep.rate = 44100
        file.mux(stream.encode(beep))
        file.mux(stream.encode())
    return folder


BAD = [
    ("fit text.mp4", 2, "text.mp4 holds text; expected a film"),
    ("fit list.mp4", 2, "list.mp4 holds text; expected a film"),
    ("fit text.mp4 --as video", 2, "text.mp4 holds text; expected a film"),
    ("fit empty.mp4", 2, "empty.mp4 is empty (0 bytes)"),
    ("fit cut.mp4", 2, "cut.mp4 cannot be read as a film"),
    ("fit start.mp4", 2, "start.mp4 cannot be read as a film"),
    ("fit zeros.mkv", 2, "zeros.mkv cannot be read as a film"),
    ("fit cut.gif --as video", 2, "cut.gif"),
    ("fit sound.mp4", 2, "sound.mp4 holds only sound; expected a film"),
    ("fit picture.ung", 4, "picture.ung"),
    ("fit film.mp4 --region t=0:9", 2, "whose t runs over 0:0.32 s"),
    ("fit film.mp4 --region t=nan:1", 2, "is not a finite number"),
    ("fit film.mp4 --region z=0:1", 2, "the axes are ('t', 'y', 'x')"),
    ("fit film.mp4 --reduce 0", 2, "the reduction is 0; expected a whole number from 1 to 64"),
    ("fit film.mp4 --reduce 64 --region y=0:20", 2, "cannot be reduced by 64"),
    ("fit film.mp4 --fps nan", 2, "the rate is nan"),
    ("fit film.mp4 --fps -1", 2, "the rate is -1.0"),
    ("fit film.mp4 --as film", 2, "no kind is called 'film'; there are"),
    ("render film.ung -o new.avi", 2, "a field of kind video is drawn to names ending in .mp4 .mkv .webm .gif .npy .csv"),
    ("render film.ung -o new.mp4 --encoder x264", 2, "did you mean 'libx264'?"),
    ("render picture_field.ung -o new.png --encoder ffv1", 2, "a field of kind image is written without an encoder"),
    ("render film.ung -o new.webm --encoder mpeg4", 2, ".webm is not written by mpeg4"),
    ("render film.ung -o new.mp4 --fps nan", 2, "a rate of nan does not go with video"),
    ("render film.ung -o new.mp4 --size 99999x10", 2, "a film has sides of at most 16384"),
    ("render film.ung -o new.gif --fps 100", 2, "a GIF shows at most 50 frames a second"),
    ("render film.ung -o new.mp4 --region t=0.1:5", 2, "whose t runs over 0:0.32 s"),
    ("render film.ung -o missing/new.mp4", 6, "missing does not exist"),
    ("compare film.mp4 small.mkv", 2, "cannot compare 80×64×8"),
    ("compare film.ung small.mkv", 2, "the field lives on a box of 80×64×0.32"),
]


@pytest.mark.parametrize(("line", "code", "fragment"), BAD, ids=[line for line, *_ in BAD])
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_touched(
    capsys, monkeypatch, prepared, unchecked_types, line, code, fragment
):
    monkeypatch.chdir(prepared)
    before = {path: path.read_bytes() for path in prepared.iterdir()}
    assert main(line.split()) == code
    shown = capsys.readouterr()
    assert (shown.out, "Traceback" in shown.err) == ("", False)
    said = [text for text in shown.err.splitlines() if text.startswith("ungrid: ")]
    assert said == shown.err.splitlines()[-1:]
    assert fragment in said[0]
    assert {path: path.read_bytes() for path in prepared.iterdir()} == before


def report(capsys, line):
    assert main(["--json", *line.split()]) == 0
    return json.loads(capsys.readouterr().out)


def test_between_frames_at_twice_the_size_in_a_part(capsys, monkeypatch, prepared, tmp_path, unchecked_types):
    monkeypatch.chdir(prepared)
    shape = report(capsys, f"render film.ung -o {tmp_path}/a.mp4 --fps 100 --scale 2 --region t=0.08:0.16,x=0:40")["shape"]
    assert shape == [8, 128, 80, 3]
    film = read_film(tmp_path / "a.mp4")
    assert film.grid.shape == (8, 128, 80)
    assert film.source["frame_rate"] == "100"


def test_a_film_and_its_field_are_compared_and_looked_at(capsys, monkeypatch, prepared, tmp_path, unchecked_types):
    monkeypatch.chdir(prepared)
    measures = report(capsys, f"compare film.ung film.mp4 -o {tmp_path}/a.png")
    assert {"psnr", "psnr_lowest", "ssim", "rmse", "shape"} <= set(measures)
    assert main(["compare", "film.ung", "film.mp4"]) == 0
    capsys.readouterr()
    report(capsys, f"render film.ung -o {tmp_path}/b.png")
    assert all((tmp_path / name).read_bytes()[:4] == b"\x89PNG" for name in ("a.png", "b.png"))


def test_a_part_of_a_film_is_fitted_reduced(capsys, monkeypatch, prepared, tmp_path, unchecked_types):
    monkeypatch.chdir(prepared)
    fitted = report(capsys, f"fit film.mp4 -o {tmp_path}/a.ung --region t=0:0.16 --reduce 2 --steps 20")
    assert fitted["kind"] == "video"
    assert fitted["n_values"] == 4 * 32 * 40 * 3
