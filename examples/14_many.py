"""
Many small pictures at once
===========================

Fit some hundred small pictures together, each to a field of its own, and a few of them one by one for comparison.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import ungrid as ug

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="fewer pictures")
n = 64 if options.parse_args().quick else 512

# %%
# The pictures: a few blobs of random place, size and brightness in each, 24 × 24 pixels, as unsigned bytes in one array.

rng = np.random.default_rng(0)
y, x = np.mgrid[0:24, 0:24][:, None, None] + 0.5
place, width = rng.uniform(2, 22, (2, n, 5, 1, 1)), rng.uniform(1.5, 5.0, (n, 5, 1, 1))
blobs = rng.uniform(-1, 1, (n, 5, 1, 1)) * np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / (2 * width**2))
pictures = (255 * (0.5 + 0.4 * np.tanh(blobs.sum(1)))).round().astype(np.uint8)

folder = Path(tempfile.mkdtemp())
np.save(folder / "pictures.npy", pictures)

# %%
# Together: a folder of ordinary .ung files, and a report. CPU seconds are counted, which other programs do not stretch.

start = time.process_time()
report = ug.fit_many(folder / "pictures.npy", folder / "fields")
together = (time.process_time() - start) / n
print(f"{report.done} fields, {together:.3f} CPU s and {report.plain()['mean_psnr']:.1f} dB each")

# %%
# One by one: the first four of them, by the default.

start = time.process_time()
alone = [ug.fit(picture, callbacks=[]).metrics["quality"]["psnr"] for picture in pictures[:4]]
one_by_one = (time.process_time() - start) / len(alone)
print(f"one by one {one_by_one:.3f} CPU s and {np.mean(alone):.1f} dB each")

# %%
# Each file is a field like any other: it answers between the pixels, too.

print(ug.load(folder / "fields" / "00003.ung")([[12.25, 7.8]]).tolist())

same = [row["psnr"] for row in report.rows[:4]]
assert np.mean(same) > np.mean(alone) - 1, "together they are about as good as one by one, or better"
assert together < one_by_one / 5, "and each costs a fifth at most"
