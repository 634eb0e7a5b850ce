import json

import pytest

import ungrid as ug
from ungrid.cli.main import main
from ungrid.signals.topology import topology
from ungrid.testing.surfaces import sphere

pytest.importorskip("igl", reason="libigl is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two balls, a large one and a small one at its side."""
    path = tmp_path_factory.mktemp("combine")
    for name, shape in (("large", sphere(16)), ("small", sphere(12, radius=0.5, center=(0.9, 0.0, 0.0)))):
        ug.fit(shape, preset="fast", max_bytes=100_000, callbacks=[]).save(path / f"{name}.ung")
    return path


def test_a_combination_is_a_field_that_reopens_and_meshes(folder, capsys):
    made = folder / "made.ung"
    assert main(["combine", f"{folder}/large.ung - {folder}/small.ung", "-o", str(made), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kind"] == "sdf"
    assert len(told["fields"]) == 2
    field = ug.load(made)
    assert float(field([[0.9, 0.0, 0.0]])) == pytest.approx(0.5, abs=0.05)  # the middle of a ball is a crease
    found = ug.mesh(field, resolution=64)
    told = topology(found.faces)
    assert (told.watertight, told.manifold, told.euler) == (True, True, 2)
    volumes = [
        ug.Shape(each.vertices, each.faces).volume for each in (found, ug.mesh(ug.load(folder / "large.ung"), resolution=64))
    ]
    assert 0.88 < volumes[0] / volumes[1] < 0.95


def test_a_blended_union_reaches_beyond_both_boxes(folder):
    made = folder / "union.ung"
    assert main(["combine", f"{folder}/large.ung +~0.2 {folder}/small.ung", "-o", str(made), "--quiet"]) == 0
    assert ug.load(made).box.bounds[0][1] > 1.4


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["combine", "large.ung - small.ung"], 2, "needs the name of a file"),
        (["combine", "large.ung - small.ung", "-o", "new.ply"], 2, "ending in .ung"),
        (["combine", "large.ung - none.ung", "-o", "new.ung"], 2, "none.ung"),
        (["combine", "large.ung -", "-o", "new.ung"], 2, "ends too early"),
        (["combine", "large.ung + small.ung", "-o", "large.ung"], 2, "one of the inputs"),
        (["combine", "text.ung + small.ung", "-o", "new.ung"], 4, "text.ung"),
    ],
)
def test_what_cannot_be_combined_is_told_and_writes_nothing(folder, capsys, monkeypatch, arguments, code, words):
    monkeypatch.chdir(folder)
    (folder / "text.ung").write_text("not a field")
    before = (folder / "large.ung").read_bytes()
    assert main(arguments) == code
    assert words in capsys.readouterr().err
    assert not list(folder.glob("new*"))
    assert (folder / "large.ung").read_bytes() == before
