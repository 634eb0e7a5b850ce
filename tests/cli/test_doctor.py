import json
import sys

import pytest

from ungrid import fitting
from ungrid.cli.doctor import EXTRAS
from ungrid.cli.main import main
from ungrid.errors import Diverged

KEYS = {"ungrid", "python", "versions", "device", "threads", "cores", "kernels", "extras", "self_test"}


@pytest.fixture
def quick(monkeypatch):
    """The self-test with few steps, and no claim on its quality."""
    limits = fitting.Limits
    monkeypatch.setattr(fitting, "Limits", lambda steps: limits(steps=min(steps, 3)))
    monkeypatch.setattr("ungrid.cli.doctor.SELF_TEST_DB", 0.0)


def test_the_self_test_passes_here(capsys):
    assert main(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= KEYS
    assert told["self_test"]["passed"]
    assert told["self_test"]["psnr"] >= 30
    assert {name: set(packages) for name, packages in told["extras"].items()} == {k: set(v) for k, v in EXTRAS.items()}


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
