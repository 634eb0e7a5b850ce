import os

import pytest

from ungrid.errors import InputError, MachineError
from ungrid.fields.storage import save_field
from ungrid.files import check_writable, write_beside
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box


def a_field():
    return FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0)


def fail(*args, **kwargs):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["os.replace", "os.fsync", "pathlib.Path.write_bytes"])
def test_a_save_that_fails_leaves_the_old_file_and_nothing_beside(tmp_path, monkeypatch, where):
    path = tmp_path / "a.ung"
    path.write_bytes(b"old")
    monkeypatch.setattr(where, fail)
    with pytest.raises(MachineError, match="the disk is full"):
        save_field(a_field(), path, version="0")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.ung"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_a_writer_that_is_broken_off_leaves_the_old_file_and_nothing_beside(tmp_path, error):
    path = tmp_path / "a.ung"
    path.write_bytes(b"old")
    with pytest.raises(error), write_beside(path) as temporary:  # noqa: PT012  # what is broken off has two steps
        temporary.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.ung"]


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "a.ung"
    with write_beside(path) as temporary:
        temporary.write_bytes(b"whole")
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_bytes() == b"whole"


def test_asking_whether_a_file_can_be_written_changes_nothing(tmp_path):
    path = tmp_path / "a.ung"
    check_writable(path)
    assert os.listdir(tmp_path) == []
    path.write_bytes(b"old")
    check_writable(path)
    assert path.read_bytes() == b"old"


def test_a_pipe_is_never_replaced_and_a_link_stays_a_link(tmp_path):
    os.mkfifo(tmp_path / "pipe.ung")
    with pytest.raises(InputError, match="it is a device or pipe"):
        check_writable(tmp_path / "pipe.ung")
    (tmp_path / "real.ung").write_bytes(b"old")
    (tmp_path / "link.ung").symlink_to(tmp_path / "real.ung")
    with write_beside(tmp_path / "link.ung") as temporary:
        temporary.write_bytes(b"new")
    assert (tmp_path / "link.ung").is_symlink()
    assert (tmp_path / "real.ung").read_bytes() == b"new"
