import pytest
import torch

from ungrid.bench.fits import quality, timed_fit
from ungrid.testing.toys import tiny_picture


def test_crossings_lie_within_the_fit_and_rise_with_the_threshold():
    signal = tiny_picture(24, 32)
    fitted = timed_fit(signal, "fast", thresholds=(0.0, 12.0, 300.0), steps=40)
    low, higher, never = fitted.crossed.values()
    assert never is None
    assert low.cpu <= higher.cpu <= fitted.spent.cpu
    assert quality(fitted.field, signal) == pytest.approx(fitted.field.metrics["quality"]["psnr"], rel=1e-4)


def test_looking_does_not_change_the_fit():
    signal = tiny_picture(24, 32)
    watched = timed_fit(signal, "fast", thresholds=(0.0, 300.0), steps=20).field
    alone = timed_fit(signal, "fast", steps=20).field
    assert all(torch.equal(a, b) for a, b in zip(watched.parameters(), alone.parameters(), strict=True))
