"""
Fields as building blocks
=========================

Blend two fitted pictures along a soft seam, and add detail to a coarse field that stays as it is. Both are fields again: they
have derivatives, one file, and a picture at any size.
"""

import argparse
import tempfile
from pathlib import Path

import torch

import ungrid as ug
from ungrid.fields import Stitched
from ungrid.signals.image import from_array
from ungrid.signals.sample import sample_photo

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="fit for a few seconds only")
steps = 100 if options.parse_args().quick else 600

# %%
# The cat's eyes by day, and a bluish night made of the same pixels, 96 × 128 each.

day = from_array(ug.load(sample_photo()).values[72:168, 148:276])
night = day.with_values(0.5 * day.values * torch.tensor([0.5, 0.7, 1.0]))
at_day, at_night = (ug.fit(signal, preset="fast", steps=steps) for signal in (day, night))

# %%
# Night falls from left to right, over 40 pixels around the middle. A sum of fields is a field, too: a little more light.

dusk = 1.1 * Stitched(at_day, at_night, "x", at=64.0, width=40.0) + 0.02

with tempfile.TemporaryDirectory() as folder:
    dusk.save(Path(folder, "dusk.ung"))  # one file, with both fields
    again = ug.load(Path(folder, "dusk.ung"))
    ug.render(again, Path(folder, "dusk.png"), scale=2)

left, right = torch.tensor([[40.0, 20.0]]), torch.tensor([[40.0, 110.0]])
assert torch.equal(again(left), 1.1 * at_day(left) + 0.02), "left of the seam it is day, in the value and in the file"
assert torch.allclose(ug.gradient(again, right), 1.1 * ug.gradient(at_night, right)), "right of it, slopes are the night's"

# %%
# A coarse field has a seventh of the picture's numbers. It stays frozen; what it leaves over is fitted above it.

coarse = ug.presets.dense_grid(day.box, 3, shape=day.grid.shape, params_per_value=0.1)
coarse = ug.fit(coarse, ug.tasks.represent(day), steps=steps)
fine = ug.fit(ug.presets.detail_of(coarse, day), ug.tasks.represent(day), steps=steps)

before, after = (field.metrics["quality"]["psnr"] for field in (coarse, fine))
print(f"coarse {before:.1f} dB with {coarse.n_params:,} numbers, with detail {after:.1f} dB")
kept = zip(coarse.parameters(), fine.coarse.parameters(), strict=True)
assert all(map(torch.equal, *zip(*kept, strict=True))), "the coarse field is what it was"
assert after > before + 3, f"detail above a frozen field adds more than 3 dB; got {before:.1f} and {after:.1f} dB"
