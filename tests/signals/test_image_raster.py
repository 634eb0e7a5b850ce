import numpy as np
import pytest
from PIL import Image, ImageOps

from ungrid.errors import InputError, MachineError, MissingExtra, UnreadableInput
from ungrid.signals.image_raster import Raster, check_size, decoding, to_signal, turned


@pytest.mark.parametrize("orientation", range(1, 9))
def test_samples_are_turned_as_pillow_turns_them(orientation):
    stored = np.arange(6, dtype=np.uint8).reshape(2, 3)
    picture = Image.fromarray(stored)
    picture.getexif()[0x0112] = orientation
    assert np.array_equal(turned(stored[..., None], orientation)[..., 0], np.asarray(ImageOps.exif_transpose(picture)))


def test_limits_count_pixels_and_values():
    check_size(10, 10, 4, max_pixels=100, name="a.tif")
    for width, channels in [(11, 1), (10, 5)]:
        with pytest.raises(InputError, match=f"{width}×10 pixels of {channels} channels.*max_pixels=100"):
            check_size(width, 10, channels, max_pixels=100, name="a.tif")
    with pytest.raises(UnreadableInput, match="0×10"):
        check_size(0, 10, 1, max_pixels=100, name="a.tif")


def test_a_decoders_error_becomes_one_line_and_our_own_pass():
    with (
        pytest.raises(UnreadableInput, match=r"^a\.png starts like a PNG file .*\(two lines\); copy") as caught,
        decoding("a.png", "PNG"),
    ):
        raise RuntimeError("two\nlines")
    assert "\n" not in str(caught.value)
    with pytest.raises(MissingExtra), decoding("a.png", "PNG"):
        raise MissingExtra("OpenEXR", "image", "reading")
    with pytest.raises(MachineError, match="memory"), decoding("a.png", "PNG"):
        raise MemoryError


def test_float64_beyond_float32_is_reported_as_infinite():
    with pytest.raises(InputError, match="1 values"):
        to_signal(Raster(np.array([[[1e300]]]), ("gray",), "TIFF", 64), "a.tif")


def test_every_16_bit_integer_is_found_again_by_rounding():
    samples = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    values = to_signal(Raster(samples, ("gray",), "PNG", 16), "a.png").values.numpy()
    assert np.array_equal(np.rint(values * np.float32(65535)), samples)
