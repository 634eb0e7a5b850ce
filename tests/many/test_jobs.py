import numpy as np
import pytest

from ungrid.many.items import Folder, StackFile
from ungrid.many.jobs import MOST_MEMBERS, Settings, plan_jobs
from ungrid.signals.image import write_picture
from ungrid.testing.toys import tiny_picture


def a_stack(folder, n, size=8):
    np.save(folder / "a.npy", np.zeros((n, size, size), np.uint8))
    return StackFile(folder / "a.npy")


def sizes(source, **settings):
    jobs, bad = plan_jobs(source, source.items(), Settings(**settings))
    assert not bad
    return [(len(job.items), job.is_stack) for job in jobs]


def test_items_are_cut_into_equal_stacks(tmp_path):
    assert sizes(a_stack(tmp_path, MOST_MEMBERS + 6)) == [(35, True), (35, True)]


def test_files_of_one_shape_are_fitted_together_and_others_alone(tmp_path):
    for index, (height, width) in enumerate([(6, 8), (8, 6), (6, 8), (6, 8), (5, 5)]):
        write_picture(tmp_path / f"{index}.png", tiny_picture(height, width))
    write_picture(tmp_path / "gray.png", tiny_picture(6, 8, ("gray",)))
    jobs, _ = plan_jobs(source := Folder(tmp_path, tmp_path / "out"), source.items(), Settings())
    assert sorted(([item.name for item in job.items], job.is_stack) for job in jobs) == [
        (["0", "2", "3"], True), (["1"], False), (["4"], False), (["gray"], False),
    ]  # fmt: skip


def test_what_cannot_be_read_is_said_and_left_out(tmp_path):
    write_picture(tmp_path / "a.png", tiny_picture(6, 8))
    (tmp_path / "bad.png").write_text("no picture")
    source = Folder(tmp_path, tmp_path / "out")
    jobs, bad = plan_jobs(source, source.items(), Settings())
    assert [item.name for job in jobs for item in job.items] == ["a"]
    assert "holds text" in str(bad["bad"])


def test_little_memory_gives_small_stacks(tmp_path):
    whole, half = sizes(a_stack(tmp_path, 32)), sizes(a_stack(tmp_path, 32), max_memory=4_000_000)
    assert whole == [(32, True)]
    assert len(half) > 1
    assert sum(n for n, _ in half) == 32


@pytest.mark.parametrize(("size", "preset"), [(200, "auto"), (8, "siren")])
def test_large_signals_and_published_settings_are_fitted_alone(tmp_path, size, preset):
    assert sizes(a_stack(tmp_path, 3, size), preset=preset) == [(1, False)] * 3
