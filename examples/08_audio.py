"""
Sound at another rate
=====================

Fit a field to a synthetic bell, then play it at two fifths of its rate: no frequency folds back.
"""

import argparse
import math
import tempfile
from pathlib import Path

import torch

import ungrid as ug

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="half a second of sound, not four")
quick = options.parse_args().quick
rate, seconds = 24_000, 0.5 if quick else 4.0

# partials of a bell, each with its own decay; the highest is above what the lower rate can hold
time = (torch.arange(int(rate * seconds)) + 0.5) / rate
partials = [(440.0, 2.0), (880.0, 3.0), (1217.0, 5.0), (6100.0, 9.0)]
bell = sum(0.2 * torch.sin(2 * math.pi * f * time) * torch.exp(-decay * time) for f, decay in partials)

# a pair of samples and rate is a sound; its axis is t, in seconds
field = ug.fit((bell, rate), callbacks=[])

# %%
# The field answers at any time, here halfway between two samples.

truth = sum(0.2 * math.sin(2 * math.pi * f * 0.25) * math.exp(-decay * 0.25) for f, decay in partials)
assert abs(float(field([[0.25]]).detach()) - truth) < 0.01, "between the samples it is the bell"

# %%
# Drawn at 9,600 Hz, where 6,100 Hz would be heard as 3,500.

with tempfile.TemporaryDirectory() as folder:
    ug.render(field, Path(folder, "bell.wav"), rate=9600)
    heard = ug.load(Path(folder, "bell.wav")).values[:, 0]
spectrum = torch.fft.rfft(heard).abs()
folded = spectrum[round(3500 * len(heard) / 9600)]
assert folded < 1e-3 * spectrum.max(), "nothing aliases"
assert field.metrics["quality"]["snr"] > 40, "a bell is fitted to 40 dB at once"
