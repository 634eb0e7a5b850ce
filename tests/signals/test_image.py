import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ungrid.errors import InputError
from ungrid.signals.image import from_array, read_picture, write_picture

PICTURES = Path(__file__).parents[3] / "shared" / "data" / "images"
RNG = np.random.default_rng(0)


def noise(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


@pytest.mark.parametrize("name", ["set5/bird.png", "classic/camera_256.png", "classic/rocket.jpg", "set14/bridge.png"])
def test_real_photographs_are_what_pillow_shows(name):
    if not (PICTURES / name).exists():
        pytest.skip(f"no {PICTURES / name}: the shared test pictures are not here")
    signal = read_picture(PICTURES / name)
    with Image.open(PICTURES / name) as picture:
        shown = np.asarray(picture)
    assert np.array_equal(np.rint(signal.values.numpy() * 255), shown.reshape(signal.values.shape))
    assert signal.source["transfer"] == "srgb"


def test_a_picture_lives_on_pixels_with_its_file_described(tmp_path):
    Image.fromarray(noise(2, 3, 3)).save(tmp_path / "small.png", dpi=(96, 96))
    signal = read_picture(tmp_path / "small.png")
    assert (signal.box.axes, signal.box.bounds, signal.box.units) == (("y", "x"), ((0, 2), (0, 3)), ("px", "px"))
    assert (signal.kind, signal.values.dtype, signal.grid.shape) == ("image", torch.float32, (2, 3))
    data = (tmp_path / "small.png").read_bytes()
    expected = {
        "format": "PNG", "width": 3, "height": 2, "bit_depth": 8, "sample_format": "uint", "transfer": "srgb", "orientation": 1,
        "palette": False, "n_pages": 1, "file": "small.png", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    assert {key: signal.source[key] for key in expected} == expected
    assert json.loads(json.dumps(signal.source)) == signal.source


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
@pytest.mark.parametrize("extension", ["png", "tif", "jpg", "bmp", "exr"])
def test_the_thinnest_pictures_come_back(tmp_path, size, extension):
    if extension == "exr":
        pytest.importorskip("OpenEXR")
    write_picture(tmp_path / f"thin.{extension}", noise(*size, 3))
    assert read_picture(tmp_path / f"thin.{extension}").grid.shape == size


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 255]], np.uint8), [0, 1]),
        (np.array([[0, 65535]], np.uint16), [0, 1]),
        (np.array([[0, 2**32 - 1]], np.uint32), [0, 1]),
        (np.array([[False, True]]), [0, 1]),
        (np.array([[-3.5, 20.0]]), [-3.5, 20]),
        (np.array([[0.5, 1.0]], np.float16), [0.5, 1]),
        (torch.tensor([[0, 255]], dtype=torch.uint8), [0, 1]),
        (torch.tensor([[0.25, 0.5]], dtype=torch.bfloat16), [0.25, 0.5]),
        (torch.tensor([[0.25, 0.5]], requires_grad=True), [0.25, 0.5]),
        ([[0.25, 0.5]], [0.25, 0.5]),
        (Image.fromarray(np.array([[0, 255]], np.uint8)), [0, 1]),
    ],
)
def test_integers_are_scaled_by_their_type_and_floats_not_at_all(array, expected):
    signal = from_array(array)
    assert signal.values.flatten().tolist() == expected
    assert signal.channels == ("gray",)


def test_a_dark_picture_stays_dark():
    assert from_array(np.full((4, 4), 3, np.uint8)).values.max() == pytest.approx(3 / 255)


def test_the_array_that_was_given_is_neither_changed_nor_shared():
    array = np.zeros((2, 3, 1), np.float32)
    from_array(array).values.fill_(1)
    assert not array.any()


@pytest.mark.parametrize(
    ("shape", "channels"),
    [
        ((5, 6), "gray"),
        ((5, 6, 1), "gray"),
        ((5, 6, 2), "gray a"),
        ((5, 6, 3), "r g b"),
        ((5, 6, 4), "r g b a"),
        ((8, 9, 6), None),
    ],
)
def test_channels_are_named_by_their_number(shape, channels):
    expected = tuple(channels.split()) if channels else tuple(f"band{i}" for i in range(6))
    assert from_array(np.zeros(shape)).channels == expected


@pytest.mark.parametrize("shape", [(3, 20, 30), (1, 20, 30), (20, 30, 40)])
def test_channels_first_is_refused_with_the_way_out(shape):
    with pytest.raises(InputError, match=r"moveaxis\(array, 0, -1\).*permute\(1, 2, 0\)"):
        from_array(torch.zeros(shape))


@pytest.mark.parametrize(
    "array", [np.zeros(3), np.zeros((1, 2, 3, 4)), np.zeros((0, 4)), np.zeros((2, 2), np.int64), np.zeros((2, 2), complex)]
)
def test_arrays_of_no_picture_are_refused(array):
    with pytest.raises(InputError, match="the array has"):
        from_array(array)


def test_names_must_be_as_many_as_channels_and_different():
    for names in (["a"], ["a", "a"]):
        with pytest.raises(InputError, match="2 channels"):
            from_array(np.zeros((4, 4, 2)), channels=names)


def test_nan_in_an_array_is_refused():
    with pytest.raises(InputError, match=r"1 values that are NaN.*y=1, x=0"):
        from_array(np.array([[0.0, 0.0], [np.nan, 0.0]]))


def test_a_pil_picture_is_turned_and_keeps_its_profile():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (4, 2))
    picture.info.update(exif=exif.tobytes(), icc_profile=b"profile")
    signal = from_array(picture)
    assert signal.grid.shape == (4, 2)
    assert signal.blobs["icc_profile"] == b"profile"
