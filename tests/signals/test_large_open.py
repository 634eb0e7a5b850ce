import numpy as np
import pytest
from PIL import Image

from ungrid.errors import InputError, MissingFile, UnreadableInput
from ungrid.signals.image import read_picture
from ungrid.signals.large_open import open_large, values_in

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("ending", "depth"), [(".png", np.uint8), (".png", np.uint16), (".bmp", np.uint8), (".jpg", np.uint8)])
def test_a_picture_is_decoded_once_to_its_integers_and_read_by_blocks(tmp_path, ending, depth):
    path = tmp_path / f"a{ending}"
    array = RNG.integers(0, np.iinfo(depth).max, (40, 50) if depth == np.uint16 else (40, 50, 3), dtype=depth)
    Image.fromarray(array).save(path)
    signal, whole = open_large(path, None, tmp_path / "parts"), read_picture(path)
    stored = np.load(tmp_path / "parts" / "source.npy", mmap_mode="r")
    assert stored.dtype == depth
    where = (slice(7, 30), slice(20, 50))
    np.testing.assert_array_equal(signal.read(where), whole.values[where])
    assert (signal.outline.channels, signal.outline.source, signal.grid) == (whole.channels, whole.source, whole.grid)
    assert values_in(path) == array.size


def test_a_picture_comes_upright_with_its_color_profile(tmp_path):
    picture, exif = Image.fromarray(RNG.integers(0, 255, (20, 30, 3), dtype=np.uint8)), Image.Exif()
    exif[274] = 6
    picture.save(tmp_path / "a.png", exif=exif, icc_profile=b"profile")
    signal, whole = open_large(tmp_path / "a.png", None, tmp_path / "parts"), read_picture(tmp_path / "a.png")
    assert signal.grid.shape == whole.grid.shape == (30, 20)
    assert signal.outline.blobs == whole.blobs
    np.testing.assert_array_equal(signal.read((slice(0, 30), slice(0, 20))), whole.values)


def test_an_array_stays_where_it_is(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((8, 9), "u1"))
    signal = open_large(tmp_path / "a.npy", None, tmp_path / "parts")
    assert signal.outline.source["file"] == "a.npy"
    assert signal.identity["sha256"] == signal.outline.source["sha256"]
    assert not (tmp_path / "parts").exists()


def test_what_is_nothing_known_has_no_number_of_values(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    assert values_in(tmp_path / "a.txt") is None
    assert values_in(tmp_path) is None
    with pytest.raises(InputError, match="cannot be read by blocks"):
        open_large(tmp_path / "a.txt", None, tmp_path / "parts")
    with pytest.raises(InputError, match="no Zarr store"):
        open_large(tmp_path, None, tmp_path / "parts")
    with pytest.raises(MissingFile):
        values_in(tmp_path / "missing.npy")
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01")
    with pytest.raises(UnreadableInput, match="cannot be read as numbers"):
        values_in(tmp_path / "cut.npy")
