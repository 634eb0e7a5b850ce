import functools
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch

from ungrid.encodings.combine import CoarseToFine
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.errors import FormatError, InputError, Interrupted, MachineError
from ungrid.fields.record import Recipe
from ungrid.fit.callbacks import Anneal, Callback, HeldOut
from ungrid.fit.checkpoint import STATE_FILE, Checkpoint
from ungrid.fit.guard import Guard
from ungrid.fit.loop import Budget, run
from ungrid.fit.optimizers import OPTIMIZERS
from ungrid.fit.state import FitState
from ungrid.tasks.represent import represent
from ungrid.testing.examples import encoded_field
from ungrid.testing.toys import tiny_picture

STEPS = 24


class Kill(Callback):
    """Breaks the fit off after a step."""

    def __init__(self, at, error=RuntimeError):
        self.at, self.error = at, error

    def __call__(self, state, losses):
        if state.step == self.at:
            raise self.error


def fit(folder, *, optimizer="adam", steps=STEPS, kill=None, resume=False, identity=None, every_seconds=0.0):
    """Weights after a fit with a checkpoint at every snapshot, every five steps."""
    picture = tiny_picture()
    field = encoded_field(CoarseToFine(FourierFeatures(2, 4), 0.1, 0.9), 3, box=picture.box)
    recipe = Recipe(optimizer=optimizer, learning_rate=1e-2, batch_size=50, schedule="cosine", warm_up=0.2)
    state, guard = FitState(field, represent(picture, heldout=0.1), recipe, 0), Guard(every=5)
    checkpoint = Checkpoint(folder, guard, identity or {"seed": 0}, every_seconds=every_seconds, resume=resume)
    run(state, Budget(steps), [checkpoint, HeldOut(), Anneal(), *([kill] if kill else [])], guard)
    return state


def bits(state):
    return {name: tensor.clone() for name, tensor in state.field.state_dict().items()}


@pytest.fixture(autouse=True)
def _as_for_a_user(unchecked_types):
    """Fits of many steps, at their own speed."""


@functools.cache
def never_killed(optimizer="adam", steps=STEPS):
    with tempfile.TemporaryDirectory() as folder:
        return fit(Path(folder, "parts"), optimizer=optimizer, steps=steps)


@pytest.mark.parametrize(
    ("optimizer", "at", "steps"),
    [("adam", at, STEPS) for at in (1, 5, 6, 13, 19, 20, 23)] + [(name, 6, 8) for name in OPTIMIZERS],
)
def test_a_fit_that_was_killed_continues_to_the_same_bits(tmp_path, optimizer, at, steps):
    whole = never_killed(optimizer, steps)
    with pytest.raises(RuntimeError):
        fit(tmp_path / "parts", optimizer=optimizer, steps=steps, kill=Kill(at))
    resumed = fit(tmp_path / "parts", optimizer=optimizer, steps=steps, resume=True)
    assert resumed.step == steps
    expected = bits(whole)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in bits(resumed).items())
    assert resumed.extra["heldout"] == whole.extra["heldout"]


def test_a_fit_that_was_killed_twice_continues_to_the_same_bits(tmp_path):
    for at, resume in ((7, False), (17, True)):
        with pytest.raises(RuntimeError):
            fit(tmp_path / "parts", kill=Kill(at), resume=resume)
    resumed, expected = fit(tmp_path / "parts", resume=True), bits(never_killed())
    assert all(torch.equal(tensor, expected[name]) for name, tensor in bits(resumed).items())
    assert resumed.notes == ["resumed at step 5", "resumed at step 15"]


KILLED = """
import os, signal, sys, torch
sys.path.insert(0, {folder!r})
from test_checkpoint import Callback, fit
class Kill(Callback):
    def __call__(self, state, losses):
        if state.step == 17:
            os.kill(os.getpid(), signal.SIGKILL)
torch.set_num_threads({threads})
fit({parts!r}, kill=Kill())
"""


def test_a_process_that_was_killed_continues_to_the_same_bits(tmp_path):
    code = KILLED.format(folder=str(__file__).rpartition("/")[0], parts=str(tmp_path / "parts"), threads=torch.get_num_threads())
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    resumed, expected = fit(tmp_path / "parts", resume=True), bits(never_killed())
    assert resumed.notes == ["resumed at step 15"]
    assert all(torch.equal(tensor, expected[name]) for name, tensor in bits(resumed).items())


def test_ctrl_c_leaves_a_checkpoint_however_long_ago_the_last_was_written(tmp_path):
    with pytest.raises(Interrupted):
        fit(tmp_path / "parts", kill=Kill(16, KeyboardInterrupt), every_seconds=1e9)
    assert (tmp_path / "parts" / STATE_FILE).exists()
    resumed, expected = fit(tmp_path / "parts", resume=True), bits(never_killed())
    assert resumed.notes == ["resumed at step 15"]
    assert all(torch.equal(tensor, expected[name]) for name, tensor in bits(resumed).items())


def test_a_fit_that_ends_well_writes_nothing_it_was_not_asked_to(tmp_path):
    fit(tmp_path / "parts", every_seconds=1e9)
    assert not (tmp_path / "parts").exists()


def test_a_state_is_overwritten_without_resume(tmp_path):
    with pytest.raises(RuntimeError):
        fit(tmp_path / "parts", kill=Kill(18))
    assert fit(tmp_path / "parts").notes == []


def test_a_resume_without_a_state_starts_from_the_beginning(tmp_path):
    assert fit(tmp_path / "parts", resume=True).step == STEPS


def test_a_state_of_other_settings_is_refused_by_their_names(tmp_path):
    with pytest.raises(RuntimeError):
        fit(tmp_path / "parts", kill=Kill(18), identity={"seed": 1, "input": "a"})
    with pytest.raises(InputError, match=r"cannot resume: .* is of a fit with another seed; start without --resume"):
        fit(tmp_path / "parts", resume=True, identity={"seed": 2, "input": "a"})


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"nonsense" * 100, lambda b: b + b"more"]
)
def test_a_state_that_cannot_be_read_says_what_to_do(tmp_path, damage):
    with pytest.raises(RuntimeError):
        fit(tmp_path / "parts", kill=Kill(18))
    path = tmp_path / "parts" / STATE_FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FormatError, match=r"cannot be read .*delete its folder to start again"):
        fit(tmp_path / "parts", resume=True)


def test_a_state_of_another_field_says_what_to_do(tmp_path):
    with pytest.raises(RuntimeError):
        fit(tmp_path / "parts", optimizer="lbfgs", kill=Kill(6))
    with pytest.raises(FormatError, match=r"does not fit this field|cannot be read"):
        fit(tmp_path / "parts", optimizer="adam", resume=True)


def test_a_folder_that_cannot_be_made_is_the_machines_fault(tmp_path):
    with pytest.raises(MachineError, match="does not exist"):
        fit(tmp_path / "missing" / "parts")


def test_nothing_is_written_before_it_is_time_and_nothing_twice(tmp_path):
    guard = Guard()
    checkpoint = Checkpoint(tmp_path / "parts", guard, {}, every_seconds=0.0)
    picture = tiny_picture()
    state = FitState(encoded_field(FourierFeatures(2, 4), 3, box=picture.box), represent(picture), Recipe(), 0)
    checkpoint.write()
    assert not (tmp_path / "parts").exists()  # there is no snapshot yet
    guard.begin(state)
    checkpoint.write()
    path = tmp_path / "parts" / STATE_FILE
    first = path.stat().st_mtime_ns
    time.sleep(0.01)
    checkpoint.write()
    assert path.stat().st_mtime_ns == first
    checkpoint.remove()
    checkpoint.remove()
    assert not (tmp_path / "parts").exists()


def test_the_state_is_one_file_of_tensors_and_json(tmp_path):
    from safetensors import safe_open

    fit(tmp_path / "parts")
    with safe_open(tmp_path / "parts" / STATE_FILE, framework="pt") as file:
        text = json.loads(file.metadata()["ungrid_fit"])
    assert set(text) == {"identity", "plain"}
    assert text["plain"]["step"] == 20
