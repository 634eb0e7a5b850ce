import numpy as np
import pytest
import tifffile
from PIL import Image

from ungrid.signals.image import read_picture, write_picture
from ungrid.signals.image_tiff_exif import exif_in, put_directories, tags_of


def camera():
    """EXIF with texts, a date and its zone, a rational, a place."""
    exif = Image.Exif()
    exif[271], exif[306], exif[33432] = "Maker", "2020:01:02 03:04:05", "© somebody"
    exif.get_ifd(34665).update({36867: "2020:01:02 03:04:05", 36881: "+02:00", 33434: (1, 60), 37386: 50.5})
    exif.get_ifd(34853).update({1: "N", 2: (50.0, 1.0, 2.5)})
    return exif


def said(exif):
    """Its texts, its date, and both directories."""
    found = Image.Exif()
    found.load(exif)
    return {tag: found[tag] for tag in (271, 306)}, dict(found.get_ifd(34665)), dict(found.get_ifd(34853))


def test_the_exif_of_a_photograph_goes_into_a_tiff_and_comes_out(tmp_path):
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "a.jpg", exif=camera())
    photo = read_picture(tmp_path / "a.jpg")
    write_picture(tmp_path / "b.tif", photo)
    again = read_picture(tmp_path / "b.tif")
    texts, exif, gps = said(again.blobs["exif"])
    assert texts == {271: "Maker", 306: "2020:01:02 03:04:05"}
    assert (exif[36867], exif[36881]) == ("2020:01:02 03:04:05", "+02:00")
    assert (float(exif[37386]), gps[1], [float(part) for part in gps[2]]) == (50.5, "N", [50.0, 1.0, 2.5])
    write_picture(tmp_path / "c.tif", again)
    assert said(read_picture(tmp_path / "c.tif").blobs["exif"]) == (texts, exif, gps)
    with tifffile.TiffFile(tmp_path / "c.tif") as file:  # as another reader finds it
        tags = file.pages[0].tags
        assert tags["Make"].value == "Maker"
        assert tags["ExifTag"].value["OffsetTimeOriginal"] == "+02:00"
        assert np.array_equal(file.asarray(), np.zeros((6, 8, 3)))


@pytest.mark.parametrize("big", [False, True])
def test_directories_are_put_behind_both_kinds_of_tiff(tmp_path, big):
    exif = camera().tobytes()
    with open(tmp_path / "a.tif", "w+b") as file:
        with tifffile.TiffWriter(file, bigtiff=big) as tif:
            tif.write(np.arange(12, dtype="u1").reshape(3, 4), metadata=None, **tags_of(exif, big=big))
        put_directories(file, exif, big=big)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff == big
        assert file.pages[0].tags["ExifTag"].value["DateTimeOriginal"] == "2020:01:02 03:04:05"
        assert file.pages[0].tags["GPSTag"].value["GPSLatitudeRef"] == "N"
        assert np.array_equal(file.asarray(), np.arange(12).reshape(3, 4))


def test_what_programs_note_for_themselves_is_no_exif(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4), "u1"))
    assert exif_in(tmp_path / "a.tif") is None
    write_picture(tmp_path / "b.tif", read_picture(tmp_path / "a.tif"))
    assert exif_in(tmp_path / "b.tif") is None
    (tmp_path / "c.tif").write_bytes(b"II*\0\xff\xff")
    assert exif_in(tmp_path / "c.tif") is None
