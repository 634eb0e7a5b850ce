"""
A noisy series, and what a field makes of it
============================================

Irregular times, gaps, noise and one faulty reading: fit, read between the samples, integrate, find the fault, write another rate.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import ungrid as ug
from ungrid.signals.series import from_columns, read_series

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="half as many samples")
n = 400 if options.parse_args().quick else 800

# %%
# Two days, in seconds, at times of their own. The second channel has gaps.

rng = np.random.default_rng(0)
times = np.sort(rng.uniform(0, 2 * 86_400, n))


def truth(t):
    """Degrees outside and in the cellar."""
    day = 2 * np.pi * t / 86_400
    return np.stack([12 + 6 * np.sin(day) + np.sin(5 * day), 9 + 0.5 * np.sin(day - 1)], axis=1)


measured = truth(times) + [0.4, 0.05] * rng.normal(size=(n, 2))
measured[n // 3, 0] += 8.0  # the fault
measured[::7, 1] = np.nan

signal = from_columns(measured, times, names=("outside", "cellar"))
field = ug.fit(signal)
print(field.record.fit["reason"] if field.record else "")

# %%
# Between the samples it is nearer to the truth than the samples are.

wanted = np.linspace(1_000, 170_000, 2_000)
error = np.abs(field(wanted[:, None]).detach().numpy() - truth(wanted)).mean(axis=0)
mean = ug.integrate(field, {"t": (3_600.0, 90_000.0)}) / 86_400
faults = ug.anomalies(field, signal)
print(f"mean error {error[0]:.2f} and {error[1]:.3f} K; mean of a day {mean[0]:.2f} °C; faults: {len(faults)}")

# %%
# A table of one row in ten minutes.

with tempfile.TemporaryDirectory() as folder:
    ug.render(field, Path(folder, "even.csv"), rate=1 / 600)
    even = read_series(Path(folder, "even.csv"))

assert even.places is None, "the table that is written is evenly spaced"
assert error[0] < 0.2, "the error is less than half the noise of 0.4 K"
assert [fault.coords[0] for fault in faults] == [times[n // 3]], "the one faulty reading is found, and no other"
