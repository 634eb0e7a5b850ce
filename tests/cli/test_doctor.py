import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from ungrid import fitting
from ungrid.cli.doctor import EXTRAS, measure_machine
from ungrid.cli.main import main
from ungrid.errors import Diverged
from ungrid.fit.limits import Limits
from ungrid.presets.predict import Machine

KEYS = {"ungrid", "python", "versions", "device", "threads", "cores", "kernels", "extras", "calibration", "self_test"}


@pytest.fixture
def quick(monkeypatch):
    """The self-test with few steps, and no claim on its quality."""
    limits = Limits
    monkeypatch.setattr(sys.modules["ungrid.fit.limits"], "Limits", lambda steps: limits(steps=min(steps, 3)))
    monkeypatch.setattr("ungrid.cli.doctor.SELF_TEST_DB", 0.0)


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache folder; the path of the calibration file in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return tmp_path / "ungrid" / "calibration.json"


def test_the_self_test_passes_here(capsys):
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= KEYS
    assert told["self_test"]["passed"]
    assert told["self_test"]["psnr"] >= 30
    assert {name: set(packages) for name, packages in told["extras"].items()} == {k: set(v) for k, v in EXTRAS.items()}


def test_every_extra_that_a_user_can_install_is_looked_for():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = {extra: {re.split(r"[<>=]", need)[0] for need in extras[extra]} for extra in set(extras) - {"all", "dev", "docs"}}
    assert names == {extra: set(packages) for extra, packages in EXTRAS.items()}
    assert extras["all"] == [f"ungrid[{','.join(extra for extra in extras if extra in names)}]"]


def test_a_missing_extra_is_told_with_its_install_line(capsys, monkeypatch, quick):
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "missing: OpenEXR (EXR); install with: pip install 'ungrid[image]'" in shown
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["extras"]["image"]["OpenEXR"] is False


def test_a_self_test_that_fails_says_why(capsys, monkeypatch, quick):
    def fail(*args, **kwargs):
        raise Diverged("the fit diverged")

    monkeypatch.setattr(fitting, "carry_out", fail)
    main(["doctor", "--json"])
    assert json.loads(capsys.readouterr().out)["self_test"] == {"passed": False, "why": "the fit diverged"}


def test_a_calibration_is_kept_and_told(capsys, monkeypatch, quick, cache):
    measured = Machine(step=1e-3, point=3e-7, solved=4e-6, origin="calibrated")
    monkeypatch.setattr("ungrid.cli.doctor.measure_machine", lambda: measured)
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calibration"]["origin"] == "not calibrated: ungrid doctor --calibrate"
    assert not cache.exists()
    for arguments in (["--calibrate"], []):
        assert main(["doctor", *arguments, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["calibration"]
        assert (told["origin"], told["point_ns"], told["solved_ns"]) == ("calibrated", 300.0, 4000.0)
    assert Machine.here() == measured


def test_a_calibration_that_cannot_be_written_is_an_error_of_the_machine(capsys, monkeypatch, quick, cache):
    monkeypatch.setattr("ungrid.cli.doctor.measure_machine", Machine)
    cache.parent.write_text("a file where the folder should be")
    assert main(["doctor", "--calibrate", "--quiet"]) == 6
    assert "cannot write" in capsys.readouterr().err


def test_what_is_measured_is_the_cost_of_something():
    costs = measure_machine(side=64, steps=2, repeats=1).costs()
    assert all(0 <= cost < 0.1 for cost in costs.values())
    assert costs["solved"] > 0
    assert costs["measured"] > 0
