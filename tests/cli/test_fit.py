import json
import os
import signal
import subprocess
import sys

import pytest
import torch

import ungrid as ug
from ungrid.cli.main import main
from ungrid.errors import Diverged
from ungrid.fit.guard import Guard
from ungrid.presets.predict import Course, Prediction
from ungrid.signals.image import from_array, write_picture
from ungrid.testing.toys import tiny_picture

KEYS = {
    "output", "kind", "preset", "n_params", "n_values", "bytes", "steps", "seconds", "total_seconds", "predicted", "quality",
    "heldout", "device",
}  # fmt: skip


@pytest.fixture
def photo(tmp_path):
    write_picture(tmp_path / "a.png", tiny_picture(16, 20))
    return tmp_path / "a.png"


def full_disk(*args, **kwargs):
    raise OSError(28, "No space left on device")


def same_weights(first, second):
    one, other = ug.load(first).state_dict(), ug.load(second).state_dict()
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_the_report_has_the_keys_that_scripts_rely_on(capsys, photo):
    assert main(["fit", str(photo), "--steps", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) >= KEYS
    output = photo.with_suffix(".ung")
    assert (report["output"], report["kind"], report["preset"], report["steps"]) == (str(output), "image", "auto", 3)
    assert (report["n_values"], report["bytes"]) == (16 * 20 * 3, output.stat().st_size)
    field = ug.load(output)
    assert (report["n_params"], report["quality"]) == (field.n_params, field.metrics["quality"])
    assert {"psnr"} <= set(report["heldout"])
    assert sorted(os.listdir(photo.parent)) == ["a.png", "a.ung"]


def test_it_says_what_it_chose_on_standard_error_and_nothing_when_quiet(capsys, photo):
    assert main(["fit", str(photo), "--steps", "2", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["fit", str(photo), "--steps", "2", "--json"]) == 0
    said = capsys.readouterr().err
    assert "a.png: image of 20×16 samples" in said
    assert "balanced: a dense grid" in said


def test_it_says_what_it_expects_before_it_starts_and_keeps_it(capsys, monkeypatch, photo, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_picture(photo, tiny_picture(40, 48))
    assert main(["fit", str(photo), "--steps", "200", "--json"]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out)
    predicted, field = report["predicted"], ug.load(photo.with_suffix(".ung"))
    assert set(predicted) == {"seconds", "bytes", "psnr"}
    assert predicted["bytes"] == pytest.approx(report["bytes"], abs=4096)
    assert 0 < predicted["seconds"] < 10
    assert report["total_seconds"] >= report["seconds"]
    assert field.record.fit["predicted"] == predicted
    assert f"kB, {predicted['psnr']:.0f} dB (not calibrated: ungrid doctor --calibrate)" in told.err


def test_a_prediction_that_fails_is_noted(capsys, monkeypatch, photo):
    promise = Prediction(1000.0, 5000, 90.0, Course(0.0, 100, 10.0, 0.0), "calibrated")
    monkeypatch.setattr("ungrid.presets.plan.predict", lambda *args, **kwargs: promise)
    assert main(["fit", str(photo), "--steps", "30", "--json"]) == 0
    *_, took, reached = json.loads(capsys.readouterr().out)["notes"]
    assert took.endswith("s where 300 s were expected (calibrated)")
    assert reached.endswith("dB where 86.2 dB were expected")


def test_a_published_setting_promises_its_bytes_alone(capsys, photo):
    assert main(["fit", str(photo), "--preset", "hash_grid", "--steps", "1", "--json"]) == 0
    predicted = json.loads(capsys.readouterr().out)["predicted"]
    assert (predicted["seconds"], predicted["psnr"]) == (None, None)


def test_the_quality_is_that_of_the_file(capsys, photo):
    main(["fit", str(photo), "--steps", "20", "--json"])
    reported = json.loads(capsys.readouterr().out)["quality"]
    main(["compare", str(photo.with_suffix(".ung")), str(photo), "--json"])
    measured = json.loads(capsys.readouterr().out)
    assert all(measured[name] == pytest.approx(value, rel=1e-5) for name, value in reported.items() if value is not None)


@pytest.mark.parametrize("preset", ["fast", "best", "siren", "hash_grid"])
def test_a_preset_can_be_named(capsys, photo, preset):
    assert main(["fit", str(photo), "--preset", preset, "--steps", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["preset"] == preset


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(photo, tmp_path):
    for name, seed in (("one", "3"), ("two", "3"), ("other", "4")):
        assert main(["fit", str(photo), "-o", str(tmp_path / f"{name}.ung"), "--steps", "5", "--seed", seed, "--quiet"]) == 0
    assert same_weights(tmp_path / "one.ung", tmp_path / "two.ung")
    assert not same_weights(tmp_path / "one.ung", tmp_path / "other.ung")


def test_a_field_keeps_to_its_bytes(capsys, tmp_path):
    write_picture(tmp_path / "b.png", tiny_picture(64, 64))
    assert main(["fit", str(tmp_path / "b.png"), "--steps", "1", "--max-bytes", "10000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] <= 10_000


def test_seconds_are_kept_to(capsys, photo):
    assert main(["fit", str(photo), "--max-seconds", "0.2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["stopped_by"] == "max_seconds"
    assert 0.2 <= report["seconds"] < 1


def test_a_target_that_is_not_reached_is_exit_code_5_with_the_file_written(capsys, photo):
    assert main(["fit", str(photo), "--steps", "2", "--target-psnr", "90", "--json"]) == 5
    report = json.loads(capsys.readouterr().out)
    assert set(report) >= KEYS | {"error"}
    assert report["error"]["exit_code"] == 5
    assert "of the 90 dB asked for" in report["error"]["message"]
    assert ug.load(photo.with_suffix(".ung")).metrics["quality"]["psnr"] == report["quality"]["psnr"]
    assert sorted(os.listdir(photo.parent)) == ["a.png", "a.ung"]


def test_a_target_that_is_reached_stops_the_fit(capsys, photo):
    assert main(["fit", str(photo), "--steps", "1000000", "--target-psnr", "25", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["stopped_by"] == "target_psnr"
    assert report["quality"]["psnr"] >= 25


def test_the_log_has_a_json_object_a_line(photo, tmp_path):
    assert main(["fit", str(photo), "--steps", "4", "--log", str(tmp_path / "log.jsonl"), "--quiet"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert all({"step", "seconds", "psnr", "losses"} <= set(line) for line in lines)
    assert (lines[-1]["step"], lines[-1]["stopped_by"]) == (4, "steps")


@pytest.mark.parametrize("where", ["os.replace", "os.fsync"])
def test_a_disk_that_is_full_in_the_end_leaves_the_old_file(capsys, monkeypatch, photo, where):
    output = photo.with_suffix(".ung")
    output.write_bytes(b"old")
    monkeypatch.setattr(where, full_disk)
    assert main(["fit", str(photo), "--steps", "2", "--quiet"]) == 6
    assert "the disk is full" in capsys.readouterr().err
    assert output.read_bytes() == b"old"
    assert sorted(os.listdir(photo.parent)) == ["a.png", "a.ung"]


def test_a_fit_that_diverges_for_good_is_exit_code_7(capsys, monkeypatch, photo):
    def check(self, state, loss):
        raise Diverged("the fit diverged: the loss is nan")

    monkeypatch.setattr(Guard, "check", check)
    assert main(["fit", str(photo), "--steps", "2", "--quiet"]) == 7
    assert capsys.readouterr().err == "ungrid: the fit diverged: the loss is nan\n"
    assert not photo.with_suffix(".ung").exists()


def test_the_input_is_not_overwritten(capsys, photo):
    before = photo.read_bytes()
    (photo.parent / "link.ung").symlink_to(photo)
    for output in (photo, photo.parent / "." / "a.png", photo.parent / "link.ung"):
        assert main(["fit", str(photo), "-o", str(output), "--steps", "1"]) == 2
        assert "that is the input" in capsys.readouterr().err
    assert photo.read_bytes() == before


def test_ctrl_c_is_exit_code_130_and_the_fit_can_go_on(capsys, monkeypatch, photo, tmp_path):
    keep = Guard.keep

    def interrupted(self, state):
        keep(self, state)
        if state.step == 60:
            signal.raise_signal(signal.SIGINT)

    output, whole = photo.with_suffix(".ung"), tmp_path / "whole.ung"
    with monkeypatch.context() as patch:
        patch.setattr(Guard, "keep", interrupted)
        assert main(["fit", str(photo), "--steps", "80", "--quiet"]) == 130
    assert capsys.readouterr().err == "ungrid: interrupted at step 60\n"
    assert not output.exists()
    assert os.listdir(tmp_path / "a.ung.parts") == ["state.safetensors"]

    assert main(["fit", str(photo), "--steps", "80", "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"][:1] == ["resumed at step 50"]
    assert not (tmp_path / "a.ung.parts").exists()
    assert main(["fit", str(photo), "--steps", "80", "-o", str(whole), "--quiet"]) == 0
    assert same_weights(output, whole)


KILLED = """
import os, signal, sys
from ungrid.cli.main import main
from ungrid.fit.checkpoint import Checkpoint

write, replace, writes = Checkpoint.write, os.replace, []

def counted(self):
    write(self)
    if self._written_step == 100 and not DURING:
        os.kill(os.getpid(), signal.SIGKILL)

def killed(source, target):
    writes.append(target)
    if DURING and len(writes) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

Checkpoint.write, os.replace = counted, killed
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("during", "step"), [(False, 100), (True, 50)])
def test_a_killed_fit_goes_on_to_the_same_bits(capsys, photo, tmp_path, during, step):
    arguments = ["fit", str(photo), "--steps", "110", "--json"]
    code = KILLED.replace("DURING", str(during))
    command = [sys.executable, "-c", code, *arguments, "--checkpoint-seconds", "0"]
    killed = subprocess.run(command, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})  # as many as here
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "a.ung.parts" / "state.safetensors").exists()
    assert not photo.with_suffix(".ung").exists()

    assert main([*arguments, "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"][:1] == [f"resumed at step {step}"]
    assert main([*arguments, "-o", str(tmp_path / "whole.ung")]) == 0
    assert same_weights(photo.with_suffix(".ung"), tmp_path / "whole.ung")
    assert sorted(os.listdir(tmp_path)) == ["a.png", "a.ung", "whole.ung"]


def test_only_the_same_fit_goes_on_and_a_damaged_state_is_refused(capsys, monkeypatch, photo, tmp_path):
    def interrupt(self, state):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Guard, "keep", interrupt)
        assert main(["fit", str(photo), "--steps", "9", "--quiet"]) == 130
    capsys.readouterr()
    for change in (["--seed", "1"], ["--preset", "fast"], ["--steps", "10"]):
        assert main(["fit", str(photo), "--steps", "9", "--resume", "--quiet", *change]) == 2
        assert "cannot resume" in capsys.readouterr().err
    state = tmp_path / "a.ung.parts" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-10])
    assert main(["fit", str(photo), "--steps", "9", "--resume", "--quiet"]) == 4
    assert "delete its folder to start again" in capsys.readouterr().err


def test_a_mask_leaves_out_what_is_black(capsys, photo, tmp_path):
    mask = ug.load(photo).values[..., :1].clone().fill_(1.0)
    mask[::2, ::2] = 0.0
    write_picture(tmp_path / "mask.png", from_array(mask.numpy()))
    assert main(["fit", str(photo), "--mask", str(tmp_path / "mask.png"), "--steps", "60", "--json", "--quiet"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["quality"]) == {"psnr"}  # of what is known; a whole picture cannot be compared
    assert report["quality"]["psnr"] > 15


def test_a_mask_of_another_size_is_refused(capsys, photo, tmp_path):
    write_picture(tmp_path / "mask.png", tiny_picture(5, 7))
    assert main(["fit", str(photo), "--mask", str(tmp_path / "mask.png")]) == 2
    assert "the mask has shape (5, 7)" in capsys.readouterr().err


@pytest.mark.parametrize(("method", "steps"), [("laplace", 3), ("ensemble", 6)])
def test_a_fit_with_uncertainty_says_how_it_was_calibrated(capsys, photo, method, steps):
    assert main(["fit", str(photo), "--uncertainty", method, "--members", "2", "--steps", "3", "--json"]) == 0
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert set(report) >= KEYS
    assert (report["uncertainty"]["method"], report["steps"]) == (method, steps)
    assert ("member 2 of 2" in told.err) == (method == "ensemble")
    field = ug.load(photo.with_suffix(".ung"))
    assert field.deviation([[1.0, 1.0]]).shape == (1, 3)
    assert sorted(os.listdir(photo.parent)) == ["a.png", "a.ung"]
    python = ug.uncertainty(photo, method, steps=3, n_members=2)
    assert all(map(torch.equal, python.state_dict().values(), field.state_dict().values()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--uncertainty", "laplace", "--max-bytes", "100kB"], "say one of them"),
        (["--uncertainty", "ensemble", "--members", "1"], "expected 2 to 64"),
        (["--uncertainty", "laplace", "--preset", "gaussian_image"], "take an ensemble"),
    ],
)
def test_an_uncertainty_that_cannot_be_is_refused_before_the_fit(capsys, photo, options, message):
    assert main(["fit", str(photo), *options]) == 2
    assert message in capsys.readouterr().err
    assert os.listdir(photo.parent) == ["a.png"]
