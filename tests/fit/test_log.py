import importlib.util
import json
import math

import pytest

from ungrid.errors import MachineError, MissingExtra
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Monitor
from ungrid.fit.log import JsonLog, TensorBoardLog
from ungrid.fit.loop import Budget, run
from ungrid.fit.state import FitState
from ungrid.tasks.represent import represent
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import tiny_picture


def a_state():
    picture = tiny_picture()
    return FitState(FIELD_EXAMPLES["EncodedField"](picture.box, 3, 0), represent(picture), Recipe(batch_size=32), 0)


def lines(path):
    return [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]


def test_each_line_is_one_object_and_the_last_says_how_it_ended(tmp_path):
    path = tmp_path / "log.jsonl"
    run(a_state(), Budget(3), [Monitor(0.0), JsonLog(path, every_seconds=0.0)])
    *steps, last = lines(path)
    assert [line["step"] for line in steps] == [1, 2, 3]
    assert all({"step", "seconds", "psnr", "losses"} == set(line) for line in steps)
    assert steps[0]["losses"]["misfit"] > 0
    assert (last["stopped_by"], last["notes"]) == ("steps", [])


def test_a_log_stays_json_when_the_match_is_exact(tmp_path):
    state = a_state()
    state.problem.judge.monitor = lambda field: math.inf
    run(state, Budget(2), [Monitor(0.0), JsonLog(tmp_path / "log.jsonl", every_seconds=0.0)])
    assert lines(tmp_path / "log.jsonl")[0]["psnr"] is None


def test_a_new_fit_overwrites_a_log_and_a_resumed_one_continues_it(tmp_path):
    path, state = tmp_path / "log.jsonl", a_state()
    for _ in range(2):
        run(a_state(), Budget(1), [JsonLog(path, every_seconds=0.0)])
    assert len(lines(path)) == 2
    state.step = 1
    run(state, Budget(2), [JsonLog(path, every_seconds=0.0)])
    assert len(lines(path)) == 4


def test_a_log_that_cannot_be_written_is_the_machines_fault(tmp_path):
    with pytest.raises(MachineError, match="does not exist"):
        run(a_state(), Budget(1), [JsonLog(tmp_path / "missing" / "log.jsonl")])


def test_tensorboard_is_written_or_asked_for(tmp_path):
    if importlib.util.find_spec("tensorboard") is None:
        with pytest.raises(MissingExtra, match=r"pip install 'ungrid\[track\]'"):
            TensorBoardLog(tmp_path / "events")
        return
    log = TensorBoardLog(tmp_path / "events", every=1)
    run(a_state(), Budget(2), [log])
    assert any((tmp_path / "events").iterdir())
