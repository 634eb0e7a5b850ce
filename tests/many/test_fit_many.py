import csv
import json

import numpy as np
import pytest

import ungrid as ug
from ungrid.errors import Interrupted, MachineError, UngridError
from ungrid.fit.engines import ENGINES
from ungrid.fit.jobs import Outcome
from ungrid.fit.many import MemberTarget
from ungrid.many import work
from ungrid.many.stack import fit_stack
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture


@pytest.fixture(autouse=True)
def _as_for_a_user(unchecked_types):
    """Fits, at their own speed."""


@pytest.fixture
def stack(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 256, (4, 6, 7, 3), dtype=np.uint8))
    return tmp_path / "a.npy"


@pytest.fixture
def folder(tmp_path):
    """Two pictures of one shape, one of another, a text."""
    root = tmp_path / "in"
    (root / "deeper").mkdir(parents=True)
    write_picture(root / "a.png", tiny_picture(6, 8))
    write_picture(root / "a.tif", tiny_picture(6, 8))
    write_picture(root / "deeper" / "c.png", tiny_picture(8, 6))
    (root / "notes.txt").write_text("no picture")
    return root


def weights(path):
    return ug.load(path).state_dict()


def test_every_item_has_a_field_that_measures_what_the_report_says(stack, tmp_path):
    report = ug.fit_many(stack, tmp_path / "out", steps=30)
    assert (report.done, report.failed) == (4, 0)
    for index, row in enumerate(report.rows):
        path = tmp_path / "out" / row["output"]
        field = ug.load(path)
        picture = ug.fit(np.load(stack)[index], steps=1).record  # what an ordinary fit knows of such an array
        assert field.record.shape == picture.shape
        assert field.record.channels == picture.channels
        assert row["bytes"] == path.stat().st_size
        values = np.load(stack)[index] / 255
        error = np.mean((field.sample(field.grid()).clamp(0, 1).numpy() - values) ** 2)
        assert row["psnr"] == pytest.approx(-10 * np.log10(error), abs=1e-3)
        assert field.record.fit["members"] == 4


def test_a_bad_file_does_not_stop_the_rest(folder, tmp_path):
    report = ug.fit_many(folder, tmp_path / "out", steps=3)
    assert (report.done, report.failed) == (3, 1)
    assert [(row["name"], row["status"], row["fitted"]) for row in report.rows] == [
        ("a.png", "done", "together"),
        ("a.tif", "done", "together"),
        ("deeper/c", "done", "alone"),
        ("notes", "failed", None),
    ]
    assert ug.load(tmp_path / "out" / "deeper" / "c.ung").record.source["file"] == "c.png"
    kept = json.loads((tmp_path / "out" / "report.json").read_text())
    assert kept["rows"] == report.rows
    assert "holds text" in kept["rows"][3]["error"]
    table = list(csv.DictReader((tmp_path / "out" / "report.csv").read_text().splitlines()))
    assert [row["name"] for row in table] == [row["name"] for row in report.rows]


def test_a_picture_with_a_bad_value_fails_by_itself(tmp_path):
    values = np.random.default_rng(0).random((3, 6, 7), dtype=np.float32)
    values[1, 2, 3] = np.nan
    np.save(tmp_path / "a.npy", values)
    report = ug.fit_many(tmp_path / "a.npy", tmp_path / "out", steps=20)
    assert [row["status"] for row in report.rows] == ["done", "failed", "done"]
    assert "NaN" in report.rows[1]["error"]


def test_what_is_done_is_not_done_again(folder, tmp_path):
    out = tmp_path / "out"
    ug.fit_many(folder, out, steps=3)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.ung")}
    (folder / "notes.txt").unlink()
    write_picture(folder / "new.png", tiny_picture(8, 6))
    (out / "a.tif.ung").unlink()
    report = ug.fit_many(folder, out, steps=3, resume=True)
    assert report.plain()["done_before"] == 2
    assert (report.done, report.failed, len(report.rows)) == (4, 0, 4)
    again = {path.name for path in out.rglob("*.ung") if path.stat().st_mtime_ns != before.get(path)}
    assert again == {"a.tif.ung", "new.ung"}


def test_a_file_that_has_changed_is_fitted_again(folder, tmp_path):
    ug.fit_many(folder, tmp_path / "out", steps=3)
    write_picture(folder / "deeper" / "c.png", tiny_picture(9, 9))
    report = ug.fit_many(folder, tmp_path / "out", steps=3, resume=True)
    assert report.rows[2]["shape"] == [9, 9]
    assert report.plain()["done_before"] == 2


def test_a_job_that_is_broken_off_ends_as_if_it_had_not_been(stack, tmp_path, monkeypatch):
    monkeypatch.setattr("ungrid.many.jobs.MOST_MEMBERS", 2)
    ug.fit_many(stack, tmp_path / "whole", steps=4)
    calls = []

    def broken(signals, settings):
        calls.append(len(signals))
        if len(calls) == 2:
            raise Interrupted("interrupted at step 1")
        return fit_stack(signals, settings)

    monkeypatch.setattr(work, "fit_stack", broken)
    with pytest.raises(Interrupted):
        ug.fit_many(stack, tmp_path / "out", steps=4)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.ung")) == ["00000.ung", "00001.ung"]
    with open(tmp_path / "out" / ".fit-many" / "done.jsonl", "a") as file:
        file.write('{"name": "0000')  # a line that a kill cut off
    report = ug.fit_many(stack, tmp_path / "out", steps=4, resume=True)
    assert calls == [2, 2, 2]
    assert report.done == 4
    for name in ("00000.ung", "00003.ung"):
        one, other = weights(tmp_path / "whole" / name), weights(tmp_path / "out" / name)
        assert all((one[key] == other[key]).all() for key in one)


def test_a_full_disk_ends_the_job(stack, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise MachineError("the disk is full")

    monkeypatch.setattr(work, "save", full)
    with pytest.raises(MachineError, match="full"):
        ug.fit_many(stack, tmp_path / "out", steps=2)


def test_a_bug_in_one_fit_is_reported_and_the_rest_goes_on(folder, tmp_path, monkeypatch):
    def wrong(signals, settings):
        raise RuntimeError("never seen before")

    monkeypatch.setattr(work, "fit_stack", wrong)
    report = ug.fit_many(folder, tmp_path / "out", steps=2)
    assert [row["status"] for row in report.rows] == ["failed", "failed", "done", "failed"]
    assert "a bug in ungrid: RuntimeError" in report.rows[0]["error"]


def test_items_stop_at_their_target_and_those_below_it_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(MemberTarget, "begin", lambda self, state: None)  # it looks after the first step
    values = np.full((3, 6, 7), 100, np.uint8)
    values[2] = np.random.default_rng(0).integers(0, 256, (6, 7))
    np.save(tmp_path / "a.npy", values)
    report = ug.fit_many(tmp_path / "a.npy", tmp_path / "out", steps=60, target_psnr=38.0)
    assert [row["status"] for row in report.rows][:2] == ["done", "done"]
    assert report.below_target == sum(row["psnr"] < 38 for row in report.rows)
    assert ug.load(tmp_path / "out" / "00000.ung").record.fit["stopped_by"] in ("target_psnr", "steps")


def test_workers_give_what_one_gives(stack, tmp_path, monkeypatch):
    monkeypatch.setattr("ungrid.many.jobs.MOST_MEMBERS", 2)
    one = ug.fit_many(stack, tmp_path / "one", steps=3)
    two = ug.fit_many(stack, tmp_path / "two", steps=3, workers=2)
    assert [row["psnr"] for row in one.rows] == pytest.approx([row["psnr"] for row in two.rows], abs=1e-3)


def test_items_of_a_worker_that_was_killed_are_said(stack, tmp_path, monkeypatch):
    def killed(numbers, work, crew):
        return (Outcome(number, None, "its process was killed") for number in numbers)

    monkeypatch.setattr("ungrid.many.jobs.MOST_MEMBERS", 2)
    monkeypatch.setitem(ENGINES, "local", ENGINES["local"]._replace(run=killed))
    report = ug.fit_many(stack, tmp_path / "out", steps=3, workers=2)
    assert report.failed == 4
    assert "--resume" in report.rows[0]["error"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 4}, "another steps"),
        ({"steps": 3, "seed": 1}, "another seed"),
        ({"steps": 3, "preset": "fast"}, "another preset"),
    ],
)
def test_a_job_of_other_settings_is_not_gone_on_with(stack, tmp_path, settings, message):
    ug.fit_many(stack, tmp_path / "out", steps=3)
    with pytest.raises(UngridError, match=message):
        ug.fit_many(stack, tmp_path / "out", resume=True, **settings)


def test_a_damaged_manifest_is_said(stack, tmp_path):
    ug.fit_many(stack, tmp_path / "out", steps=3)
    (tmp_path / "out" / ".fit-many" / "manifest.json").write_text("{")
    with pytest.raises(UngridError, match="start again without --resume"):
        ug.fit_many(stack, tmp_path / "out", steps=3, resume=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"workers": 1000}, "expected 1 to 256"),
        ({"steps": -1}, "steps is -1"),
        ({"max_seconds": 0.0}, "max_seconds is 0"),
        ({"preset": "sirren"}, "did you mean 'siren'"),
        ({"device": "tpu"}, "device"),
        ({"kind": "imag"}, "did you mean 'image'"),
        ({"array": "images"}, "no array 'images'"),
    ],
)
def test_wrong_options_are_said_and_nothing_is_written(stack, tmp_path, options, message):
    with pytest.raises(UngridError, match=message):
        ug.fit_many(stack, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
