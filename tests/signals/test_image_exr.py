import json
import struct

import numpy as np
import pytest
import torch

from ungrid.errors import InputError, UnreadableInput
from ungrid.signals.color import linear_to_srgb
from ungrid.signals.image import read_picture, write_picture
from ungrid.signals.image_raster import picture_signal

OpenEXR = pytest.importorskip("OpenEXR", reason="needs the extra: image")
RNG = np.random.default_rng(0)


def write_exr(path, channels, **header):
    known = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File({**known, **header}, dict(channels)) as file:
        file.write(str(path))


def pixels(names, shape=(20, 30), dtype=np.float16):
    return {name: (RNG.random(shape) * 4).astype(dtype) for name in names}


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize(
    ("theirs", "ours"), [("Y", "gray"), ("YA", "gray a"), ("RGB", "r g b"), ("RGBA", "r g b a"), (["B1", "Z"], "B1 Z")]
)
def test_light_is_kept_and_written_again_the_same(tmp_path, dtype, theirs, ours):
    stored = pixels(theirs, dtype=dtype)
    write_exr(tmp_path / "a.exr", stored)
    signal = read_picture(tmp_path / "a.exr")
    assert " ".join(signal.channels) == ours
    assert (signal.source["bit_depth"], signal.source["transfer"]) == (np.dtype(dtype).itemsize * 8, "linear")
    for i, name in enumerate(theirs):
        assert np.array_equal(signal.values[..., i].numpy(), stored[name].astype(np.float32))
    write_picture(tmp_path / "b.exr", signal)
    again = read_picture(tmp_path / "b.exr")
    assert torch.equal(again.values, signal.values)
    assert {**again.source, "file": 0, "bytes": 0, "sha256": 0} == {**signal.source, "file": 0, "bytes": 0, "sha256": 0}


@pytest.mark.parametrize("compression", ["NO", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "DWAA", "DWAB"])
def test_every_compression_counts_as_complete(tmp_path, compression):
    write_exr(tmp_path / "a.exr", pixels("RGB", (70, 30)), compression=getattr(OpenEXR, f"{compression}_COMPRESSION"))
    assert read_picture(tmp_path / "a.exr").grid.shape == (70, 30)


def test_resolution_and_primaries_are_kept(tmp_path):
    primaries = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
    write_exr(tmp_path / "a.exr", pixels("RGB"), xDensity=150.0, chromaticities=primaries)
    write_picture(tmp_path / "b.exr", read_picture(tmp_path / "a.exr"))
    source = read_picture(tmp_path / "b.exr").source
    assert source["dpi"] == [150, 150]
    assert source["chromaticities"] == pytest.approx(primaries)


def test_every_cut_of_an_exr_is_refused_without_a_word_on_standard_output(tmp_path, capfd):
    write_exr(tmp_path / "whole.exr", pixels("RGBA"))
    data = (tmp_path / "whole.exr").read_bytes()
    for end in [5, 10, 100, 400, 460, len(data) // 2, len(data) - 20, len(data) - 1]:
        (tmp_path / "cut.exr").write_bytes(data[:end])
        with pytest.raises(UnreadableInput, match=r"cut\.exr.*cut off"):
            read_picture(tmp_path / "cut.exr")
    assert capfd.readouterr().out == ""


def test_a_bomb_is_refused_by_its_header(tmp_path):
    write_exr(tmp_path / "a.exr", pixels("RGB"))
    data = (tmp_path / "a.exr").read_bytes()
    at = data.index(b"dataWindow\0box2i\0") + 21
    (tmp_path / "bomb.exr").write_bytes(data[:at] + struct.pack("<4i", 0, 0, 99_999, 99_999) + data[at + 16 :])
    with pytest.raises(InputError, match="100000×100000"):
        read_picture(tmp_path / "bomb.exr")


def test_nan_is_counted_and_located(tmp_path):
    stored = pixels("RGB")
    stored["G"][4, 7] = np.nan
    write_exr(tmp_path / "a.exr", stored)
    with pytest.raises(InputError, match=r"1 values.*y=4, x=7 in channel 'g'"):
        read_picture(tmp_path / "a.exr")


def test_light_in_an_integer_format_is_encoded_and_clipped(tmp_path):
    write_exr(tmp_path / "a.exr", pixels("RGB"))
    light = read_picture(tmp_path / "a.exr")
    write_picture(tmp_path / "b.png", light)
    shown = read_picture(tmp_path / "b.png")
    assert shown.source["bit_depth"] == 16
    torch.testing.assert_close(shown.values, linear_to_srgb(light.values).clamp(0, 1), atol=1 / 65535, rtol=0)


def test_colors_are_multiplied_by_alpha_in_exr_only(tmp_path):
    straight = np.array([[[1.0, 0.5, 0.0, 0.25]]], np.float32)
    write_picture(tmp_path / "a.exr", straight)
    associated = read_picture(tmp_path / "a.exr")
    assert associated.values[0, 0].tolist() == pytest.approx([0.25, 0.2140 / 4, 0, 0.25], abs=1e-4)
    write_picture(tmp_path / "b.png", associated)
    assert read_picture(tmp_path / "b.png").values[0, 0].tolist() == pytest.approx(straight[0, 0].tolist(), abs=1e-3)


def test_windows_and_attributes_come_back_where_the_size_is_the_same(tmp_path):
    windows = {"dataWindow": ([10, 20], [13, 22]), "displayWindow": ([0, 0], [99, 49])}
    header = {name: tuple(np.array(corner, np.int32) for corner in corners) for name, corners in windows.items()}
    header |= {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    header |= {"owner": "somebody", "capDate": "2020:01:02 03:04:05", "utcOffset": 3600.0}
    with OpenEXR.File(header, {"R": np.ones((3, 4), np.float32)}) as file:
        file.write(str(tmp_path / "a.exr"))
    signal = read_picture(tmp_path / "a.exr")
    assert json.loads(json.dumps(signal.source))["exr"]["windows"]["displayWindow"] == [[0, 0], [99, 49]]
    write_picture(tmp_path / "b.exr", signal)
    again = read_picture(tmp_path / "b.exr")
    assert again.source["exr"] == signal.source["exr"]
    assert again.source["exr"]["attributes"]["utcOffset"] == 3600.0
    larger = signal.values.repeat(2, 2, 1)
    write_picture(tmp_path / "c.exr", picture_signal(larger, signal.source, signal.blobs, channels=signal.channels))
    assert "windows" not in read_picture(tmp_path / "c.exr").source["exr"]
