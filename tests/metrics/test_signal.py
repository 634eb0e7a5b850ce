import math

import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.metrics.signal import cell_areas, channel_metrics, decibels, drawn_metrics, sampled_metrics
from ungrid.signals.base import Signal
from ungrid.signals.series import from_columns
from ungrid.testing.toys import tiny_picture


def sampled(values, kind, **source):
    return Signal(values, Grid(Box(("t",), ((0.0, 1.0),), ("s",)), (len(values),)), kind, ("a",), source)


def test_psnr_of_a_volume_is_against_its_peak_to_peak_and_of_sound_against_its_power():
    values = torch.linspace(-3, 5, 100)[:, None]
    off = values + 0.08
    assert sampled_metrics(off, sampled(values, "volume"))["psnr"] == pytest.approx(20 * math.log10(8 / 0.08), abs=1e-3)
    tone = torch.sin(torch.arange(1000.0) * 0.2)[:, None] * 0.5
    snr = 10 * math.log10(float(tone.square().mean()) / 0.01**2)
    assert sampled_metrics(tone + 0.01, sampled(tone, "audio"))["psnr"] == pytest.approx(snr, abs=1e-3)


def test_values_are_clipped_as_they_would_be_heard_unless_they_are_floats():
    loud = torch.full((10, 1), 0.9)
    assert sampled_metrics(loud + 0.3, sampled(loud, "audio"))["max_abs_error"] == pytest.approx(0.1)
    assert sampled_metrics(loud + 0.3, sampled(loud, "audio", sample_format="float"))["max_abs_error"] == pytest.approx(0.3)


def test_a_picture_has_its_own_measures_and_one_of_floats_its_range():
    picture = tiny_picture()
    assert drawn_metrics(picture.values, picture)["psnr"] == math.inf
    bright = Signal(picture.values * 4, picture.grid, "image", picture.channels, {"sample_format": "float"})
    measures = drawn_metrics(bright.values + 0.1, bright)
    spread = float(bright.values.max() - bright.values.min())
    assert measures["psnr_peak_to_peak"] == pytest.approx(20 + 20 * math.log10(spread), abs=1e-3)


def test_no_error_has_no_decibels():
    assert decibels(0.0, 1.0) is None
    assert decibels(0.01, 10.0) == pytest.approx(40.0)


def test_cells_of_a_sphere_count_by_their_area():
    box = Box(("lat", "lon"), ((-95.0, 95.0), (0.0, 360.0)), ("degree", "degree"), (False, True))
    areas = cell_areas(Grid(box, (19, 4)))
    assert areas.shape == (19, 4, 1)
    assert float(areas.mean()) == pytest.approx(1)
    assert float(areas[0, 0, 0] / areas[9, 0, 0]) == pytest.approx(
        (1 - math.cos(math.radians(5))) / (2 * math.sin(math.radians(5)))
    )


def test_channels_are_measured_each_in_units_of_its_own_range():
    signal = from_columns([[0.0, 0.0], [1.0, 1000.0], [0.5, float("nan")]])
    measures = channel_metrics(signal.values + torch.tensor([0.1, 100.0]), signal)
    assert measures["psnr_value0"] == pytest.approx(20, abs=1e-4)
    assert measures["psnr_value1"] == pytest.approx(20, abs=1e-4)
    assert measures["psnr"] == pytest.approx(20, abs=1e-4)
