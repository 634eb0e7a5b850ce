import os

import pytest
from PIL import Image

from ungrid.errors import InputError, MissingFile, UnreadableInput
from ungrid.signals.image_read import READABLE, picture_format, read_raster


def test_content_decides_and_not_the_name(tmp_path):
    Image.new("RGB", (3, 2), "red").save(tmp_path / "a.jpg", "PNG")
    assert picture_format(tmp_path / "a.jpg") == "PNG"
    assert read_raster(tmp_path / "a.jpg", max_pixels=6).samples.shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"hello, world\n" * 20, "text"),
        ("ä".encode() * 40, "text"),
        (b"x" + "ä".encode() * 40, "text"),
        (b"%PDF-1.7\n\0\0", "PDF"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"RIFF\0\0\0\0WAVEfmt ", "WAV"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "MP4"),
        (bytes(range(128, 192)), "no known kind"),
        (b"\0" * 100, "no known kind"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, what):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnreadableInput, match=f"a.png.*{what}.*expected a picture") as caught:
        picture_format(tmp_path / "a.png")
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(UnreadableInput, match="is empty"):
        picture_format(tmp_path / "a.png")


def test_a_missing_file_a_folder_and_a_locked_file_are_told_apart(tmp_path):
    with pytest.raises(MissingFile, match="there is no file"):
        picture_format(tmp_path / "none.png")
    with pytest.raises(InputError, match="is a folder"):
        picture_format(tmp_path)
    (tmp_path / "locked.png").write_bytes(b"x")
    (tmp_path / "locked.png").chmod(0)
    if os.access(tmp_path / "locked.png", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(InputError, match="cannot read"):
        picture_format(tmp_path / "locked.png")


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0+", b"v/1\x01", b"RIFF\0\0\0\0WEBP",
                                   b"\0\0\0\x1cftypavif", b"\xff\x4f\xff\x51", b"BM", b"GIF89a", b"P6\n"])  # fmt: skip
def test_first_bytes_alone_are_refused_in_one_line(tmp_path, start):
    for rest in (b"", b"\0" * 60, b"\xff" * 60):
        (tmp_path / "a.bin").write_bytes(start + rest)
        assert picture_format(tmp_path / "a.bin") in READABLE
        with pytest.raises((UnreadableInput, InputError), match=r"a\.bin") as caught:
            read_raster(tmp_path / "a.bin", max_pixels=2**28)
        assert "\n" not in str(caught.value)
