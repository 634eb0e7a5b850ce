import shutil
from collections import namedtuple

import numpy as np
import pytest

from ungrid.errors import MachineError
from ungrid.signals.decoded import DECODED, SPARE_BYTES, decode


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_blocks_become_one_file_however_many_there_are(tmp_path, dtype):
    blocks = [np.full((n, 3, 2), n % 100, dtype) for n in (1, 4, 1, 1000)]
    path, n = decode(iter(blocks), tmp_path / "parts", 0, "a film")
    assert (path, n) == (tmp_path / "parts" / DECODED, 1006)
    np.testing.assert_array_equal(np.load(path, mmap_mode="r"), np.concatenate(blocks))


def test_a_disk_without_room_is_told_before_anything_is_decoded(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, 10**9 + SPARE_BYTES - 1))
    with pytest.raises(MachineError, match=r"a film takes 1\.00 GB when it is decoded, and 1\.07 GB are free"):
        decode([], tmp_path, 10**9, "a film")


def test_what_cannot_be_decoded_to_its_end_leaves_no_file(tmp_path):
    def broken():
        yield np.zeros((2, 2), np.uint8)
        raise ValueError("cut off")

    with pytest.raises(ValueError, match="cut off"):
        decode(broken(), tmp_path, 0, "a film")
    assert list(tmp_path.iterdir()) == []
