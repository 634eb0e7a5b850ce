import json

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.cli.main import main
from ungrid.testing.toys import tiny_picture

PLACES = [[1.5, 2.25], [7.0, 11.5], [0.0, 16.0]]
DERIVATIVES = {None: (3,), "gradient": (3, 2), "jacobian": (3, 2), "laplacian": (3,), "hessian": (3, 2, 2)}


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    """A file of a field with derivatives of every order."""
    path = tmp_path_factory.mktemp("query") / "a.ung"
    picture = tiny_picture(12, 16)
    field = ug.presets.siren(picture.box, 3, width=8, depth=2, seed=1)
    ug.fit(field, ug.tasks.represent(picture), steps=1, callbacks=[]).save(path)
    return path


def at(*places):
    return [word for y, x in places for word in ("--at", f"x={x},y={y}")]


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_values_and_derivatives_are_those_of_the_field_in_the_units_of_its_box(capsys, smooth, derivative):
    asked = [] if derivative is None else ["--derivative", derivative]
    assert main(["query", str(smooth), *at(*PLACES), *asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["axes"], told["units"], told["coords"]) == (["y", "x"], ["px", "px"], PLACES)
    field, coords = ug.load(smooth), torch.tensor(PLACES)
    expected = field(coords) if derivative is None else getattr(ug, derivative)(field, coords)
    assert np.shape(told["values"]) == (3, *DERIVATIVES[derivative])
    torch.testing.assert_close(torch.tensor(told["values"]), expected.detach())


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_places_come_from_the_command_line_then_from_a_file_and_values_go_to_one(capsys, smooth, tmp_path, kind):
    rows = np.array(PLACES[1:])
    if kind == "npy":
        np.save(tmp_path / "p.npy", rows)
    else:
        np.savetxt(tmp_path / "p.csv", rows, delimiter=",", header="y,x", comments="")
    output = tmp_path / f"v.{kind}"
    assert main(["query", str(smooth), *at(PLACES[0]), "--points", str(tmp_path / f"p.{kind}"), "-o", str(output), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["coords"] == PLACES
    written = np.load(output) if kind == "npy" else np.loadtxt(output, delimiter=",")
    assert np.allclose(written, told["values"], rtol=1e-7)


def test_little_memory_gives_the_same_values(capsys, smooth, tmp_path):
    np.save(tmp_path / "p.npy", np.random.default_rng(0).uniform(0, 12, (300, 2)))
    values = []
    for memory in ("1GB", "5kB"):
        assert main(["query", str(smooth), "--points", str(tmp_path / "p.npy"), "--max-memory", memory, "--json"]) == 0
        values.append(json.loads(capsys.readouterr().out)["values"])
    assert np.allclose(*values, atol=1e-6)


def test_a_person_sees_a_line_a_place(capsys, smooth):
    assert main(["query", str(smooth), *at(*PLACES[:2])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [["y=1.5", "x=2.25"], ["y=7", "x=11.5"]]
    assert main(["query", str(smooth), *at(PLACES[0]), "--derivative", "hessian"]) == 0
    assert capsys.readouterr().out.count("[") == 1 + 3


def test_places_outside_are_answered_and_said_to_be_so(capsys, smooth):
    assert main(["query", str(smooth), *at([1, 1], [12.5, 3])]) == 0
    assert "1 of 2 places lie outside the box" in capsys.readouterr().err
    assert main(["query", str(smooth), *at([12.5, 3]), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_without_a_place_it_says_how_to_give_one(capsys, smooth):
    assert main(["query", str(smooth)]) == 2
    assert "say where: --at y=0,x=0, or --points FILE.csv" in capsys.readouterr().err


@pytest.fixture(scope="module")
def uncertain(tmp_path_factory):
    """A file of a field that knows how far off it may be."""
    path = tmp_path_factory.mktemp("query") / "a.ung"
    ug.uncertainty(tiny_picture(16, 16), preset="fast", steps=3).save(path)
    return path


def test_deviations_stand_beside_the_values(capsys, tmp_path, uncertain):
    asked = ["query", str(uncertain), *at(*PLACES), "--deviation"]
    assert main([*asked, "--json", "-o", str(tmp_path / "v.npy")]) == 0
    told = json.loads(capsys.readouterr().out)
    field, coords = ug.load(uncertain), torch.tensor(PLACES)
    torch.testing.assert_close(torch.tensor(told["deviations"]), field.deviation(coords).detach())
    assert np.load(tmp_path / "v.npy").shape == (3, 6)
    assert main(asked) == 0
    assert all("  ± " in line for line in capsys.readouterr().out.splitlines())


def test_deviations_of_a_field_without_them_and_of_derivatives_are_refused(capsys, smooth, uncertain):
    assert main(["query", str(smooth), *at(*PLACES), "--deviation"]) == 2
    assert "fit it with --uncertainty" in capsys.readouterr().err
    assert main(["query", str(uncertain), *at(*PLACES), "--deviation", "--derivative", "gradient"]) == 2
    assert "those of derivatives are not known" in capsys.readouterr().err
