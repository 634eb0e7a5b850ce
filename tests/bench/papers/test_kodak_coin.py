import numpy as np
import pytest
from PIL import features

from ungrid.bench.papers.kodak_coin import SIZES, compressed
from ungrid.presets.published import siren
from ungrid.testing.toys import pixel_box

RATES = {"COIN 5×20": 0.0736, "COIN 5×30": 0.1604, "COIN 10×28": 0.3074, "COIN 10×40": 0.6109, "COIN 13×49": 1.209}


@pytest.mark.parametrize("method", SIZES)
def test_each_size_has_about_the_published_bits_a_pixel(method):
    depth, width, published = SIZES[method]
    n_params = siren(pixel_box(), 3, width=width, depth=depth).n_params
    assert 16 * n_params / (768 * 512) == pytest.approx(RATES[method], rel=0.02)
    assert str(RATES[method]).lstrip("0") in published.source


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow was built without JPEG 2000")
def test_jpeg_2000_keeps_about_to_the_bytes():
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    assert 0.8 * 4000 < len(compressed(pixels, 4000)) < 1.1 * 4000
