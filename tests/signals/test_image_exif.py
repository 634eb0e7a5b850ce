from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ungrid.signals.image import from_array, read_picture, write_picture
from ungrid.signals.image_exif import PREFIX, orientation_of, upright, without_prefix


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x8298] = "maker", orientation, "someone"
    return without_prefix(exif.tobytes())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_declared_orientation_is_found_and_reset_with_all_else_kept(orientation):
    exif = exif_of(orientation)
    assert orientation_of(exif) == orientation
    reset = Image.Exif()
    reset.load(PREFIX + upright(exif))
    assert (reset[0x0112], reset[0x010F], reset[0x8298]) == (1, "maker", "someone")
    assert sum(a != b for a, b in zip(upright(exif), exif, strict=True)) <= 1


@pytest.mark.parametrize(
    "damaged", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"text", exif_of(6)[:20]]
)
def test_damaged_exif_is_upright_and_stays_as_it_is(damaged):
    assert orientation_of(damaged) == 1
    assert upright(damaged) == damaged


def test_an_orientation_that_does_not_exist_is_upright():
    assert orientation_of(exif_of(9)) == 1


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" dc:title="A tower"/></x:xmpmeta>'


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp", "avif"])
def test_xmp_goes_through_every_format_that_has_it_and_says_upright(tmp_path, ending):
    signal = from_array(np.zeros((8, 9, 3), np.uint8))
    write_picture(tmp_path / f"a.{ending}", replace(signal, blobs={"xmp": XMP}))
    again = read_picture(tmp_path / f"a.{ending}")
    assert again.blobs["xmp"] == XMP.replace(b'"6"', b'"1"')
    write_picture(tmp_path / "b.jpg", again)
    assert read_picture(tmp_path / "b.jpg").blobs["xmp"] == again.blobs["xmp"]


def test_the_comment_of_a_jpeg_comes_back(tmp_path):
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(tmp_path / "a.jpg", comment=b"by hand")
    write_picture(tmp_path / "b.jpg", read_picture(tmp_path / "a.jpg"))
    with Image.open(tmp_path / "b.jpg") as picture:
        assert picture.info["comment"] == b"by hand"
