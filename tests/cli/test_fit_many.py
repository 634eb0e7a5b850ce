import json

import numpy as np
import pytest

from ungrid.cli.main import main
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture

KEYS = {"output", "items", "done", "failed", "below_target", "done_before", "seconds", "bytes", "mean_psnr", "report"}


@pytest.fixture(autouse=True)
def _as_for_a_user(unchecked_types):
    """Fits, at their own speed."""


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    for name in ("a.png", "b.png"):
        write_picture(root / name, tiny_picture(6, 8))
    return root


def test_the_report_has_the_keys_that_scripts_rely_on(capsys, folder, tmp_path):
    assert main(["fit-many", str(folder), "-o", str(tmp_path / "out"), "--steps", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == KEYS
    assert (result["items"], result["done"], result["failed"]) == (2, 2, 0)
    assert result["bytes"] == sum(path.stat().st_size for path in (tmp_path / "out").glob("*.ung"))


def test_a_bad_file_gives_exit_code_5_and_the_rest_is_written(capsys, folder, tmp_path):
    (folder / "c.png").write_bytes((folder / "a.png").read_bytes()[:60])
    assert main(["fit-many", str(folder), "-o", str(tmp_path / "out"), "--steps", "3", "--json"]) == 5
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert (result["done"], result["failed"], result["error"]["exit_code"]) == (2, 1, 5)
    assert captured.err.count("\n") == 1
    assert "1 failed of 3 items" in captured.err
    assert "c.png" in captured.err


def test_items_below_the_target_give_exit_code_5(capsys, folder, tmp_path):
    assert main(["fit-many", str(folder), "-o", str(tmp_path / "out"), "--steps", "3", "--target-psnr", "90"]) == 5
    assert "2 are below the target of 2 items" in capsys.readouterr().err
    assert (tmp_path / "out" / "a.ung").exists()


BAD = [
    ("missing -o out", 2, "there is no folder or file"),
    ("in", 2, "missing"),
    ("in -o in", 2, "that is the input"),
    ("in/a.png -o out", 2, "expected many signals"),
    ("labels.npy -o out", 2, "expected numbers of shape"),
    ("two.npz -o out", 2, "say which with --array"),
    ("two.npz -o out --array thrid", 2, "did you mean 'third'"),
    ("in -o out --array x", 2, "leave --array out"),
    ("empty -o out", 2, "holds no files"),
    ("empty.npy -o out", 2, "is empty"),
    ("cut.npy -o out", 2, "cannot be read as numbers"),
    ("wide.npy -o out --as image", 2, "of shape (5, 6, 7) cannot be taken as image"),
    ("signed.npy -o out", 2, "unsigned integers"),
    ("in -o file", 2, "is a file; expected a folder"),
    ("in -o out --engine slurm", 2, "--engine"),
    ("in -o out --workers 0", 2, "workers is 0"),
    ("in -o out --preset nothing", 2, "nothing"),
    ("in -o out --steps many", 2, "--steps"),
    ("in -o out --max-memory lots", 2, "no number of bytes"),
    ("in -o out --as sond", 2, "sond"),
]


@pytest.mark.parametrize(("line", "code", "message"), BAD)
def test_what_a_person_may_get_wrong_is_said_in_one_line(capsys, folder, tmp_path, monkeypatch, line, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.npy").touch()
    (tmp_path / "file").touch()
    pictures = np.zeros((3, 5, 5), np.uint8)
    np.save("labels.npy", np.arange(3))
    np.save("wide.npy", np.zeros((3, 5, 6, 7), np.uint8))
    np.save("signed.npy", pictures.astype(np.int16))
    np.savez("two.npz", first=pictures, third=pictures)
    np.save("cut.npy", pictures)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:100])
    found = main(["fit-many", *line.split()])
    captured = capsys.readouterr()
    assert (found, captured.err.count("\n")) == (code, 1), captured.err
    assert message in captured.err
    assert not (tmp_path / "out").exists()
