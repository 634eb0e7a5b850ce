import errno
import json
import os
import time
import tracemalloc

import pytest

from ungrid.errors import FormatError, InputError, MachineError, MissingFile
from ungrid.files import check_writable, is_field_file, read_blob, read_header, without_ending, write_beside

DESCRIPTION = {"format_version": 1, "spec": None}


def pack(tensors, data=b"", *, description=DESCRIPTION, metadata=None, raw=None):
    """The bytes of a file with this header."""
    metadata = {"ungrid": json.dumps(description)} if metadata is None else metadata
    header = (json.dumps({"__metadata__": metadata, **tensors}) if raw is None else raw).encode()
    return len(header).to_bytes(8, "little") + header + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def refused(tmp_path, content, message):
    path = tmp_path / "a.ung"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_header(path)


def test_a_header_says_where_each_tensor_lies(tmp_path):
    path = tmp_path / "a.ung"
    content = pack({"b": tensor("U8", (3,), (8, 11)), "a": tensor(), "blob.icc": tensor("U8", (2,), (11, 13))}, bytes(range(13)))
    path.write_bytes(content)
    header = read_header(path)
    start = len(content) - 13
    assert {name: (entry.start, entry.stop) for name, entry in header.tensors.items()} == {
        "a": (start, start + 8),
        "b": (start + 8, start + 11),
        "blob.icc": (start + 11, start + 13),
    }
    assert header.description == DESCRIPTION
    assert header.file_bytes == len(content)
    assert read_blob(path, header.tensors["blob.icc"]) == b"\x0b\x0c"


@pytest.mark.parametrize(
    ("tensors", "data", "message"),
    [
        ({"a": tensor()}, b"\0" * 7, "cut off or has bytes appended"),
        ({"a": tensor()}, b"\0" * 9, "cut off or has bytes appended"),
        ({"a": tensor(offsets=(4, 12))}, b"\0" * 12, "gaps and overlaps are forbidden"),
        ({"a": tensor(), "b": tensor(offsets=(4, 12))}, b"\0" * 12, "gaps and overlaps are forbidden"),
        ({"a": tensor(), "b": tensor()}, b"\0" * 8, "gaps and overlaps are forbidden"),
        ({"a": tensor(shape=(3,))}, b"\0" * 8, "does not fill its 8 bytes"),
        ({"a": tensor(offsets=(8, 0))}, b"\0" * 8, "does not fill its -8 bytes"),
        ({"a": tensor("F99")}, b"\0" * 8, "dtype 'F99'; the format knows F64"),
        ({"a": tensor(["F32"])}, b"\0" * 8, "dtype"),
        ({"a": tensor(shape=(-2, -1))}, b"\0" * 8, "expected at most 8 sizes"),
        ({"a": tensor(shape=(2.0,))}, b"\0" * 8, "expected at most 8 sizes"),
        ({"a": tensor(shape=(True, 2))}, b"\0" * 8, "expected at most 8 sizes"),
        ({"a": tensor(shape=(1,) * 9 + (2,))}, b"\0" * 8, "expected at most 8 sizes"),
        ({"a": tensor(shape=(2**48,))}, b"\0" * 8, "expected at most 8 sizes"),
        ({"a": tensor(offsets=(0, 8, 8))}, b"\0" * 8, "expected two byte positions"),
        ({"a": {"dtype": "F32", "shape": [2]}}, b"\0" * 8, "not described by exactly dtype, shape and data_offsets"),
        ({"a": {**tensor(), "more": 1}}, b"\0" * 8, "not described by exactly"),
        ({"a": 3}, b"", "not described by exactly"),
        ({"../a": tensor()}, b"\0" * 8, "names are letters, digits"),
        ({"": tensor()}, b"\0" * 8, "names are letters, digits"),
        ({"a\n": tensor()}, b"\0" * 8, "names are letters, digits"),
        ({"a" * 257: tensor()}, b"\0" * 8, "at most 256"),
        ({f"t{i}": tensor(shape=(0,), offsets=(0, 0)) for i in range(10_001)}, b"", "lists 10001 tensors, more than 10000"),
    ],
)
def test_a_header_with_wrong_tensors_is_refused(tmp_path, tensors, data, message):
    refused(tmp_path, pack(tensors, data), message)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("[1]", "is a JSON list; expected an object"),
        ("{ ", "is not valid JSON"),
        ("{", "declares a header of 1 bytes"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ('{"a": 1e999}', "beyond the numbers that fit"),
        ('{"a": 1, "a": 2}', "a key stands twice"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is not valid JSON"),
        ('{"a": ' + "9" * 10_000 + "}", "is not valid JSON|not described"),
        ("{}", "is a safetensors file but not a field of ungrid's"),
        ('{"__metadata__": {"ungrid": 3}}', "not a field of ungrid's"),
        ('{"__metadata__": {"ungrid": "{}", "more": ""}}', "not a field of ungrid's"),
        ('{"__metadata__": {"ungrid": "[]"}}', "the description in a.ung is a JSON list"),
        ('{"__metadata__": {"ungrid": "{\\"a\\": 1, \\"a\\": 2}"}}', "a key stands twice"),
        ('{"__metadata__": {"ungrid": "\\ud800"}}', "the description in a.ung is not valid JSON"),
        ('{"\\ud800": 3, "__metadata__": {"ungrid": "{}"}}', "names are letters, digits"),
    ],
)
def test_a_header_that_is_no_description_is_refused(tmp_path, raw, message):
    refused(tmp_path, pack({}, raw=raw), message)


@pytest.mark.parametrize("version", [None, 0, -1, "1", 1.0, True])
def test_a_version_that_is_no_number_is_refused(tmp_path, version):
    refused(tmp_path, pack({}, description={"format_version": version}), "format_version .* expected a number")


def test_a_newer_version_says_how_to_update(tmp_path):
    refused(
        tmp_path, pack({}, description={"format_version": 2}), "format version 2, this ungrid reads up to 1; update with: pip"
    )


@pytest.mark.parametrize(
    "content", [b"", b"1234567", b"\xff" * 8, b"\xff" * 100, (2**63).to_bytes(8, "little") + b"{}", b"\0" * 16]
)
def test_what_has_no_header_is_refused(tmp_path, content):
    refused(tmp_path, content, "bytes")


def test_a_header_that_is_not_utf8_is_refused(tmp_path):
    refused(tmp_path, (4).to_bytes(8, "little") + b'{"\xff}', "is not valid JSON")


def test_declared_sizes_allocate_nothing(tmp_path):
    path = tmp_path / "a.ung"
    path.write_bytes(pack({"a": tensor(shape=(2**40, 2**40), offsets=(0, 2**47))}))
    tracemalloc.start()
    begin = time.perf_counter()
    with pytest.raises(FormatError):
        read_header(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    assert time.perf_counter() - begin < 0.5


@pytest.mark.parametrize(
    ("content", "is_field"),
    [
        (pack({}), True),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, False),
        (b"", False),
        (b"\0" * 9, False),
        (b"\x10" + b"\0" * 7 + b"{", True),
    ],
)
def test_a_field_file_is_known_by_its_first_bytes(tmp_path, content, is_field):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    assert is_field_file(path) is is_field


@pytest.mark.parametrize("read", [is_field_file, read_header])
def test_a_file_that_is_not_there_and_a_folder_are_told_apart(tmp_path, read):
    with pytest.raises(MissingFile, match="there is no file"):
        read(tmp_path / "a.ung")
    with pytest.raises(InputError, match="is a folder; expected a file"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "is not writable"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_machine_that_would_not_write_says_why(tmp_path, number, message):
    with pytest.raises(MachineError, match=message), write_beside(tmp_path / "a"):
        raise OSError(number, os.strerror(number))


def test_writing_into_a_folder_that_is_missing_or_onto_one_is_refused(tmp_path):
    with pytest.raises(MachineError, match="does not exist; create it first"):
        check_writable(tmp_path / "missing" / "a.ung")
    with pytest.raises(InputError, match="it is a folder; give the name of a file in it"):
        check_writable(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="is not a folder"):
        check_writable(tmp_path / "file" / "a.ung")


@pytest.mark.parametrize("stem", ["a" * 250, "漢" * 83, "😀" * 62, "a b'\"c"])
def test_any_name_that_the_file_system_takes_can_be_written(tmp_path, stem):
    path = tmp_path / (stem + ".ung")
    with write_beside(path) as temporary:
        temporary.write_bytes(b"1")
    assert path.read_bytes() == b"1"


def test_a_description_of_very_many_parts_is_refused_before_it_is_parsed(tmp_path):
    parts = [{"type": "Identity"}] * 3_000
    header = {"__metadata__": {"ungrid": json.dumps({"format_version": 1, "spec": {"type": "Sum", "fields": parts}})}}
    text = json.dumps(header).encode()
    (tmp_path / "a.ung").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(FormatError, match="names more than 2,000 parts"):
        read_header(tmp_path / "a.ung")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.png", "a"),
        ("brain.nii.gz", "brain"),
        ("B.NII.GZ", "B"),
        ("a.tar.gz", "a.tar"),
        (".nii.gz", ".nii"),
        ("folder", "folder"),
    ],
)
def test_an_ending_of_two_parts_goes_as_one(tmp_path, name, stem):
    assert without_ending(tmp_path / name) == tmp_path / stem
