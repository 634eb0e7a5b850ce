import json
import math
from pathlib import Path

import jaxtyping
import numpy
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.metrics import structural_similarity

from ungrid.errors import InputError, ShapeError
from ungrid.metrics import METRICS
from ungrid.metrics import image as image_module
from ungrid.metrics.image import ms_ssim, picture_metrics, similarity_maps, ssim

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text())
WRONG_SHAPE = (ShapeError, jaxtyping.TypeCheckError)  # whichever check speaks first


def speckle(height, width, n_channels):
    """The same numbers in [0, 1) on every machine: remainders of a square of the index."""
    index = numpy.arange(height * width * n_channels, dtype=numpy.int64)
    return ((index * index * 7919 + index * 104729) % 10007 / 10007).reshape(height, width, n_channels)


def pair(name):
    """A reference and a worse copy of it, [h, w, c] in [0, 1], float64."""
    pictures = {
        "camera": lambda: data.camera()[100:300, 150:343, None] / 255,
        "astronaut": lambda: data.astronaut()[:181, 100:300] / 255,
        "speckle": lambda: speckle(176, 177, 2),
        "negative": lambda: speckle(176, 176, 1),
    }
    reference = pictures[name]()
    noise = speckle(*reference.shape)[::-1]
    result = 1 - reference if name == "negative" else (0.8 * reference + 0.2 * noise).clip(0, 1)
    return torch.from_numpy(result.copy()), torch.from_numpy(reference.copy())


def by_scikit_image(result, reference):
    return structural_similarity(
        result.numpy(),
        reference.numpy(),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=-1,
    )


def by_filters(result, reference, border):
    """SSIM and its contrast term with SciPy's filters, on mirrored borders or on whole windows: (border 0 or 5)."""
    x, y = result.double().numpy(), reference.double().numpy()

    def blur(values):
        return gaussian_filter(values, sigma=1.5, truncate=3.5, mode="mirror", axes=(0, 1))

    mean_x, mean_y = blur(x), blur(y)
    covariance = blur(x * y) - mean_x * mean_y
    variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
    contrast = (2 * covariance + 9e-4) / (variances + 9e-4)
    whole = contrast * (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
    inside = (slice(border, x.shape[0] - border), slice(border, x.shape[1] - border))
    return whole[inside].mean(), contrast[inside].mean()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["camera", "astronaut", "speckle", "negative"])
def test_ssim_agrees_with_scikit_image(name, dtype):
    result, reference = (values.to(dtype) for values in pair(name))
    assert ssim(result, reference) == pytest.approx(by_scikit_image(result, reference), abs=1e-5)


@pytest.mark.parametrize("shape", [(11, 11, 1), (11, 40, 3), (33, 12, 4), (64, 51, 2)])
def test_ssim_agrees_with_scikit_image_at_odd_sizes(shape):
    rng = numpy.random.default_rng(0)
    reference = torch.from_numpy(rng.random(shape))
    result = (reference + 0.1 * torch.from_numpy(rng.standard_normal(shape))).clamp(0, 1)
    assert ssim(result, reference) == pytest.approx(by_scikit_image(result, reference), abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["camera", "astronaut", "speckle", "negative"])
def test_golden_values_of_torchmetrics_are_met(name, dtype):
    result, reference = (values.to(dtype) for values in pair(name))
    golden = GOLDEN["pictures"][name]
    assert ssim(result, reference, mirrored=True) == pytest.approx(golden["ssim_mirrored"], abs=1e-5)
    assert ms_ssim(result, reference) == pytest.approx(golden["ms_ssim"], abs=1e-5)


@pytest.fixture(scope="module")
def peer():
    return pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics, a development package, is absent")


@pytest.mark.parametrize("name", ["camera", "astronaut", "speckle", "negative"])
def test_similarities_agree_with_torchmetrics(name, peer):
    result, reference = pair(name)
    batches = [values.movedim(-1, 0)[None] for values in (result, reference)]
    theirs = peer.structural_similarity_index_measure(*batches, data_range=1.0).item()
    assert ssim(result, reference, mirrored=True) == pytest.approx(theirs, abs=1e-5)
    theirs = peer.multiscale_structural_similarity_index_measure(*batches, data_range=1.0).item()
    assert ms_ssim(result, reference) == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("shape", [(161, 170, 1), (175, 161, 3)])
def test_ms_ssim_of_the_smallest_pictures_follows_its_formula(shape):
    reference = torch.from_numpy(speckle(*shape))
    result = 0.9 * reference + 0.1 * torch.from_numpy(speckle(*shape)[::-1].copy())
    expected, x, y = 1.0, result, reference
    for weight in (0.0448, 0.2856, 0.3001, 0.2363):
        expected *= by_filters(x, y, border=5)[1] ** weight
        x, y = (torch.nn.functional.avg_pool2d(v.movedim(-1, 0), 2).movedim(0, -1) for v in (x, y))
    expected *= by_filters(x, y, border=0)[0] ** 0.1333
    assert ms_ssim(result, reference) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("metric", [ssim, ms_ssim])
def test_an_exact_match_is_one_and_the_order_does_not_matter(metric, dtype):
    result, reference = (values.to(dtype) for values in pair("speckle"))
    assert metric(reference, reference.clone()) == 1.0
    assert metric(result, reference) == metric(reference, result)


def test_ssim_of_two_constants_is_the_luminance_term():
    low, high = torch.full((16, 16, 1), 0.25).double(), torch.full((16, 16, 1), 0.75).double()
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert ssim(low, high) == pytest.approx(expected, abs=1e-12)
    assert ssim(low, high, mirrored=True) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", [ssim, ms_ssim])
def test_values_and_peak_may_be_scaled_together(metric):
    result, reference = pair("speckle")
    assert metric(255 * result, 255 * reference, peak=255.0) == pytest.approx(metric(result, reference), abs=1e-12)


@pytest.mark.parametrize("mirrored", [False, True])
def test_bands_of_rows_do_not_change_the_result(monkeypatch, mirrored):
    result, reference = (values[:60, :47] for values in pair("camera"))
    whole = ssim(result, reference, mirrored=mirrored)
    for values_at_once in (1, 7 * 47):
        monkeypatch.setattr(image_module, "_BAND", values_at_once)
        assert ssim(result, reference, mirrored=mirrored) == pytest.approx(whole, abs=1e-13)


def test_the_map_of_similarity_has_ssim_as_its_mean_and_a_gradient():
    result, reference = (values[:40, :30] for values in pair("astronaut"))
    result.requires_grad_()
    luminance, contrast = similarity_maps(result, reference)
    assert luminance.shape == contrast.shape == (30, 20, 3)
    similarity = (luminance * contrast).mean()
    assert similarity.item() == pytest.approx(ssim(result, reference), abs=1e-12)
    similarity.backward()
    assert result.grad is not None
    assert result.grad.abs().max() > 0


def test_picture_metrics_leave_out_alpha():
    result, reference = pair("astronaut")
    alpha = torch.zeros(*result.shape[:2], 1, dtype=result.dtype)
    with_alpha = picture_metrics(torch.cat([result, alpha], -1), torch.cat([reference, alpha + 1], -1), "rgba")
    assert with_alpha == picture_metrics(result, reference, ("r", "g", "b"))
    assert list(with_alpha) == ["psnr", "ssim", "ms_ssim", "max_abs_error"]


def test_picture_metrics_clip_only_what_is_shown():
    reference = torch.tensor([0.0, 1.0]).repeat(24, 12)[..., None]
    result = 3 * reference - 1
    clipped = picture_metrics(result, reference, ("y",))
    assert clipped["psnr"] == math.inf
    assert clipped["ssim"] == 1.0
    assert clipped["max_abs_error"] == 0
    assert picture_metrics(result, reference, ("y",), clip=False)["max_abs_error"] == 1.0
    assert result.min() == -1


def test_picture_metrics_are_none_where_the_picture_is_too_small():
    def of(size):
        picture = torch.zeros(size, 200, 1)
        return picture_metrics(picture, picture, ("y",))

    assert of(10)["ssim"] is None
    assert of(10)["psnr"] == math.inf
    assert of(11)["ssim"] == 1.0
    assert of(160)["ms_ssim"] is None
    assert of(161)["ms_ssim"] == 1.0


def test_what_cannot_be_compared_is_refused():
    small, large = torch.zeros(10, 200, 1), torch.zeros(160, 200, 1)
    with pytest.raises(InputError, match="at least 11 pixels"):
        ssim(small, small)
    with pytest.raises(InputError, match="at least 161 pixels"):
        ms_ssim(large, large)
    with pytest.raises(WRONG_SHAPE):
        ssim(large, large[:100])
    with pytest.raises(WRONG_SHAPE):
        ssim(large[..., 0], large[..., 0])
    with pytest.raises(InputError, match="peak"):
        ssim(large, large, peak=0.0)
    with pytest.raises(ShapeError, match="names"):
        picture_metrics(large, large, ("r", "g"))
    with pytest.raises(InputError, match="alpha"):
        picture_metrics(large, large, ("a",))


@pytest.mark.parametrize("metric", [ssim, ms_ssim])
def test_a_nan_is_not_hidden(metric):
    result, reference = pair("speckle")
    result[0, 0, 0] = math.nan
    assert math.isnan(metric(result, reference))


def test_every_metric_of_the_table_takes_a_result_and_a_reference():
    result, reference = (values.float() for values in pair("camera"))
    sound = {"snr", "si_sdr", "log_spectral_distance", "stft_distance"}
    for name, metric in METRICS.items():
        shape = (-1, result.shape[-1]) if name in sound else result.shape
        assert math.isfinite(metric(result.reshape(shape), reference.reshape(shape))), name
