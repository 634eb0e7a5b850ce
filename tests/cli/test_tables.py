import os

import numpy as np
import pytest
import torch

from ungrid.cli.tables import check_table_path, read_points, write_table
from ungrid.errors import InputError, MachineError, MissingFile, UnreadableInput

POINTS = [[1.5, 2], [3, -4e10]]


@pytest.mark.parametrize(
    "text",
    ["1.5,2\n3,-4e10\n", "y,x\n1.5,2\n3,-4e10", "\ufeffy,x\r\n1.5,2\r\n\r\n3,-4e10\r\n", ' 1.5 , 2\n"3","-4e10"\n'],
)
def test_points_are_read_from_csv_with_or_without_names(tmp_path, text):
    (tmp_path / "p.csv").write_bytes(text.encode())
    points = read_points(tmp_path / "p.csv", ("y", "x"))
    assert points.tolist() == POINTS
    assert points.dtype == torch.float64


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.uint8])
def test_points_are_read_from_npy_of_any_numbers(tmp_path, dtype):
    np.save(tmp_path / "p.npy", np.array([[1, 2], [3, 4]], dtype))
    assert read_points(tmp_path / "p.npy", ("y", "x")).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no numbers"),
        ("y,x\n", "holds no numbers"),
        ("y,x\n1,2\nfoo,3\n", "row 3: 'foo,3' are not numbers"),
        ("1,2\n3\n", "rows of different lengths"),
        ("1,2,3\n", r"array of shape \(1, 3\); expected one place a row, \[n, 2\]"),
        ("1,2\n1,nan\n", "not finite in row 2"),
        ("1;2\n3;4\n", "row 1: '1;2' are not numbers"),
    ],
)
def test_a_csv_of_no_places_is_refused(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_points(tmp_path / "p.csv", ("y", "x"))


@pytest.mark.parametrize(("name", "content"), [("p.csv", b"\xff\xfe1\x00,\x00"), ("p.npy", b"junk"), ("p.npy", b"")])
def test_a_table_that_cannot_be_decoded_is_unreadable(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableInput, match=name):
        read_points(tmp_path / name, ("y", "x"))


@pytest.mark.parametrize("array", [np.zeros((3, 2), complex), np.array([{}], object), np.array([["a", "b"]])])
def test_an_npy_of_no_numbers_is_unreadable(tmp_path, array):
    np.save(tmp_path / "p.npy", array)
    with pytest.raises(UnreadableInput, match="cannot be read as an npy file of numbers"):
        read_points(tmp_path / "p.npy", ("y", "x"))


def test_a_table_that_is_not_there_or_not_readable(tmp_path, monkeypatch):
    with pytest.raises(MissingFile, match="there is no file"):
        read_points(tmp_path / "p.csv", ("y", "x"))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "p.csv").write_text("1,2\n")
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        read_points(tmp_path / "p.csv", ("y", "x"))


def test_written_values_are_what_is_read_again(tmp_path):
    values = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    write_table(tmp_path / "v.npy", values)
    assert np.array_equal(np.load(tmp_path / "v.npy"), values.numpy())
    write_table(tmp_path / "v.csv", values)
    again = np.loadtxt(tmp_path / "v.csv", delimiter=",", dtype=np.float32)
    assert np.array_equal(again, values.numpy()), "nine digits tell every float32"


def test_derivatives_keep_their_axes_in_npy_and_lie_in_a_row_of_csv(tmp_path):
    hessian = torch.arange(24.0).reshape(2, 3, 2, 2)
    write_table(tmp_path / "h.npy", hessian)
    write_table(tmp_path / "h.csv", hessian)
    assert np.load(tmp_path / "h.npy").shape == (2, 3, 2, 2)
    assert np.loadtxt(tmp_path / "h.csv", delimiter=",").tolist() == hessian.reshape(2, 12).tolist()


def test_only_two_kinds_of_table_are_written(tmp_path):
    check_table_path(tmp_path / "v.CSV")
    check_table_path(tmp_path / "v.npy")
    with pytest.raises(InputError, match=r"expected a name ending in \.csv or \.npy; did you mean '\.csv'"):
        check_table_path(tmp_path / "v.cvs")


def test_a_table_on_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    for name in ("v.csv", "v.npy"):
        with pytest.raises(MachineError, match="the disk is full"):
            write_table(tmp_path / name, torch.zeros(2, 2))
    assert os.listdir(tmp_path) == []


def test_named_columns_may_stand_in_any_order_and_other_names_are_refused(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("x,y\n30,2\n")
    assert read_points(path, ("y", "x")).tolist() == [[2, 30]]
    path.write_text("2O,30\n5,6\n")
    with pytest.raises(InputError, match="row 1: '2O,30' are not numbers; only a first row may be names, those of the axes y, x"):
        read_points(path, ("y", "x"))
