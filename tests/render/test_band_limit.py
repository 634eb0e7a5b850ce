import math

import numpy as np
import pytest
import torch

from ungrid.domain.box import Box
from ungrid.domain.grid import Grid
from ungrid.fields.record import Record
from ungrid.fields.spline import SplineField
from ungrid.render.band_limit import EDGE, band_limited, kernel
from ungrid.render.draw import drawing_grid
from ungrid.render.evaluate import bands

RATE, N = 8000, 4000


class Waves(SplineField):
    """Sines of given frequencies [Hz], under the name of a field with a record."""

    def __init__(self, frequencies):
        super().__init__(Box(("t",), ((0.0, N / RATE),), ("s",)), 1, 1)
        self.frequencies = frequencies
        self.record = Record("audio", (N,), ("mono",), {"sample_rate": RATE})

    def values_at(self, coords, inputs=None):
        seconds = (coords.double() + 1) * (N / RATE / 2)
        return sum(torch.sin(2 * math.pi * f * seconds) for f in self.frequencies).float()

    def on(self, grid):
        return self.values_at(grid.points(dtype=torch.float64) * (2 * RATE / N) - 1)


def drawn(field, rate, **options):
    return torch.cat([*bands(field, drawing_grid(field, rate=float(rate), **options))])


def middle(values):
    return values[len(values) // 4 : -len(values) // 4]


@pytest.mark.parametrize("rate", [1000, 3000, 4410, 7000])
def test_what_fewer_samples_can_hold_passes_and_what_they_cannot_is_gone(rate):
    heard, silent = 0.43 * rate, [0.51 * rate, min(0.9 * rate, 3900)]
    grid = drawing_grid(Waves([heard]), rate=float(rate))
    truth = torch.sin(2 * math.pi * heard * grid.axis_coords(0, dtype=torch.float64))[:, None].float()
    torch.testing.assert_close(middle(drawn(Waves([heard]), rate)), middle(truth), atol=2e-4, rtol=0)
    assert middle(drawn(Waves([f for f in silent if rate / 2 < f < RATE / 2]), rate)).abs().max() < 3e-5


def test_the_mean_of_a_box_would_alias_where_the_sinc_does_not():
    tone = Waves([0.9 * 2000])
    assert middle(drawn(tone, 2000)).abs().max() < 3e-5
    fine = tone.on(Grid(tone.box, (N,))).reshape(-1, 4).mean(dim=1)
    assert middle(fine).abs().max() > 0.1


def test_it_agrees_with_soxr():
    soxr = pytest.importorskip("soxr")
    field = Waves([100.0, 441.0, 900.0, 1300.0])
    samples = field.on(field.grid())[:, 0].double().numpy()
    ours = drawn(field, 3000)[:, 0].double().numpy()
    # soxr's first sample lies on the source's first, ours in the middle of a cell: sample j is (16 j + 5) / 48000 s further
    fine = soxr.resample(soxr.resample(samples, RATE, 3000, "VHQ"), 3000, 48000, "VHQ")
    theirs = fine[16 * np.arange(len(ours) - 1) + 5]
    assert np.abs(ours[200:-201] - theirs[200:-200]).max() < 2e-4


def test_a_region_and_any_memory_give_the_same_samples():
    field = Waves([300.0])
    whole = drawn(field, 2000)
    part = drawn(field, 2000, region={"t": (0.1, 0.3)})
    torch.testing.assert_close(part, whole[200:600], atol=1e-6, rtol=0)
    grid = drawing_grid(field, rate=2000.0)
    torch.testing.assert_close(band_limited(field, grid, 100_000), whole, atol=1e-6, rtol=0)


def test_a_constant_stays_one_up_to_the_ends():
    constant = Waves([])
    constant.values_at = lambda coords, inputs=None: torch.full_like(coords, 0.25).float()
    torch.testing.assert_close(drawn(constant, 1000), torch.full((500, 1), 0.25))


def test_the_kernel_is_even_and_ends():
    x = torch.linspace(-60, 60, 1001, dtype=torch.float64)
    torch.testing.assert_close(kernel(x), kernel(-x))
    assert kernel(torch.tensor(48.001)) == 0
    assert 0.9 < EDGE < 1
