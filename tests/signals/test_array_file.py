import numpy as np
import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError, UnreadableInput
from ungrid.signals.array_file import array_shape, is_array_file, open_array_writer, read_arrays
from ungrid.signals.base import Outline

OUTLINE = Outline(Grid(Box(("z", "x"), ((0.0, 4.0), (10.0, 12.0)), ("mm", "mm")), (4, 2)), "volume", ("a", "b", "c"))
VALUES = torch.arange(24.0).reshape(4, 2, 3)


def test_arrays_come_as_they_are_by_name(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6, dtype=np.int16).reshape(2, 3))
    np.savez(tmp_path / "b.npz", x=np.ones(3), y=np.float32(2))
    assert read_arrays(tmp_path / "a.npy")[""].dtype == np.int16
    assert {name: array.shape for name, array in read_arrays(tmp_path / "b.npz").items()} == {"x": (3,), "y": ()}
    start = (tmp_path / "a.npy").read_bytes()[:512]
    assert is_array_file(tmp_path / "a.npy", start)
    assert array_shape(tmp_path / "a.npy", start) == (2, 3)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_pickles_and_broken_files_are_refused_unread(tmp_path, name):
    save = np.save if name == "a.npy" else np.savez
    save(tmp_path / name, np.array([{"a": 1}], dtype=object))
    with pytest.raises(UnreadableInput, match="cannot be read as numbers"):
        read_arrays(tmp_path / name)
    save(tmp_path / name, np.ones(100))
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-60])
    with pytest.raises(UnreadableInput, match="cannot be read as numbers"):
        read_arrays(tmp_path / name)


def test_bands_make_up_the_array(tmp_path):
    with open_array_writer(tmp_path / "a.npy", OUTLINE) as writer:
        for band in VALUES.split(3):
            writer.write_rows(band)
    assert (np.load(tmp_path / "a.npy") == VALUES.numpy()).all()


def test_a_table_has_coordinates_and_channels(tmp_path):
    with open_array_writer(tmp_path / "a.csv", OUTLINE) as writer:
        for band in VALUES.split(3):
            writer.write_rows(band)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "z,x,a,b,c"
    assert lines[-1] == "3.5,11.5,21,22,23"
    assert len(lines) == 9


def test_bands_that_do_not_fit_and_other_endings_are_refused(tmp_path):
    with pytest.raises(ShapeError, match="does not fit"), open_array_writer(tmp_path / "a.npy", OUTLINE) as writer:
        writer.write_rows(torch.zeros(5, 2, 3))
    with pytest.raises(InputError, match="3 were written"), open_array_writer(tmp_path / "a.npy", OUTLINE) as writer:
        writer.write_rows(VALUES[:3])
    with pytest.raises(InputError, match=r"ending in .npy or .csv"), open_array_writer(tmp_path / "a.txt", OUTLINE):
        pass
    assert list(tmp_path.iterdir()) == []
