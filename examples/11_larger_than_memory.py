"""
Larger than memory
==================

An array on the disk becomes one field of many tiles, with a bound on memory. A detail reads its tiles and no others; a
thumbnail reads none.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

import ungrid as ug

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="a small array, fitted for a few seconds")
quick = options.parse_args().quick
size, steps = (256, 60) if quick else (2048, 800)
folder = Path(tempfile.mkdtemp())

# %%
# Rings that become finer outwards, written row by row into a mapped file: never in memory as a whole.

array = np.lib.format.open_memmap(folder / "rings.npy", mode="w+", dtype=np.uint8, shape=(size, size))
x = np.linspace(0, 1, size)
for row, y in enumerate(x):
    array[row] = np.round(127.5 * (1 + np.sin(size / 14 * (x**2 + y**2))))
array.flush()

# %%
# Tiles as large as the memory allows that it is given. Kill it and say ``resume=True``: what is done stays done.

memory = 270_000_000 if quick else 300_000_000  # bytes, for tiles of about 180 and 700 samples a side
field = ug.fit_large(folder / "rings.npy", folder / "rings.ung", preset="fast", steps=steps, max_memory=memory)

# %%
# A detail across a seam, and a thumbnail.

seam = round(size / field.counts[0])
region = {"y": (seam - 20.0, seam + 20.0), "x": (seam - 20.0, seam + 20.0)}
ug.render(field, folder / "detail.png", region=region, scale=4)
ug.render(field, folder / "small.png", size=(32, 32))

detail = field.sample(field.grid().part((slice(seam - 20, seam + 20),) * 2))[..., 0].numpy()
steps_down = np.abs(np.diff(detail, axis=0)).mean(axis=1)
ratio = steps_down[19] / steps_down.mean()
psnr = field.metrics["quality"]["psnr"]
print(f"{psnr:.1f} dB over {field.tiling.size} tiles; a seam is {ratio:.2f} times as steep as what lies around it")
assert psnr > (20 if quick else 35), f"the whole is fitted well; got {psnr:.1f} dB"
assert ratio < 1.5, f"no step shows where tiles meet; got {ratio:.2f}"
