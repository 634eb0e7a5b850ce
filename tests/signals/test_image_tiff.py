import json
import struct

import numpy as np
import pytest
import tifffile
import torch

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.image import from_array, read_picture, write_picture

RNG = np.random.default_rng(0)


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_bands_of_any_number_and_compression_are_read(tmp_path, compression, planar):
    pytest.importorskip("imagecodecs")
    samples = noise(17, 23, 5, dtype=np.uint16)
    stored = samples if planar == "contig" else np.moveaxis(samples, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig=planar, compression=compression)
    signal = read_picture(tmp_path / "a.tif")
    assert signal.channels == ("band0", "band1", "band2", "band3", "band4")
    assert np.array_equal(np.rint(signal.values.numpy() * 65535), samples)


@pytest.mark.parametrize("bits", [1, 8, 10, 12, 16, 32])
def test_white_is_the_declared_depths_maximum(tmp_path, bits):
    pytest.importorskip("imagecodecs")
    dtype = bool if bits == 1 else np.uint8 if bits == 8 else np.uint16 if bits <= 16 else np.uint32
    samples = np.array([[0, 2**bits - 1]], dtype=dtype)
    tifffile.imwrite(
        tmp_path / "a.tif", samples, photometric="minisblack", **({"bitspersample": bits} if bits in (10, 12) else {})
    )
    signal = read_picture(tmp_path / "a.tif")
    assert signal.values.flatten().tolist() == [0, 1]
    assert signal.source["bit_depth"] == bits


def test_floats_are_kept_as_they_are_and_linear(tmp_path):
    samples = RNG.normal(size=(8, 9, 3)).astype(np.float32) * 100
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb")
    signal = read_picture(tmp_path / "a.tif")
    assert (signal.source["transfer"], signal.source["sample_format"]) == ("linear", "float")
    write_picture(tmp_path / "b.tif", signal)
    assert np.array_equal(read_picture(tmp_path / "b.tif").values.numpy(), samples)


def test_a_float_array_comes_back_encoded_as_it_was(tmp_path):
    signal = from_array(RNG.random((5, 6, 3)).astype(np.float32))
    write_picture(tmp_path / "a.tif", signal)
    again = read_picture(tmp_path / "a.tif")
    assert torch.equal(again.values, signal.values)
    assert again.source["transfer"] == signal.source["transfer"] == "srgb"


def test_only_the_first_of_many_pages_is_read_and_their_number_noted(tmp_path):
    pages = noise(3, 8, 9)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    signal = read_picture(tmp_path / "a.tif")
    assert signal.source["n_pages"] == 3
    assert np.array_equal(np.rint(signal.values[..., 0].numpy() * 255), pages[0])


def test_inverted_grays_palettes_and_cmyk_become_what_is_seen(tmp_path):
    pytest.importorskip("imagecodecs")
    tifffile.imwrite(tmp_path / "white.tif", np.array([[0, 255]], np.uint8), photometric="miniswhite")
    assert read_picture(tmp_path / "white.tif").values.flatten().tolist() == [1, 0]
    table = np.zeros((3, 256), np.uint16)
    table[:, 7] = [65535, 0, 257 * 51]
    tifffile.imwrite(tmp_path / "table.tif", np.array([[0, 7]], np.uint8), photometric="palette", colormap=table)
    palette = read_picture(tmp_path / "table.tif")
    assert palette.values[0, 1].tolist() == pytest.approx([1, 0, 0.2])
    assert (palette.source["palette"], palette.source["bit_depth"]) == (True, 8)
    tifffile.imwrite(tmp_path / "ink.tif", np.array([[[0, 0, 0, 0], [255, 0, 0, 0]]], np.uint8), photometric="separated")
    ink = read_picture(tmp_path / "ink.tif")
    assert ink.values.tolist() == [[[1, 1, 1], [0, 1, 1]]]
    assert ink.source["converted_from"] == "CMYK"


def test_both_kinds_of_alpha_are_kept_as_they_are(tmp_path):
    for kind, name in (("assocalpha", "associated"), ("unassalpha", "straight")):
        tifffile.imwrite(tmp_path / "a.tif", noise(4, 5, 4), photometric="rgb", extrasamples=[kind])
        signal = read_picture(tmp_path / "a.tif")
        assert (signal.channels, signal.source["alpha"]) == (("r", "g", "b", "a"), name)
        write_picture(tmp_path / "b.tif", signal)
        assert read_picture(tmp_path / "b.tif").source["alpha"] == name
        assert torch.equal(read_picture(tmp_path / "b.tif").values, signal.values)


def test_resolution_is_per_inch_whatever_the_files_unit(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(4, 5), resolution=(100, 50), resolutionunit="CENTIMETER")
    assert read_picture(tmp_path / "a.tif").source["dpi"] == pytest.approx([254, 127])


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_every_cut_of_a_tiff_is_refused_with_nothing_else_said(tmp_path, caplog, compression):
    tifffile.imwrite(tmp_path / "whole.tif", noise(40, 50, 3), photometric="rgb", compression=compression)
    data = (tmp_path / "whole.tif").read_bytes()
    for end in [4, 7, 20, 200, len(data) // 2, len(data) - 30, len(data) - 1]:
        (tmp_path / "cut.tif").write_bytes(data[:end])
        with pytest.raises(UnreadableInput, match=r"cut\.tif"):
            read_picture(tmp_path / "cut.tif")
    assert caplog.records == []


def test_a_bomb_complex_samples_and_unknown_colors_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(4, 5), photometric="minisblack")
    data = bytearray((tmp_path / "a.tif").read_bytes())
    for tag in (256, 257):
        at = data.index(struct.pack("<H", tag), 8)
        data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, 100_000)
    (tmp_path / "bomb.tif").write_bytes(data)
    with pytest.raises(InputError, match="100000×100000"):
        read_picture(tmp_path / "bomb.tif")
    tifffile.imwrite(tmp_path / "complex.tif", np.zeros((4, 5), np.complex64))
    with pytest.raises(InputError, match="complex64"):
        read_picture(tmp_path / "complex.tif")
    tifffile.imwrite(tmp_path / "lab.tif", noise(4, 5, 3), photometric="cielab")
    with pytest.raises(InputError, match="CIELAB"):
        read_picture(tmp_path / "lab.tif")


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_signed_integers_are_measured_values_and_written_as_such(tmp_path, dtype):
    limits = np.iinfo(dtype)
    samples = RNG.integers(limits.min, limits.max + 1, (7, 9), dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="minisblack")
    signal = read_picture(tmp_path / "a.tif")
    assert np.array_equal(signal.values[..., 0].numpy(), samples)
    assert (signal.source["stored"], signal.source["transfer"], signal.value_range) == (dtype, "linear", None)
    write_picture(tmp_path / "b.tif", signal)
    again = tifffile.imread(tmp_path / "b.tif")
    assert again.dtype == dtype
    assert np.array_equal(again, samples)
    assert read_picture(tmp_path / "b.tif").source["transfer"] == "linear"


def test_nan_is_counted_and_located(tmp_path):
    samples = np.zeros((4, 5, 3), np.float32)
    samples[2, 3, 1], samples[3, 0, 0] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb")
    with pytest.raises(InputError, match=r"2 values.*y=2, x=3 in channel 'g'"):
        read_picture(tmp_path / "a.tif")


def test_a_compression_without_its_package_names_the_extra(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", noise(4, 5), photometric="minisblack")

    def refuse(self, *args, **kwargs):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    with pytest.raises(MissingExtra, match=r"ungrid\[image\]"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("said", ["[1]", '{"ungrid": 3}', '{"ungrid": {"channels": ["x"], "transfer": "log"}}', "[" * 100])
def test_a_description_of_nonsense_is_ignored(tmp_path, said):
    tifffile.imwrite(tmp_path / "a.tif", noise(4, 5, 3), photometric="rgb", description=said, metadata=None)
    signal = read_picture(tmp_path / "a.tif")
    assert (signal.channels, signal.source["transfer"]) == (("r", "g", "b"), "srgb")


def test_names_of_channels_survive(tmp_path):
    signal = from_array(noise(4, 5, 2), channels=("red", "infrared"))
    write_picture(tmp_path / "a.tif", signal)
    assert read_picture(tmp_path / "a.tif").channels == ("red", "infrared")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert json.loads(file.pages[0].description) == {"ungrid": {"channels": ["red", "infrared"]}}
