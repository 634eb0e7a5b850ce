import numpy as np
import pytest
import torch
from PIL import Image

from ungrid.errors import InputError, MachineError
from ungrid.metrics.image import picture_metrics
from ungrid.metrics.spectrum import error_by_band
from ungrid.render.comparison import (
    CAPTION,
    GAP,
    MOST_PANEL,
    check_alike,
    compare_pictures,
    draw_comparison,
    labeled_row,
)  # fmt: skip
from ungrid.signals.base import color_channels
from ungrid.signals.image import from_array
from ungrid.testing.toys import tiny_picture


def pair(height=24, width=32, channels=("r", "g", "b"), offset=0.02):
    reference = tiny_picture(height, width, channels)
    return reference.with_values(reference.values + offset), reference


def panels(path, height, width):
    """The four panels of a sheet, without captions, as values [h, w, 3]."""
    sheet = np.asarray(Image.open(path)).astype(np.float32) / 255
    rows = [CAPTION, 2 * CAPTION + GAP + height]
    assert sheet.shape == (2 * (CAPTION + height) + GAP, 2 * width + GAP, 3)
    return [sheet[y : y + height, x : x + width] for y in rows for x in (0, width + GAP)]


def test_the_numbers_are_those_of_the_metrics():
    result, reference = pair()
    told = compare_pictures(result, reference)
    for name, value in picture_metrics(result.values, reference.values, reference.channels).items():
        assert told[name] == value
    assert told["shape"] == [24, 32, 3]
    expected = error_by_band(result.values, reference.values)
    assert len(told["bands"]) == len(expected)
    for band, other in zip(told["bands"], expected, strict=True):
        assert (band["low"], band["error_energy"], band["reference_energy"]) == (
            other.low,
            other.error_energy,
            other.reference_energy,
        )
        assert band["high"] <= 1


def test_the_energies_of_the_bands_sum_to_the_mean_square_error():
    result, reference = pair()
    noisy = result.with_values(result.values + 0.1 * torch.rand(24, 32, 3, generator=torch.Generator().manual_seed(0)))
    error = sum(band["error_energy"] for band in compare_pictures(noisy, reference)["bands"])
    assert error == pytest.approx((noisy.values - reference.values).square().mean().item(), rel=1e-4)


def test_alpha_counts_nowhere():
    result, reference = pair(channels=("r", "g", "b", "a"), offset=0.0)
    result.values[..., 3] = 0
    told = compare_pictures(result, reference)
    assert told["max_abs_error"] == 0
    assert sum(band["error_energy"] for band in told["bands"]) == 0
    assert color_channels(reference.channels) == [0, 1, 2]


def test_integer_pictures_are_clipped_and_float_ones_are_not():
    result, reference = pair(offset=5.0)
    assert compare_pictures(result, reference)["max_abs_error"] < 1
    reference.source["sample_format"] = "float"
    assert compare_pictures(result, reference)["max_abs_error"] == pytest.approx(5, rel=1e-5)


def test_measures_that_a_picture_is_too_small_for_are_none():
    told = compare_pictures(*pair(1, 1))
    assert (told["ssim"], told["ms_ssim"]) == (None, None)
    assert told["psnr"] == pytest.approx(-20 * np.log10(0.02), rel=1e-3)


@pytest.mark.parametrize("shape", [(24, 31, 3), (24, 32, 1)])
def test_pictures_of_two_kinds_are_refused(tmp_path, shape):
    result, reference = from_array(np.zeros(shape, np.float32)), pair()[1]
    for compare in (check_alike, compare_pictures, lambda a, b: draw_comparison(a, b, tmp_path / "c.png")):
        with pytest.raises(
            InputError, match=r"cannot compare .* with 32×24 with channels r g b; expected the same size and channels"
        ):
            compare(result, reference)
    assert not list(tmp_path.iterdir())


def test_the_sheet_shows_original_result_error_and_spectrum(tmp_path):
    result, reference = pair(256, 256)
    draw_comparison(result, reference, tmp_path / "c.png")
    original, shown, error, _ = panels(tmp_path / "c.png", 256, 256)
    assert np.allclose(original, reference.values.numpy(), atol=0.5 / 255 + 1e-6)
    assert np.allclose(shown, result.values.clamp(0, 1).numpy(), atol=0.5 / 255 + 1e-6)
    assert np.allclose(error, 0.5 + 10 * 0.02, atol=1 / 255)


def test_an_exact_match_has_a_gray_error_and_a_black_spectrum(tmp_path):
    result, reference = pair(256, 256, offset=0.0)
    draw_comparison(result, reference, tmp_path / "c.png")
    *_, error, spectrum = panels(tmp_path / "c.png", 256, 256)
    assert np.allclose(error, 0.5, atol=1 / 255)
    assert spectrum.max() <= 0.5, "two of four decades below the signal, where both are rounding"


@pytest.mark.parametrize(("factor", "level"), [(1.0, 1.0), (0.1, 0.5), (0.01, 0.0)])
def test_the_spectrum_shows_the_ratio_of_error_to_signal_in_decades(tmp_path, factor, level):
    generator = torch.Generator().manual_seed(0)
    reference = from_array(torch.rand(256, 256, 1, generator=generator))
    draw_comparison(reference.with_values(reference.values * (1 + factor)), reference, tmp_path / "c.png")
    spectrum = panels(tmp_path / "c.png", 256, 256)[3]
    assert np.allclose(spectrum, level, atol=2 / 255)


def test_small_pictures_are_enlarged_by_whole_factors_and_large_ones_reduced(tmp_path):
    draw_comparison(*pair(24, 32), tmp_path / "small.png")
    assert panels(tmp_path / "small.png", 24 * 8, 32 * 8)[0].shape == (192, 256, 3)
    draw_comparison(*pair(30, 2500, ("gray",)), tmp_path / "large.png")
    original = panels(tmp_path / "large.png", 10, 834)[0]
    assert max(original.shape) <= MOST_PANEL


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 300)])
@pytest.mark.parametrize("channels", [("gray",), ("gray", "a"), ("r", "g", "b", "a")])
def test_the_thinnest_pictures_have_a_sheet(tmp_path, shape, channels):
    draw_comparison(*pair(*shape, channels), tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as sheet:
        assert sheet.mode == "RGB"


def test_light_is_shown_through_the_srgb_curve(tmp_path):
    half = from_array(np.full((256, 256), 0.5, np.float32))
    half.source["transfer"] = "linear"
    draw_comparison(half, half, tmp_path / "c.png")
    assert np.allclose(panels(tmp_path / "c.png", 256, 256)[0], 0.7354, atol=1 / 255)


def test_a_row_has_its_captions_above_and_gaps_between():
    row = labeled_row([("one", torch.zeros(30, 40, 3)), ("two", torch.zeros(30, 50, 3))])
    assert row.shape == (30 + CAPTION, 40 + GAP + 50, 3)
    assert (row[CAPTION:, :40] == 0).all()
    assert (row[:, 40 : 40 + GAP] == 1).all()
    assert 0 < (row[:CAPTION, :40] < 0.5).float().mean() < 0.5, "the caption is dark on white"


@pytest.mark.parametrize("name", ["c.xyz", "c", "c.npy"])
def test_a_sheet_of_an_unknown_format_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"cannot write the comparison as .* expected a \.png or \.jpg name"):
        draw_comparison(*pair(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_the_machines_fault(tmp_path):
    with pytest.raises(MachineError, match="does not exist; create it first"):
        draw_comparison(*pair(), tmp_path / "missing" / "c.png")
