import math
import time

import pytest

from ungrid.bench import classical, engine
from ungrid.bench.engine import MEASUREMENTS, Sizes, Work
from ungrid.errors import UnknownName
from ungrid.kernels.native_library import library
from ungrid.testing.toys import tiny_picture

TINY = Sizes(points=256, rounds=1, decode_points=600, frame=(40, 60), presets=("fast",), steps=3)
TIMED = {"name", "threads", "cpu_seconds", "wall_seconds"}
RATIO = {"settings", "clock", "versus", "times_faster"}
KEYS = {
    "limits": TIMED,
    "siren_step": TIMED | RATIO | {"gflops", "percent_of_gemm", "times_one_thread"},
    "hash_step": TIMED | RATIO,
    "small_step": TIMED | RATIO,
    "hash_double_backward": TIMED | RATIO,
    "decode": TIMED | RATIO | {"field", "gflops", "percent_of_gemm", "megapixels_per_second", "frame_seconds"},
    "time_to_quality": TIMED | {"picture", "shape", "seed", "psnr", "params_per_value"}
    | {f"{clock}_seconds_to_{psnr}" for clock in ("cpu", "wall") for psnr in (30, 35, 40)},
    "between_samples": TIMED | {"picture", "shape", "seed", "known", "heldout_psnr"},
}  # fmt: skip


@pytest.fixture(scope="module")
def measured():
    classical.scattered((24, 32))  # imported and called once, off the clock
    start = time.process_time()
    rows = engine.run(Work(TINY, {"tiny": tiny_picture(24, 32)}))
    return rows, time.process_time() - start


def test_a_toy_run_takes_less_than_five_seconds_of_the_processor(measured):
    rows, spent = measured
    classical_seconds = sum(row["cpu_seconds"] for row in rows if row["name"].startswith("scattered"))
    assert spent - classical_seconds < 5  # SciPy's first calls of a process take seconds now and then


def test_every_row_has_the_promised_keys_and_positive_numbers(measured):
    rows, _ = measured
    assert {row["measurement"] for row in rows} == set(KEYS)
    for row in rows:
        assert set(row) >= KEYS[row["measurement"]], row
        numbers = [value for key, value in row.items() if isinstance(value, int | float) and key != "seed"]
        assert all(math.isfinite(number) and number > 0 for number in numbers), row


def test_each_path_stands_beside_the_plain_one(measured):
    paths = {"torch"} | ({"native"} if library() else set())
    for name, plain in (("siren_step", "notebook"), ("hash_step", "reference"), ("decode", "eager")):
        rows = [row for row in measured[0] if row["measurement"] == name]
        assert {row["name"] for row in rows} == paths | {plain}
        assert all(row["times_faster"] == 1 for row in rows if row["name"] == plain)


def test_a_small_step_in_one_call_stands_beside_autograd(measured):
    rows = [row for row in measured[0] if row["measurement"] == "small_step"]
    assert {row["name"] for row in rows} == {"autograd"} | ({"native"} if library() else set())


def test_presets_stand_beside_classical_interpolation(measured):
    between = [row for row in measured[0] if row["measurement"] == "between_samples"]
    halves = {row["name"] for row in between if row["known"] == "random half"}
    assert halves == {"fast", *classical.scattered((24, 32))}
    assert {row["name"] for row in between if row["known"] == "even pixels"} == {"fast", "cubic convolution"}
    assert "gradient_error" in between[0]


def test_only_what_was_asked_for_is_measured():
    told = []
    rows = engine.run(Work(TINY, {}), ["limits"], tell=told.append)
    assert {row["measurement"] for row in rows} == {"limits"}
    assert told == ["limits …"]
    with pytest.raises(UnknownName, match="did you mean 'decode'"):
        engine.run(Work(TINY, {}), ["decod"])


def test_pictures_are_cut_to_the_smaller_side_and_number():
    pictures = {"a": tiny_picture(24, 32), "b": tiny_picture(24, 32)}
    work = Work(Sizes(side=20, n_pictures=1), pictures)
    assert [(name, signal.grid.shape) for name, signal in work.chosen(16)] == [("a", (16, 16))]
    assert [signal.grid.shape for _, signal in Work(Sizes(), pictures).chosen()] == [(24, 32)] * 2


def test_quick_sizes_are_smaller_in_everything_that_takes_time():
    assert engine.QUICK.points < engine.FULL.points
    assert engine.QUICK.rounds < engine.FULL.rounds
    assert set(engine.QUICK.presets) < set(engine.FULL.presets)
    assert set(MEASUREMENTS) < set(KEYS)
