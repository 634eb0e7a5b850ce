"""
Give a recording its peaks back
===============================

A synthetic guitar, recorded too loud: its peaks are cut off, and 20 milliseconds are missing. Both are restored together.
"""

import argparse
import math

import torch

import ungrid as ug
from ungrid.metrics.audio import snr
from ungrid.signals.audio import sound_signal

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="half a second of sound, not two")
seconds = 0.5 if options.parse_args().quick else 2.0
rate = 16_000

# strings that are plucked one after the other, each with eight partials that die away
time = torch.arange(int(rate * seconds)) / rate
strings = [(110.0, 0.0), (164.8, 0.1), (220.0, 0.2), (277.2, 0.3), (329.6, 0.4)]
truth = torch.zeros_like(time)
for pitch, start in strings:
    since = (time - start).clamp_min(0)
    for k in range(1, 9):
        truth += torch.sin(2 * math.pi * k * pitch * since) * torch.exp(-(2 + k) * since) * since.gt(0) / k
truth = truth[:, None] / truth.abs().max()

# %%
# What is left of it: nothing above a quarter of full scale, and a gap. A quarter of full scale is a lot to lose.

recorded = truth.clamp(-0.25, 0.25)
gap = slice(int(0.35 * rate), int(0.37 * rate))
recorded[gap] = 0
damaged = sound_signal(recorded, rate)

# %%
# A clipped sample was at least what it was seen as; of a missing one nothing is known. `auto` hides more of the sound in the same
# way, and takes the candidate that tells that best.

field = ug.restore(damaged, [ug.Clipping(0.25), ug.Gaps([(0.35, 0.37)])])
found = field.sample(field.grid())
print(field.record.fit["noise"], "by", field.record.fit["reason"])
print(f"{snr(recorded, truth):.1f} dB before, {snr(found, truth):.1f} dB after, {snr(found[gap], truth[gap]):.1f} dB in the gap")

kept = recorded.abs().lt(0.25) & recorded.ne(0)
assert torch.equal(found[kept], recorded[kept]), "what was known stays as it was"
assert snr(found, truth) > snr(recorded, truth) + 8, "peaks and gap come back"
