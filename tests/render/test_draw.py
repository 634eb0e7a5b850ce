import math
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

import ungrid as ug
from ungrid.errors import InputError, MissingExtra
from ungrid.fields.base import Field
from ungrid.fields.record import Record
from ungrid.render.draw import draw, drawing_grid
from ungrid.render.light import averaging_curves
from ungrid.signals.image import open_picture, read_picture, write_picture
from ungrid.signals.image_write import holds_whole
from ungrid.testing.toys import pixel_box, tiny_picture

needs_image_extra = pytest.mark.skipif(not (find_spec("OpenEXR") and find_spec("imagecodecs")), reason="needs the extra: image")


class Formula(Field):
    """A picture given by a function of pixel coordinates [*, 2] → [*, c]."""

    def __init__(self, formula, height=12, width=16, channels=("gray",), **source):
        super().__init__()
        self.formula, self.box, self.out_dim = formula, pixel_box(height, width), len(channels)
        self.record = Record("image", (height, width), channels, {"bit_depth": 8, "transfer": "srgb", **source})

    def values_at(self, coords, inputs=None):
        return self.formula(self.box.denormalize(coords))


def stripes(at, channels=1):
    return (at[..., 1:].floor() % 2).expand(*at.shape[:-1], channels)


def ramp(at):
    return torch.cat([at[..., :1] / 64, at[..., 1:] / 64, at.sum(dim=-1, keepdim=True) / 128], dim=-1)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (12, 16)),
        ({"scale": 2.0}, (24, 32)),
        ({"scale": 0.01}, (1, 1)),
        ({"size": (5, 7)}, (5, 7)),
        ({"size": (None, 32)}, (24, 32)),
        ({"size": (6, None)}, (6, 8)),
        ({"size": (None, 1)}, (1, 1)),
        ({"region": {"x": (4.0, 8.0)}}, (12, 4)),
        ({"region": {"x": (4.0, 8.0), "y": (0.0, 2.0)}, "scale": 3.0}, (6, 12)),
        ({"region": {"x": (4.0, 8.0), "y": (0.0, 2.0)}, "size": (None, 8)}, (4, 8)),
        ({"region": {"x": (4.25, 8.5)}}, (12, 4)),
    ],
)
def test_a_grid_has_the_size_that_was_asked_for_and_lies_on_the_region(options, shape):
    field = Formula(stripes)
    grid = drawing_grid(field, **options)
    assert grid.shape == shape
    assert grid.box == field.box.crop(options.get("region", {}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0.0}, "scale is 0.0; expected a positive number"),
        ({"scale": -1.0}, "scale is -1.0"),
        ({"scale": math.nan}, "scale is nan"),
        ({"scale": math.inf}, "scale is inf"),
        ({"scale": 1e8}, "cannot be made"),
        ({"size": (None, None)}, "a size needs a height or a width"),
        ({"size": (0, 5)}, "cannot be made"),
        ({"size": (2**21, 2**21)}, "cannot be made"),
        ({"region": {"x": (0.0, 17.0)}}, "whose x runs over 0:16 px"),
        ({"region": {"z": (0.0, 1.0)}}, "no axis 'z'"),
    ],
)
def test_a_picture_that_cannot_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        drawing_grid(Formula(stripes), **options)


def test_a_field_of_no_signal_is_refused():
    field = Formula(stripes)
    field.record = None
    with pytest.raises(InputError, match="only a field fitted to a sampled signal can be drawn"):
        drawing_grid(field)


@pytest.mark.parametrize(("encoded", "level"), [(False, 188), (True, 128)])
def test_lines_of_black_and_white_shrink_to_the_gray_of_half_the_light(tmp_path, encoded, level):
    field = Formula(stripes)
    assert draw(field, tmp_path / "a.png", drawing_grid(field, scale=0.5), open_picture, encoded=encoded) == (6, 8, 1)
    assert (np.asarray(Image.open(tmp_path / "a.png")) == level).all()


@pytest.mark.parametrize("channels", [("gray", "a"), ("r", "g", "b", "a")])
def test_alpha_is_averaged_as_a_coverage_and_what_it_hides_has_no_weight(tmp_path, channels):
    field = Formula(lambda at: stripes(at, len(channels)), channels=channels)
    draw(field, tmp_path / "a.png", drawing_grid(field, scale=0.5), open_picture)
    shown = np.asarray(Image.open(tmp_path / "a.png"))
    assert (shown[..., :-1] == 255).all(), "the black of the other lines lies under alpha 0"
    assert (shown[..., -1] == 128).all()


def test_linear_values_are_averaged_as_they_are(tmp_path):
    field = Formula(stripes, transfer="linear", sample_format="float", bit_depth=32)
    assert averaging_curves(field.record) == (None, None)
    draw(field, tmp_path / "a.npy", drawing_grid(field, scale=0.5), open_picture)
    assert np.allclose(np.load(tmp_path / "a.npy"), 0.5)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy", "a.jpg", "a.bmp", pytest.param("a.exr", marks=needs_image_extra)])
def test_a_picture_streamed_in_bands_is_the_picture_written_whole(tmp_path, name, scale):
    field = Formula(ramp, 40, 30, ("r", "g", "b"))
    grid = drawing_grid(field, scale=scale)
    progress = []
    draw(
        field, tmp_path / name, grid, open_picture, max_memory=300_000 if holds_whole(name) else 20_000, progress=progress.append
    )
    assert len(progress) > 1 or holds_whole(name)
    assert progress == sorted(progress)
    assert progress[-1] == 1
    whole = tmp_path / f"whole{(tmp_path / name).suffix}"
    draw(field, whole, grid, open_picture)
    if name == "a.npy":
        assert np.allclose(np.load(tmp_path / name), np.load(whole), atol=1e-6)
    else:
        torch.testing.assert_close(read_picture(tmp_path / name).values, read_picture(whole).values, atol=1 / 255, rtol=0.01)


def test_a_region_is_the_part_of_the_whole(tmp_path):
    field = Formula(ramp, 40, 30, ("r", "g", "b"))
    draw(field, tmp_path / "whole.npy", drawing_grid(field, scale=4.0), open_picture)
    region = {"y": (4.0, 12.0), "x": (2.0, 10.0)}
    draw(field, tmp_path / "part.npy", drawing_grid(field, scale=4.0, region=region), open_picture)
    assert np.allclose(np.load(tmp_path / "part.npy"), np.load(tmp_path / "whole.npy")[16:48, 8:40], atol=1e-6)


def test_a_picture_that_fails_leaves_the_old_one(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    field = Formula(lambda at: at[..., :1] / 0 * 0)
    with pytest.raises(InputError, match="holds NaN"):
        draw(field, tmp_path / "a.png", drawing_grid(field), open_picture)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


KEPT = [
    # extension, bits, channels, whether it keeps a profile, resolution, EXIF
    ("png", 8, "r g b", True, True, True),
    ("png", 8, "gray", True, True, True),
    ("png", 8, "gray a", True, True, True),
    ("png", 16, "r g b a", True, True, True),
    ("png", 16, "gray", True, True, True),
    ("tif", 8, "r g b", True, True, False),
    ("tif", 16, "r g b a", True, True, False),
    ("tif", 32, "gray a", True, True, False),
    ("jpg", 8, "r g b", True, True, True),
    ("jpg", 8, "gray", True, True, True),
    ("webp", 8, "r g b a", True, False, True),
    pytest.param("exr", 16, "r g b", False, True, False, marks=needs_image_extra),
    pytest.param("exr", 32, "r g b a", False, True, False, marks=needs_image_extra),
]


def profile(channels):
    gray = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    gray[16:20] = b"GRAY" if channels.startswith("gray") else b"RGB "
    return bytes(gray)


@pytest.mark.parametrize(("extension", "bits", "channels", "icc", "dpi", "exif"), KEPT)
def test_what_a_file_knew_survives_the_way_through_a_field(tmp_path, extension, bits, channels, icc, dpi, exif):
    picture = tiny_picture(16, 20, tuple(channels.split()))
    tags = Image.Exif()
    tags[0x010F] = "maker"
    picture.source.update(dpi=[300.0, 150.0], bit_depth=bits, sample_format="float" if bits == 32 else "uint")
    picture.blobs.update(icc_profile=profile(channels), exif=tags.tobytes())
    try:
        write_picture(tmp_path / f"a.{extension}", picture, bit_depth=bits)
        source = read_picture(tmp_path / f"a.{extension}")
    except MissingExtra as missing:
        pytest.skip(str(missing))
    ug.fit(source, steps=2, callbacks=[]).save(tmp_path / "a.ung")
    field = ug.load(tmp_path / "a.ung")
    assert draw(field, tmp_path / f"b.{extension}", drawing_grid(field, scale=2.0), open_picture) == (
        32,
        40,
        len(picture.channels),
    )
    result = read_picture(tmp_path / f"b.{extension}")
    assert (result.channels, result.grid.shape) == (source.channels, (32, 40))
    for key in ("format", "bit_depth", "sample_format", "transfer", "alpha"):
        assert result.source.get(key) == source.source.get(key)
    assert result.source["bit_depth"] == bits
    assert result.blobs.get("icc_profile") == (picture.blobs["icc_profile"] if icc else None)
    if dpi:
        assert source.source["dpi"][0] > 0
        doubled = [2 * value for value in source.source["dpi"]]
        assert result.source["dpi"] == pytest.approx(doubled, rel=0.02), "twice the pixels on the same paper"
    if exif:
        with Image.open(tmp_path / f"b.{extension}") as written:
            assert written.getexif()[0x010F] == "maker"


def test_another_extension_is_another_depth(tmp_path):
    field = Formula(ramp, channels=("r", "g", "b"), bit_depth=16)
    for name, bits in (("a.png", 16), ("a.jpg", 8), ("a.tif", 16)):
        draw(field, tmp_path / name, drawing_grid(field), open_picture)
        if name != "a.png" or find_spec("imagecodecs"):
            assert read_picture(tmp_path / name).source["bit_depth"] == bits


def test_a_format_that_needs_the_whole_picture_is_refused_where_that_is_too_much(tmp_path):
    field = Formula(ramp, 40, 30, ("r", "g", "b"))
    with pytest.raises(InputError, match=r"\.jpg needs the whole picture at once, about 28,800 bytes, and max_memory is 20,000"):
        draw(field, tmp_path / "a.jpg", drawing_grid(field), open_picture, max_memory=20_000)
    assert not list(tmp_path.iterdir())
