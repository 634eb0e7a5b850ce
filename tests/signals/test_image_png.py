import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.image import from_array, read_picture, write_picture
from ungrid.signals.image_png import SIGNATURE, PngSink
from ungrid.signals.image_raster import DEFLATE_LEVEL

RNG = np.random.default_rng(0)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, color_type, rows, *extra):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    return SIGNATURE + header + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (33, 47), (300, 3)])
@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
def test_streamed_png_is_what_pillow_reads(tmp_path, size, n_channels):
    samples = noise(*size, n_channels)
    with open(tmp_path / "streamed.png", "wb") as file:
        sink = PngSink(file, samples.shape, bit_depth=8)
        for row in range(0, size[0], 4):
            sink.rows(samples[row : row + 4])
        sink.close()
    assert np.array_equal(np.asarray(Image.open(tmp_path / "streamed.png")).reshape(samples.shape), samples)


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
def test_sixteen_bits_survive_in_every_kind_of_png(tmp_path, n_channels):
    samples = noise(9, 13, n_channels, dtype=np.uint16)
    write_picture(tmp_path / "deep.png", samples)
    signal = read_picture(tmp_path / "deep.png")
    assert signal.source["bit_depth"] == 16
    assert np.array_equal(np.rint(signal.values.numpy() * 65535), samples)


def test_a_16_bit_color_png_of_another_program_is_not_cut_to_8(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    samples = noise(6, 5, 3, dtype=np.uint16)
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(samples))
    assert np.array_equal(np.rint(read_picture(tmp_path / "deep.png").values.numpy() * 65535), samples)


def test_filters_make_a_smooth_picture_smaller_than_no_filter(tmp_path):
    y, x = np.mgrid[:256, :256]
    samples = ((np.sin(y / 40) + np.cos(x / 30)) * 60 + 128).astype(np.uint8)[..., None]
    write_picture(tmp_path / "smooth.png", samples)
    assert (tmp_path / "smooth.png").stat().st_size < len(zlib.compress(samples.tobytes(), DEFLATE_LEVEL)) * 0.9


def test_every_cut_of_a_png_is_refused(tmp_path):
    write_picture(tmp_path / "whole.png", noise(20, 30, 3))
    data = (tmp_path / "whole.png").read_bytes()
    for end in [9, 20, 33, 40, len(data) // 2, len(data) - 20, len(data) - 12, len(data) - 1]:
        (tmp_path / "cut.png").write_bytes(data[:end])
        with pytest.raises(UnreadableInput, match=r"cut\.png.*cut off"):
            read_picture(tmp_path / "cut.png")


def test_a_png_of_whole_chunks_but_half_the_rows_is_refused(tmp_path):
    (tmp_path / "half.png").write_bytes(png(30, 20, 8, 2, b"\0" * 91 * 10))
    with pytest.raises(UnreadableInput, match="910 of 1820 bytes"):
        read_picture(tmp_path / "half.png")


def test_a_flipped_bit_in_a_png_is_refused(tmp_path):
    data = bytearray(png(30, 20, 8, 2, bytes(91 * 20)))
    data[-20] ^= 1
    (tmp_path / "flipped.png").write_bytes(data)
    with pytest.raises(UnreadableInput, match="checksum"):
        read_picture(tmp_path / "flipped.png")


def test_a_bomb_is_refused_by_its_header(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png(100_000, 100_000, 8, 2, b"\0"))
    with pytest.raises(InputError, match=r"100000×100000.*max_pixels=268435456"):
        read_picture(tmp_path / "bomb.png")


@pytest.mark.parametrize("interlaced", [False, True])
def test_interlaced_data_count_as_whole(tmp_path, interlaced):
    imagecodecs = pytest.importorskip("imagecodecs")
    assert imagecodecs
    rows = b"".join(bytes([0, *range(5)]) for _ in range(5))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 5, 8, 0, 0, 0, int(interlaced)))
    if interlaced:  # Adam7 of 5 × 5: passes of 1×1, 1×1, 1×2, 2×1 (x, y swapped by pass), … each row with a filter byte
        passes = [(1, 1), (1, 1), (1, 2), (2, 1), (1, 3), (3, 2), (2, 5)]
        rows = b"".join(bytes([0] + [9] * width) for height, width in passes for _ in range(height))
    data = SIGNATURE + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "five.png").write_bytes(data)
    signal = read_picture(tmp_path / "five.png")
    assert (signal.values.unique().numel() == 1) == interlaced


def test_a_palette_becomes_colors_and_its_transparency_alpha(tmp_path):
    table = chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0, 0, 0, 255]))
    rows = bytes([0, 0, 1, 2])
    (tmp_path / "plain.png").write_bytes(png(3, 1, 8, 3, rows, table))
    (tmp_path / "clear.png").write_bytes(png(3, 1, 8, 3, rows, table, chunk(b"tRNS", bytes([0, 128]))))
    plain, clear = read_picture(tmp_path / "plain.png"), read_picture(tmp_path / "clear.png")
    assert plain.channels == ("r", "g", "b")
    assert clear.channels == ("r", "g", "b", "a")
    assert plain.source["palette"]
    assert torch.equal(plain.values[0], torch.eye(3))
    assert torch.equal(clear.values[0, :, 3], torch.tensor([0, 128 / 255, 1.0]))


@pytest.mark.parametrize(
    ("depth", "row", "expected"), [(1, b"\x40", [0.0, 1.0]), (2, b"\x70", [1 / 3, 1.0]), (4, b"\x0f", [0.0, 1.0])]
)
def test_shallow_grays_fill_the_range(tmp_path, depth, row, expected):
    (tmp_path / "shallow.png").write_bytes(png(2, 1, depth, 0, b"\0" + row))
    assert read_picture(tmp_path / "shallow.png").values.flatten().tolist() == pytest.approx(expected)


def test_a_transparent_gray_becomes_alpha_in_16_bits_too(tmp_path):
    rows = b"\0" + struct.pack(">HH", 0x1234, 0xFFFF)
    (tmp_path / "clear.png").write_bytes(png(2, 1, 16, 0, rows, chunk(b"tRNS", struct.pack(">H", 0x1234))))
    signal = read_picture(tmp_path / "clear.png")
    assert signal.channels == ("gray", "a")
    assert signal.values[0, :, 1].tolist() == [0, 1]
    assert signal.source["bit_depth"] == 16


def test_profile_resolution_and_exif_survive_a_round_trip(tmp_path):
    signal = from_array(noise(4, 6, 3))
    profile = bytes(16) + b"RGB " + bytes(range(256))
    signal.source["dpi"] = [300.0, 150.0]
    signal.blobs.update(icc_profile=profile, exif=b"MM\0*\0\0\0\x08\0\0\0\0\0\0")
    write_picture(tmp_path / "a.png", signal)
    once = read_picture(tmp_path / "a.png")
    write_picture(tmp_path / "b.png", once)
    again = read_picture(tmp_path / "b.png")
    assert once.blobs == again.blobs == signal.blobs
    assert again.source["dpi"] == pytest.approx([300, 150], rel=1e-4)
    assert torch.equal(again.values, signal.values)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_texts_colors_and_the_date_of_a_png_are_written_again_as_they_were(tmp_path):
    about = PngInfo()
    about.add_text("Title", "A tower")
    about.add_itxt("Description", "über den Turm", lang="de")
    about.add_text("Comment", "long " * 100, zip=True)
    about.add(b"gAMA", struct.pack(">I", 45455))
    about.add(b"tIME", struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5))
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "a.png", pnginfo=about)
    write_picture(tmp_path / "b.png", read_picture(tmp_path / "a.png"))
    with Image.open(tmp_path / "b.png") as picture:
        picture.load()
        assert picture.text["Title"] == "A tower"
        assert (picture.text["Description"], picture.text["Description"].lang) == ("über den Turm", "de")
        assert picture.text["Comment"] == "long " * 100
        assert picture.info["gamma"] == 0.45455
    assert b"tIME" + struct.pack(">HBBBBB", 2020, 1, 2, 3, 4, 5) in (tmp_path / "b.png").read_bytes()
    assert read_picture(tmp_path / "b.png").blobs["png"] == read_picture(tmp_path / "a.png").blobs["png"]
