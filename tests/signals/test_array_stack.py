import gzip
import struct

import numpy as np
import pytest

from ungrid.errors import InputError, MissingFile, UngridError, UnknownName, UnreadableInput
from ungrid.signals.array_stack import is_stack, open_stack

PICTURES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx(array):
    code = next(code for name, code in CODES.items() if np.dtype(name) == array.dtype)
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", CODES)
def test_an_idx_file_gives_its_numbers(tmp_path, dtype, packed):
    array, path = PICTURES.astype(dtype), tmp_path / "images-idx3-ubyte"
    path.write_bytes(gzip.compress(idx(array), mtime=0) if packed else idx(array))
    stack = open_stack(path)
    assert (len(stack), stack.shape) == (3, (4, 5))
    assert np.array_equal(stack.read(1, 3), array[1:3])


def test_an_npy_file_gives_its_items(tmp_path):
    np.save(tmp_path / "a.npy", PICTURES)
    assert np.array_equal(open_stack(tmp_path / "a.npy").read(2, 3), PICTURES[2:])


def test_of_an_npz_file_the_only_array_with_enough_axes_is_taken(tmp_path):
    np.savez(tmp_path / "a.npz", labels=np.arange(3), classes=np.array(["a", "b"]), faces=PICTURES)
    assert open_stack(tmp_path / "a.npz").name == "faces"


def test_of_several_stacks_the_one_called_images_is_taken(tmp_path):
    np.savez(tmp_path / "a.npz", images=PICTURES, masks=PICTURES)
    assert open_stack(tmp_path / "a.npz").name == "images"


def test_an_array_can_be_named(tmp_path):
    np.savez(tmp_path / "a.npz", images=PICTURES, masks=PICTURES + 1)
    assert np.array_equal(open_stack(tmp_path / "a.npz", "masks").read(0, 3), PICTURES + 1)


def test_a_zarr_array_and_a_group_give_their_items(tmp_path):
    zarr = pytest.importorskip("zarr")
    zarr.create_array(str(tmp_path / "one.zarr"), data=PICTURES)
    group = zarr.open_group(str(tmp_path / "many.zarr"), mode="w")
    group.create_array("images", data=PICTURES)
    group.create_array("labels", data=np.arange(3))
    for name in ("one.zarr", "many.zarr"):
        assert is_stack(tmp_path / name)
        assert np.array_equal(open_stack(tmp_path / name).read(1, 2), PICTURES[1:2])


def test_a_folder_of_files_is_no_stack(tmp_path):
    assert not is_stack(tmp_path)


GOOD = idx(PICTURES)
HUGE = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**31, 2**31)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("cut", GOOD[:-1], "declares 3 × 4 × 5 numbers, 60 bytes, and holds fewer"),
        ("long", GOOD + b"\0", "holds more"),
        ("huge", HUGE, "holds fewer"),
        ("huge.gz", gzip.compress(HUGE, mtime=0), "holds fewer"),
        ("cut.gz", gzip.compress(GOOD, mtime=0)[:-12], "cut off"),
        ("short", GOOD[:9], "cut off"),
        ("empty", b"", "is empty"),
        ("text", b"hello, world\n", "holds text; expected many signals"),
        ("text.gz", gzip.compress(b"hello, world\n", mtime=0), "gzip-compressed data"),
        ("a.npy", b"\x93NUMPY junk", "cannot be read as numbers"),
        ("a.npz", b"PK\x03\x04 junk", "cannot be read as numbers"),
    ],
)
def test_what_is_no_stack_is_said_in_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableInput, match=message) as caught:
        open_stack(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "name", "kind", "message"),
    [
        ({"labels": np.arange(3)}, None, InputError, "holds labels"),
        ({"left": PICTURES, "right": PICTURES}, None, InputError, "--array NAME"),
        ({"left": PICTURES}, "lefft", UnknownName, "did you mean 'left'"),
        ({"images": PICTURES[:0]}, None, InputError, "holds 0 items"),
        ({"images": PICTURES[:, :0]}, None, InputError, "of shape"),
        ({"objects": np.array([["a"]] * 3)}, None, InputError, "expected numbers"),
    ],
)
def test_arrays_that_are_no_stack_are_refused(tmp_path, arrays, name, kind, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(kind, match=message):
        open_stack(tmp_path / "a.npz", name)


def test_pickled_arrays_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}] * 3, dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableInput, match="cannot be read as numbers"):
        open_stack(tmp_path / "a.npy")


def test_a_damaged_zarr_store_is_said_in_one_line(tmp_path):
    pytest.importorskip("zarr")
    (tmp_path / "zarr.json").write_text("{")
    with pytest.raises(UngridError, match="cannot be read as a Zarr store"):
        open_stack(tmp_path)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(MissingFile):
        open_stack(tmp_path / "nothing.npy")
