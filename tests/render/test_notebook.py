"""How a notebook shows a field."""

import base64
import io
import re

import numpy as np
import torch
from PIL import Image

import ungrid as ug
from ungrid.render.notebook import notebook_html


def test_a_fitted_picture_is_shown_as_an_inline_png_of_its_size_with_its_psnr():
    picture = torch.linspace(0, 1, 20 * 30).reshape(20, 30, 1).expand(20, 30, 3)
    field = ug.fit(picture, steps=30, callbacks=())
    shown = notebook_html(field)
    encoded = re.search(r"base64,([^\"]+)", shown)
    assert encoded is not None
    image = Image.open(io.BytesIO(base64.b64decode(encoded[1])))
    assert image.size == (30, 20)
    expected = field.sample(field.grid()).clamp(0, 1).mul(255).round().numpy()
    np.testing.assert_allclose(np.asarray(image), expected, atol=1)
    assert f"{field.metrics['quality']['psnr']:.2f} dB" in shown


def test_a_bare_field_is_shown_by_its_numbers_alone():
    field = ug.presets.siren(ug.Box(("x",), ((0.0, 1.0),), ("mm",)), out_dim=1, width=8)
    shown = field._repr_html_()
    assert "<img" not in shown
    assert "x 0…1 mm" in shown
