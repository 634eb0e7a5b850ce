import multiprocessing
import os
import signal

import pytest

from ungrid.errors import InputError, Interrupted, MachineError
from ungrid.fit.jobs import run_jobs
from ungrid.testing.toys import Squares


def test_jobs_are_done_here_one_after_another():
    outcomes = list(run_jobs([3, 1, 2], Squares()))
    assert [(o.number, o.result["square"], o.error) for o in outcomes] == [(3, 9, None), (1, 1, None), (2, 4, None)]
    assert {o.result["process"] for o in outcomes} == {os.getpid()}


def test_a_bad_job_leaves_the_others_alone():
    outcomes = {o.number: o for o in run_jobs(range(4), Squares(failing=(1,)))}
    assert outcomes[1].result is None
    assert outcomes[1].error == "number 1 is bad"
    assert [outcomes[n].result["square"] for n in (0, 2, 3)] == [0, 4, 9]


@pytest.mark.parametrize(("error", "raised"), [(KeyboardInterrupt(), Interrupted), (MachineError("full"), MachineError)])
def test_an_interruption_and_a_full_disk_end_them_all(error, raised):
    def work(number):
        raise error

    with pytest.raises(raised):
        list(run_jobs([0, 1], work))


def test_jobs_without_memory_are_said_to_be_so():
    def work(number):
        raise MemoryError

    (outcome,) = run_jobs([0], work)
    assert "not enough memory" in outcome.error


@pytest.mark.parametrize("workers", [0, -1, 10_000])
def test_absurd_numbers_of_workers_are_refused(workers):
    with pytest.raises(InputError, match="expected 1 to"):
        list(run_jobs([0], Squares(), workers=workers))


def test_a_worker_that_is_killed_is_replaced_and_its_jobs_are_done_again():
    found, killed = {}, False
    for outcome in run_jobs(range(6), Squares(seconds=0.2, failing=(4,)), workers=2):
        found[outcome.number] = outcome
        if not killed:
            killed = True
            os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    assert sorted(found) == list(range(6))
    assert found[4].error == "number 4 is bad"
    assert all(found[n].result["square"] == n * n for n in range(6) if n != 4)
    assert os.getpid() not in {found[n].result["process"] for n in (0, 1, 2, 3, 5)}
