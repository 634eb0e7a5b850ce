import numpy as np
import pytest
import tifffile
from PIL import Image

from ungrid.signals import image_tiff_write
from ungrid.signals.image_tiff_write import TiffSink

RNG = np.random.default_rng(0)


def noise(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def write_with_sink(path, samples, step, **options):
    with open(path, "w+b") as file:
        channels = options.pop("channels", tuple(f"band{i}" for i in range(samples.shape[2])))
        sink = TiffSink(file, samples.shape, samples.dtype, channels=channels, **options)
        for row in range(0, len(samples), step):
            sink.rows(samples[row : row + step])
        sink.close()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("tiled", [False, True])
def test_a_streamed_file_is_the_array_whatever_the_bands(tmp_path, monkeypatch, big, dtype, tiled):
    monkeypatch.setattr(image_tiff_write, "_TILED_FROM", 0 if tiled else 2**60)
    samples = noise(300, 270, 3).astype(dtype)
    for step in (1, 7, 300):
        write_with_sink(tmp_path / "a.tif", samples, step, big=big, channels=("r", "g", "b"))
        with tifffile.TiffFile(tmp_path / "a.tif") as file:
            assert (file.is_bigtiff, file.pages[0].is_tiled) == (big, tiled)
            assert np.array_equal(file.asarray(), samples)


def test_other_programs_read_what_is_written(tmp_path):
    samples = noise(21, 34, 3)
    write_with_sink(
        tmp_path / "a.tif", samples, 5, channels=("r", "g", "b"), dpi=(300.0, 150.0), blobs={"icc_profile": b"profile" * 9}
    )
    with Image.open(tmp_path / "a.tif") as picture:
        assert np.array_equal(np.asarray(picture), samples)
        assert picture.info["dpi"] == pytest.approx((300, 150))
        assert picture.info["icc_profile"] == b"profile" * 9


def test_a_large_picture_is_tiled_and_one_beyond_4_gb_is_big(tmp_path):
    with open(tmp_path / "a.tif", "w+b") as file:
        large = TiffSink(file, (9000, 9000, 3), np.dtype(np.uint8), channels=("r", "g", "b"))
        huge = TiffSink(file, (50_000, 50_000, 3), np.dtype(np.uint8), channels=("r", "g", "b"))
        thin = TiffSink(file, (2**27, 1, 1), np.dtype(np.uint8), channels=("gray",))
    assert (large._tiled, large._big) == (True, False)
    assert (huge._tiled, huge._big) == (True, True)
    assert not thin._tiled


def test_the_thread_of_a_picture_that_is_broken_off_ends_with_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(image_tiff_write, "_TILED_FROM", 0)
    with open(tmp_path / "a.tif", "w+b") as file:
        sink = TiffSink(file, (2000, 300, 1), np.dtype(np.uint8), channels=("gray",))
        sink.rows(noise(300, 300, 1))
        assert sink._thread is not None
    sink._thread.join(timeout=5)
    assert not sink._thread.is_alive()


def test_an_error_in_the_thread_is_raised_when_the_picture_is_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(image_tiff_write, "_TILED_FROM", 0)
    with open(tmp_path / "a.tif", "w+b") as file:
        sink = TiffSink(file, (600, 300, 1), np.dtype(np.uint8), channels=("gray",))
        monkeypatch.setattr(sink, "_tiles", lambda: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        sink.rows(noise(600, 300, 1))
        with pytest.raises(OSError, match="No space left"):
            sink.close()
