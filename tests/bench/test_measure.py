import time

import pytest
import torch

from ungrid.bench.measure import Candidate, Stopwatch, Timing, beside_gemm, compared, interleaved, threads


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_candidates_take_turns_and_the_first_turn_does_not_count():
    turns = []
    candidates = [Candidate(name, lambda name=name: turns.append(name)) for name in "ab"]
    timings = interleaved(candidates, 2)
    assert "".join(turns) == "ababab"
    assert [len(mine) for mine in timings] == [2, 2]


def test_a_ratio_is_how_many_times_as_fast_as_the_first():
    slow, fast = compared([Candidate("slow", lambda: burn(0.02), 3), Candidate("fast", lambda: burn(0.005), 3)], 2, rate="things")
    assert (slow["versus"], slow["times_faster"]) == ("slow", 1)
    assert fast["times_faster"] == pytest.approx(4, rel=0.3)
    assert fast["things"] == pytest.approx(3 / fast["cpu_seconds"])


def test_one_thread_is_compared_by_the_processors_clock_and_more_by_the_walls():
    spent = Timing(cpu=2.0, wall=3.0)
    assert (spent.of(1), spent.of(2)) == (2.0, 3.0)


def test_a_pause_does_not_count():
    watch = Stopwatch()
    with watch.paused():
        burn(0.02)
    assert watch.spent().cpu < 0.01


def test_the_number_of_threads_is_set_back():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_matrix_product_is_itself_about_all_of_the_probe():
    left, right, out = torch.randn(1024, 512), torch.randn(512, 512), torch.empty(1024, 512)
    product = Candidate("product", lambda: [torch.mm(left, right, out=out) for _ in range(16)], 16 * 2e-9 * 1024 * 512 * 512)
    (row,) = beside_gemm([product], 3)
    assert 30 < row["percent_of_gemm"] < 300  # a shared machine
