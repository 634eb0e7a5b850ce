import numpy as np
import pytest
from PIL import Image

from ungrid.bench.papers.files import CAMERA, camera, checksum, found
from ungrid.bench.papers.setting import File
from ungrid.errors import InputError, MissingFile


def test_a_file_is_found_by_name_and_believed_by_checksum(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.bin").write_bytes(b"right")
    (tmp_path / "b.bin").write_bytes(b"wrong")
    files = [File(name, checksum(b"right")) for name in ("a.bin", "b.bin", "c.bin")]
    paths, missing = found(files, [tmp_path])
    assert paths == {"a.bin": tmp_path / "below" / "a.bin"}
    assert "b.bin is not the file meant" in missing[0]
    assert "c.bin was not given" in missing[1]
    assert found(files[:1], [tmp_path / "below" / "a.bin"])[0] == paths


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingFile):
        found([CAMERA], [tmp_path / "none"])


def test_scikit_images_camera_is_the_one_meant():
    pytest.importorskip("skimage")
    assert camera(None, 16).grid.shape == (16, 16)


def test_another_picture_of_that_name_is_refused(tmp_path):
    Image.fromarray(np.zeros((512, 512), dtype=np.uint8)).save(tmp_path / "camera.png")
    with pytest.raises(InputError, match=r"scikit-image 0\.18"):
        camera(tmp_path / "camera.png", 16)
