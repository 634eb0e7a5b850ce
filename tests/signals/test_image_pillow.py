import io
import struct

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.image import from_array, read_picture

RNG = np.random.default_rng(0)
LOSSY = {"jpg": "JPEG", "webp": "WEBP", "avif": "AVIF", "jp2": "JPEG2000"}


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def encoded(format, samples=None, **options):
    file = io.BytesIO()
    Image.fromarray(noise(64, 64, 3) if samples is None else samples).save(file, format, **options)
    return file.getvalue()


@pytest.mark.parametrize("extension", LOSSY)
def test_every_cut_of_a_compressed_picture_is_refused(tmp_path, extension):
    data = encoded(LOSSY[extension])
    for end in [20, 100, len(data) // 3, len(data) // 2, len(data) - 10, len(data) - 1]:
        (tmp_path / "cut.bin").write_bytes(data[:end])
        with pytest.raises(UnreadableInput, match=r"cut\.bin"):
            read_picture(tmp_path / "cut.bin")


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("tail", [b"\0" * 5000, b"hello" * 1000])
def test_a_jpeg_whose_end_is_overwritten_is_refused_and_not_half_gray(tmp_path, progressive, tail):
    data = encoded("JPEG", progressive=progressive)
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2] + tail)
    with pytest.raises(UnreadableInput, match="cut off"):
        read_picture(tmp_path / "a.jpg")


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_jpeg(tmp_path):
    data = encoded("JPEG")
    thumbnail = b"Exif\0\0" + encoded("JPEG", noise(8, 8, 3))
    with_thumbnail = data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail + data[2:]
    (tmp_path / "a.jpg").write_bytes(with_thumbnail)
    assert read_picture(tmp_path / "a.jpg").grid.shape == (64, 64)
    (tmp_path / "a.jpg").write_bytes(with_thumbnail[:-400] + bytes(400))
    with pytest.raises(UnreadableInput):
        read_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_come_upright_by_their_orientation(tmp_path, format, orientation):
    seen = np.kron(RNG.permutation(6).reshape(2, 3).astype(np.uint8) * 40, np.ones((8, 8), np.uint8))
    # the stored picture is the seen one under the inverse of the turn: 6 and 8 are each other's inverse
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
    stored = Image.fromarray(seen) if turn is None else Image.fromarray(seen).transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.bin", format, exif=exif, **({"quality": 100} if format == "JPEG" else {}))
    signal = read_picture(tmp_path / "a.bin")
    assert signal.source["orientation"] == orientation
    assert signal.grid.shape == (16, 24)
    assert np.abs(signal.values[..., 0].numpy() * 255 - seen).max() <= 3


def test_resolution_turns_with_the_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (4, 6)).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 150))
    assert read_picture(tmp_path / "a.jpg").source["dpi"] == pytest.approx([150, 300])


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "avif", "tif"])
def test_the_color_profile_is_kept_as_bytes(tmp_path, extension):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(noise(8, 8, 3)).save(tmp_path / f"a.{extension}", icc_profile=profile)
    assert read_picture(tmp_path / f"a.{extension}").blobs["icc_profile"] == profile


def test_cmyk_becomes_rgb_and_its_profile_is_dropped(tmp_path):
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    ink.save(tmp_path / "a.jpg", quality=100, icc_profile=b"\0" * 200)
    signal = read_picture(tmp_path / "a.jpg")
    assert signal.channels == ("r", "g", "b")
    torch.testing.assert_close(signal.values[0, 0], torch.tensor([1.0, 0, 0]), atol=0.02, rtol=0)
    assert signal.source["converted_from"] == "CMYK"
    assert "icc_profile" not in signal.blobs


@pytest.mark.parametrize(
    ("format", "extension", "bits"), [("avif", "avif", 10), ("avif", "avif", 12), ("jpeg2k", "jp2", 12), ("jpeg2k", "jp2", 16)]
)
@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 3)])
def test_more_than_8_bits_are_kept(tmp_path, format, extension, bits, shape):
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = (noise(*shape, dtype=np.uint16) >> (16 - bits)).astype(np.uint16)
    options = {"level": 100} if format == "avif" else {"level": 0, "reversible": True, "codecformat": "jp2"}
    data = getattr(imagecodecs, f"{format}_encode")(samples, bitspersample=bits, **options)
    (tmp_path / "a.bin").write_bytes(data)
    signal = read_picture(tmp_path / "a.bin")
    assert signal.source["bit_depth"] == bits
    assert np.array_equal(np.rint(signal.values.numpy() * (2**bits - 1)).reshape(shape), samples)


def test_a_gif_is_its_first_frame_with_the_number_of_frames(tmp_path):
    frames = [Image.new("RGB", (3, 2), color) for color in ("red", "blue", "lime")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    signal = read_picture(tmp_path / "a.gif")
    assert signal.values[0, 0].tolist() == [1, 0, 0]
    assert (signal.source["n_pages"], signal.source["palette"]) == (3, True)


@pytest.mark.parametrize("extension", ["bmp", "ppm", "pgm", "pbm"])
def test_plain_formats_are_read(tmp_path, extension):
    mode = {"pgm": "L", "pbm": "1"}.get(extension, "RGB")
    picture = Image.fromarray(noise(5, 7, 3)).convert(mode)
    picture.save(tmp_path / f"a.{extension}")
    values = read_picture(tmp_path / f"a.{extension}").values
    assert torch.equal(values, from_array(np.asarray(picture)).values)


def test_sixteen_bit_color_pnm_is_refused_and_not_cut(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6\n2 1\n65535\n" + bytes(12))
    with pytest.raises(InputError, match="more than 8 bits"):
        read_picture(tmp_path / "a.ppm")


@pytest.mark.parametrize("kind", ["VP8X", "VP8L"])
def test_a_webp_bomb_is_refused_before_its_canvas_is_set_aside(tmp_path, kind):
    body = {"VP8X": b"\0" * 4 + b"\xff\xff\xff" * 2, "VP8L": b"\x2f" + (0x0FFFFFFF).to_bytes(4, "little") + b"\0" * 5}[kind]
    chunk = kind.encode() + struct.pack("<I", len(body)) + body
    (tmp_path / "a.webp").write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk)
    with pytest.raises(InputError, match="max_pixels=1000"):
        read_picture(tmp_path / "a.webp", max_pixels=1000)


@pytest.mark.parametrize("extension", [*LOSSY, "png", "bmp", "gif", "tif"])
def test_the_limit_holds_for_every_format(tmp_path, extension):
    Image.new("RGB", (40, 30)).save(tmp_path / f"a.{extension}")
    assert read_picture(tmp_path / f"a.{extension}", max_pixels=1200).grid.size == 1200
    with pytest.raises(InputError, match=r"40×30.*max_pixels=1199"):
        read_picture(tmp_path / f"a.{extension}", max_pixels=1199)
