import pickle

import numpy as np
import pytest
import tifffile

from ungrid.errors import UnreadableInput
from ungrid.signals.image import read_picture
from ungrid.signals.large_open import open_large, values_in
from ungrid.signals.large_tiff import TiffBlocks, tiff_raster

RNG = np.random.default_rng(0)
WHERE = (slice(13, 150), slice(20, 131))


@pytest.mark.parametrize("shape", [(200, 150), (200, 150, 3), (200, 150, 4)])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize(
    "options", [{"tile": (64, 48)}, {"tile": (64, 48), "compression": "zlib"}, {"rowsperstrip": 7}, {}, {"planar": True}]
)
def test_a_block_of_any_plain_tiff_is_what_the_whole_has_there(tmp_path, shape, dtype, options):
    array = (200 * RNG.random(shape)).astype(dtype)
    path, options = tmp_path / "a.tif", dict(options)
    if options.pop("planar", False):
        if len(shape) < 3:
            pytest.skip("one plane")
        tifffile.imwrite(path, np.moveaxis(array, -1, 0), planarconfig="separate", photometric="rgb", tile=(48, 64))
    else:
        tifffile.imwrite(path, array, photometric="rgb" if len(shape) > 2 else "minisblack", **options)
    blocks = TiffBlocks(path)
    expected = array.reshape(*shape[:2], -1)[WHERE]
    np.testing.assert_array_equal(blocks.read(WHERE), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(blocks)).read(WHERE), expected)


def test_a_large_tiff_knows_what_the_picture_reader_knows(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, (200 * RNG.random((90, 70, 3))).astype("u1"), tile=(32, 32), resolution=(300, 300), photometric="rgb")
    signal, whole = open_large(path, None, tmp_path / "parts"), read_picture(path)
    assert (signal.outline.channels, signal.grid) == (whole.channels, whole.grid)
    same = {key: value for key, value in whole.source.items() if key not in ("file", "bytes", "sha256")}
    assert same.items() <= signal.outline.source.items()
    everything = tuple(slice(0, n) for n in whole.grid.shape)
    np.testing.assert_array_equal(signal.read(everything), whole.values)
    assert not (tmp_path / "parts").exists()
    assert values_in(path) == 90 * 70 * 3


def test_a_tiff_that_is_no_plain_picture_is_decoded_once(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, (200 * RNG.random((90, 70))).astype("u1"), photometric="miniswhite")
    assert tiff_raster(path) is None
    signal, whole = open_large(path, None, tmp_path / "parts"), read_picture(path)
    np.testing.assert_array_equal(signal.read((slice(3, 9), slice(0, 70))), whole.values[3:9])
    assert (tmp_path / "parts" / "source.npy").exists()


def test_a_tiff_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, (200 * RNG.random((90, 70))).astype("u1"), tile=(32, 32))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UnreadableInput, match=r"a\.tif"):
        open_large(path, None, tmp_path / "parts")


def test_a_damaged_tile_spoils_only_the_blocks_that_touch_it(tmp_path):
    path = tmp_path / "a.tif"
    array = (200 * RNG.random((96, 96))).astype("u1")
    tifffile.imwrite(path, array, tile=(48, 48), compression="zlib")
    with tifffile.TiffFile(path) as file:
        at = file.pages[0].dataoffsets[3]
    content = bytearray(path.read_bytes())
    content[at : at + 40] = bytes(40)
    path.write_bytes(bytes(content))
    blocks = TiffBlocks(path)
    np.testing.assert_array_equal(blocks.read((slice(0, 48), slice(0, 96)))[..., 0], array[:48])
    with pytest.raises(UnreadableInput, match="cut off or damaged"):
        blocks.read((slice(40, 60), slice(40, 60)))
