import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[0-9][0-9]_*.py"))
MOST_LINES = 60


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_proves_its_claim_in_quick_mode(example, tmp_path):
    # one thread: fits this small do not gain from more, and lose much by them where other programs run
    env = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    command = [sys.executable, str(example), "--quick"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_short_and_ends_in_its_claim(example):
    lines = example.read_text(encoding="utf-8").rstrip().splitlines()
    assert len(lines) <= MOST_LINES
    assert lines[-1].startswith("assert ")


def test_there_are_examples():
    assert EXAMPLES
