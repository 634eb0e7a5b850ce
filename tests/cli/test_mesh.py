import json

import numpy as np
import pytest
from PIL import Image

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.shape_write import write_mesh
from ungrid.testing.surfaces import sphere, torus
from ungrid.testing.toys import tiny_picture

pytest.importorskip("trimesh", reason="trimesh is not installed")
pytest.importorskip("igl", reason="libigl is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A ring as a file and as a field."""
    path = tmp_path_factory.mktemp("mesh")
    ring = torus(32)
    write_mesh(path / "ring.obj", ring.vertices, ring.faces)
    assert main(["fit", str(path / "ring.obj"), "--preset", "fast", "--max-bytes", "120kB", "--quiet"]) == 0
    return path


def test_a_mesh_file_becomes_a_field_of_kind_sdf(folder, capsys):
    assert (
        main(["fit", str(folder / "ring.obj"), "-o", str(folder / "b.ung"), "--preset", "fast", "--max-bytes", "120kB", "--json"])
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["n_values"]) == ("sdf", 3 * len(torus(32).vertices))
    assert told["quality"]["iou"] > 0.99
    assert told["heldout"]["n_samples"] == 4096
    assert not (folder / "b.ung.parts").exists()


def test_triangles_are_written_and_described(folder, capsys):
    assert main(["mesh", str(folder / "ring.ung"), "-o", str(folder / "out.stl"), "--resolution", "48", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["watertight"], told["manifold"], told["euler"], told["leaves_box"]) == (True, True, 0, False)
    assert {"output", "n_vertices", "n_faces", "seconds"} <= set(told)
    assert len(ug.load(folder / "out.stl").faces) == told["n_faces"]


def test_an_offset_is_a_level(folder, capsys):
    volumes = []
    for level in ("0", "0.05"):
        assert main(["mesh", str(folder / "ring.ung"), "-o", str(folder / "o.ply"), "--level", level, "--quiet"]) == 0
        volumes.append(ug.load(folder / "o.ply").volume)
    assert volumes[1] / volumes[0] == pytest.approx((0.45 / 0.4) ** 2, rel=0.02)


def test_inspect_describes_a_file(folder, capsys):
    assert main(["inspect", str(folder / "ring.obj"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["watertight"], told["n_components"], told["euler"]) == (True, 1, 0)
    assert main(["inspect", str(folder / "ring.obj")]) == 0
    assert "watertight" in capsys.readouterr().out


def test_a_field_is_compared_with_its_source(folder, capsys):
    assert main(["compare", str(folder / "ring.ung"), str(folder / "ring.obj"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"chamfer", "fscore", "iou", "normal_consistency"} <= set(told)
    assert told["chamfer_relative"] < 1e-3
    assert told["iou"] > 0.99


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mesh", "ring.ung"], "needs the name of a file"),
        (["mesh", "ring.ung", "-o", "out.pyl"], "did you mean '.ply'"),
        (["mesh", "ring.ung", "-o", "new.ply", "--resolution", "1"], "resolution is 1"),
        (["mesh", "ring.ung", "-o", "new.ply", "--level", "9"], "no surface of level 9"),
        (["mesh", "ring.ung", "-o", "new.ply", "--resolutoin", "64"], "did you mean '--resolution'"),
        (["mesh", "ring.obj", "-o", "new.ply"], "ring.obj"),
        (["mesh", "picture.ung", "-o", "new.ply"], "three axes"),
        (["inspect", "none.obj"], "no file"),
        (["inspect", "ring.ung"], "no surface"),
        (["fit", "ring.obj", "-o", "new.ung", "--uncertainty", "laplace"], "leave it out for a surface"),
        (["fit", "ring.obj", "-o", "new.ung", "--target-psnr", "60"], "target in dB"),
        (["render", "ring.ung", "-o", "new.wav"], "ungrid mesh"),
        (["compare", "ring.obj", "picture.ung"], "field of another kind"),
        (["compare", "ring.obj", "ring.ung", "-o", "new.png"], "no picture of a comparison of surfaces"),
        (["restore", "ring.obj", "-o", "new.png", "--upscale", "2"], "is a surface"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_writes_nothing(folder, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(folder)
    picture = tiny_picture(8, 8)
    ug.fit(picture, steps=1, callbacks=[]).save(folder / "picture.ung")
    assert main(arguments) in (2, 4)
    told = capsys.readouterr().err.strip().splitlines()
    assert words in told[-1]
    assert not list(folder.glob("new*"))


def test_a_picture_shows_the_surface_from_two_sides(folder):
    assert main(["render", str(folder / "ring.ung"), "-o", str(folder / "view.png"), "--quiet"]) == 0
    with Image.open(folder / "view.png") as picture:
        assert picture.size == (1280, 640)
        assert np.asarray(picture).min() < 100


def test_distances_are_drawn_as_arrays(folder):
    assert main(["render", str(folder / "ring.ung"), "-o", str(folder / "a.npy"), "--scale", "0.5", "--quiet"]) == 0
    drawn = np.load(folder / "a.npy")
    assert drawn.ndim == 4
    assert drawn.min() < -0.3


def test_a_sphere_in_millimeters_far_from_the_origin_comes_back_there(tmp_path):
    ball = sphere(16, radius=25.0, center=(4e5, -3e5, 1200.0))
    write_mesh(tmp_path / "a.ply", ball.vertices, ball.faces)
    assert main(["fit", str(tmp_path / "a.ply"), "--preset", "fast", "--max-bytes", "120kB", "--quiet"]) == 0
    assert main(["mesh", str(tmp_path / "a.ung"), "-o", str(tmp_path / "b.ply"), "--resolution", "64", "--quiet"]) == 0
    assert float((ug.load(tmp_path / "b.ply").bounds - ball.bounds).abs().max()) < 0.05
