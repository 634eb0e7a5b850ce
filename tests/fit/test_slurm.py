"""Jobs as a Slurm array: with an sbatch that runs the array here."""

import os
import sys
import time

import numpy as np
import pytest

import ungrid as ug
from ungrid.errors import InputError, Interrupted, MachineError
from ungrid.fit import slurm
from ungrid.fit.jobs import Outcome
from ungrid.fit.slurm import FOLDER, do_task, submit_jobs
from ungrid.testing.toys import Squares

SBATCH = """#!{python}
import os, re, subprocess, sys
script = sys.argv[-1]
text = open(script).read()
last, at_once = map(int, re.search(r"--array=0-(\\d+)%(\\d+)", text).groups())
log = re.search(r"--output=(.*)", text)[1]
print("4711", flush=True)
for task in range(last + 1):
    if {broken}:
        continue
    with open(log.replace("%a", str(task)), "w") as file:
        code = subprocess.run(["sh", script], env=os.environ | {{"SLURM_ARRAY_TASK_ID": str(task)}}, stdout=file, stderr=file)
"""


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """Puts an sbatch of these lines on PATH."""

    def put(text):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "sbatch").write_text(text)
        (folder / "sbatch").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return put


def test_the_array_does_all_jobs_and_its_folder_goes_away(sbatch, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "MOST_TASKS", 1)
    monkeypatch.setattr(slurm, "LOOK_SECONDS", 0.05)
    sbatch(SBATCH.format(python=sys.executable, broken=False))
    outcomes = {outcome.number: outcome for outcome in submit_jobs([3, 5, 8], Squares(failing=(5,)), workers=2, folder=tmp_path)}
    assert (outcomes[3].result["square"], outcomes[8].result["square"]) == (9, 64)
    assert outcomes[5] == Outcome(5, None, "number 5 is bad")
    assert outcomes[3].result["process"] != os.getpid()
    assert not (tmp_path / FOLDER).exists()
    assert list(submit_jobs([], Squares(), workers=1, folder=tmp_path)) == []


def test_jobs_of_a_task_that_died_are_said_with_its_last_words(sbatch, tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "LOOK_SECONDS", 0.05)
    sbatch(
        SBATCH.format(python=sys.executable, broken="not open(log.replace('%a', str(task)), 'w').write('slurmstepd: oom')or 1")
    )
    (outcome,) = submit_jobs([4], Squares(), workers=1, folder=tmp_path)
    assert outcome == Outcome(4, None, "its Slurm task ended without a result: slurmstepd: oom")


def test_an_array_that_is_refused_and_no_slurm_are_said_in_one_line(sbatch, tmp_path, monkeypatch):
    sbatch("#!/bin/sh\necho 'sbatch: error: invalid account' >&2; exit 1\n")
    with pytest.raises(MachineError, match="invalid account"):
        list(submit_jobs([1], Squares(), workers=1, folder=tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="not on PATH"):
        list(submit_jobs([1], Squares(), workers=1, folder=tmp_path))


def test_an_interrupted_array_is_canceled(sbatch, tmp_path, monkeypatch):
    sbatch("#!/bin/sh\necho '4711;cluster'; exec sleep 60\n")
    (tmp_path / "bin" / "scancel").write_text(f"#!/bin/sh\necho $1 > {tmp_path}/canceled\n")
    (tmp_path / "bin" / "scancel").chmod(0o755)
    wait = time.sleep

    def interrupted(seconds):
        wait(0.3)
        raise KeyboardInterrupt

    monkeypatch.setattr(slurm.time, "sleep", interrupted)
    with pytest.raises(Interrupted, match="canceled"):
        list(submit_jobs([1], Squares(), workers=1, folder=tmp_path))
    assert (tmp_path / "canceled").read_text() == "4711\n"


def test_many_signals_are_fitted_by_an_array(sbatch, tmp_path, monkeypatch, unchecked_types):
    monkeypatch.setattr(slurm, "LOOK_SECONDS", 0.05)
    sbatch(SBATCH.format(python=sys.executable, broken=False))
    np.save(tmp_path / "many.npy", np.random.default_rng(0).integers(0, 256, (3, 8, 9), dtype=np.uint8))
    report = ug.fit_many(tmp_path / "many.npy", tmp_path / "out", steps=3, engine="slurm", workers=2)
    assert report.done == 3
    assert sorted(path.name for path in (tmp_path / "out").glob("*.ung")) == ["00000.ung", "00001.ung", "00002.ung"]


def test_a_task_does_every_nth_job(tmp_path):
    import json
    import pickle

    (tmp_path / "work.pickle").write_bytes(pickle.dumps(Squares()))
    (tmp_path / "numbers.json").write_text(json.dumps({"numbers": [2, 3, 4, 5], "tasks": 2}))
    do_task(tmp_path, 1)
    assert sorted(path.name for path in tmp_path.glob("?.json")) == ["3.json", "5.json"]
    assert json.loads((tmp_path / "5.json").read_text())["result"]["square"] == 25
