"""Independent jobs as an array of Slurm's: a script that sbatch takes, and what each of its tasks does.

The folder holds the jobs while they run: what is to be done, the script, an outcome of each job, a log of each task. It is this
user's own, made for one submission and removed after it; all nodes must see it under the same path, and this Python, too.
"""

import contextlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from ungrid.errors import InputError, Interrupted, MachineError
from ungrid.files import write_beside, writing_error
from ungrid.fit.jobs import Outcome, Work, attempt

MOST_TASKS = 1000  # of an array: Slurm's own default limit is 1,001
LOOK_SECONDS = 1.0
FOLDER, WORK, NUMBERS, SCRIPT = "slurm", "work.pickle", "numbers.json", "array.sh"


def submit_jobs(numbers: Sequence[int], work: Work, *, workers: int, folder: Path) -> Iterator[Outcome]:
    """The outcomes of `work(number)` for each number, each done by a task of one array.

    Account, partition, time and memory are those of the environment, as sbatch reads it: SBATCH_ACCOUNT, SBATCH_PARTITION,
    SBATCH_TIMELIMIT, SBATCH_MEM_PER_NODE.

    Args:
        numbers: of the jobs.
        work: does one of them; it is pickled.
        workers: tasks at work at a time.
        folder: that all nodes see.

    Raises:
        InputError: sbatch is not on PATH.
        MachineError: the folder cannot be written, or sbatch refuses.
        Interrupted: Ctrl-C; the array is canceled.
    """
    sbatch = find_sbatch()
    if not numbers:
        return
    place = folder.resolve() / FOLDER
    _prepare(place, numbers, work, workers)
    process = subprocess.Popen(
        [sbatch, "--wait", "--parsable", str(place / SCRIPT)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield from _outcomes(numbers, place, process)
    except KeyboardInterrupt:
        _cancel(process)
        raise Interrupted("interrupted; the array is canceled, and what is done is kept") from None
    shutil.rmtree(place, ignore_errors=True)


def find_sbatch() -> str:
    """Where sbatch is.

    Raises:
        InputError: not on PATH.
    """
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise InputError(
            "engine slurm needs sbatch, which is not on PATH; run this where jobs are submitted to Slurm, or take --engine local "
            "or dask"
        )
    return sbatch


def do_task(place: Path, index: int) -> None:
    """What a task of the array does: every n-th job of n tasks."""
    plan = json.loads((place / NUMBERS).read_text(encoding="utf-8"))
    work: Work = pickle.loads((place / WORK).read_bytes())  # written by `submit_jobs` for this array alone
    for number in plan["numbers"][index :: plan["tasks"]]:
        outcome = attempt(work, number)
        with write_beside(place / f"{number}.json") as temporary:
            temporary.write_text(json.dumps(asdict(outcome)), encoding="utf-8")


def _prepare(place: Path, numbers: Sequence[int], work: Work, workers: int) -> None:
    tasks = min(len(numbers), MOST_TASKS)
    lines = (
        "#!/bin/sh",
        "#SBATCH --job-name=ungrid",
        f"#SBATCH --array=0-{tasks - 1}%{workers}",
        "#SBATCH --ntasks=1",
        f"#SBATCH --output={place}/%a.log",
        f"exec '{sys.executable}' -m ungrid.fit.slurm '{place}' \"$SLURM_ARRAY_TASK_ID\"",
    )
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700, parents=True)
        (place / WORK).write_bytes(pickle.dumps(work))
        (place / NUMBERS).write_text(json.dumps({"numbers": list(numbers), "tasks": tasks}), encoding="utf-8")
        (place / SCRIPT).write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise writing_error(place, error) from None


def _outcomes(numbers: Sequence[int], place: Path, process: subprocess.Popen[str]) -> Iterator[Outcome]:
    """Outcomes as their files appear; when the array has ended, in words why there is none of the others."""
    left = list(numbers)
    while left:
        ended = process.poll() is not None
        for number in [number for number in left if (place / f"{number}.json").is_file()]:
            left.remove(number)
            yield Outcome(**json.loads((place / f"{number}.json").read_text(encoding="utf-8")))
        if ended:
            break
        time.sleep(LOOK_SECONDS if left else 0)
    said, wrong = process.communicate()
    if left and not said.strip():
        raise MachineError(f"sbatch refused the array: {' '.join(wrong.split())[:200]}; say what it needs by SBATCH_… variables")
    for number in left:
        yield Outcome(number, None, f"its Slurm task ended without a result{_last_words(place, number, list(numbers))}")


def _last_words(place: Path, number: int, numbers: list[int]) -> str:
    """The last line of the log of a job's task."""
    log = place / f"{numbers.index(number) % min(len(numbers), MOST_TASKS)}.log"
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last[:160]}" if last else ""


def _cancel(process: subprocess.Popen[str]) -> None:
    """End the submission and, by the number that sbatch has said, the array."""
    scancel, said = shutil.which("scancel"), ""
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    with contextlib.suppress(OSError):  # nothing said yet
        said = os.read(process.stdout.fileno(), 4096).decode()
    process.terminate()
    process.wait()
    if scancel and said.strip():
        subprocess.run([scancel, said.strip().split(";")[0]], check=False, capture_output=True)


if __name__ == "__main__":
    do_task(Path(sys.argv[1]), int(sys.argv[2]))
