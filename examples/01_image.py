"""
A photograph as a function
==========================

Fit the photograph that ships with ungrid, ask for its value between two pixels, and draw a detail at four times its size.
"""

import argparse

import matplotlib.pyplot as plt

import ungrid as ug
from ungrid.signals.sample import sample_photo

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="fit for a few seconds only")
quick = options.parse_args().quick

# %%
# "auto" is the preset for a picture of which nothing else is known; "fast" is the same field, smaller and fitted for a
# third of the passes.

photo = ug.load(sample_photo())
field = ug.fit(photo, preset="fast" if quick else "auto")
print(field.metrics["quality"], "held out:", field.metrics["heldout"])

# %%
# Coordinates are pixels: the first pixel is the square from 0 to 1, its center at 0.5. This place lies between pixels.

print("color at y = 120.2, x = 196.8:", field([[120.2, 196.8]]).tolist())
print("its slope there, per pixel:", ug.gradient(field, field.as_coords([[120.2, 196.8]])).tolist())

# %%
# A finer grid of the same region lines up with the pixels, so the two can be shown side by side.

eyes = {"y": (80.0, 140.0), "x": (160.0, 260.0)}
pixels = photo.grid.crop(eyes)
drawn = field.sample(pixels.refine(4)).clamp(0, 1)  # a fit may overshoot white and black by a little

_, panels = plt.subplots(2, 1, figsize=(6, 7.6), layout="constrained")
panels[0].imshow(photo.values[80:140, 160:260], interpolation="nearest")
panels[1].imshow(drawn, interpolation="nearest")
panels[0].set(title="the pixels", xticks=[], yticks=[])
panels[1].set(title="the field, ×4", xticks=[], yticks=[])

# %%
# PSNR is measured on every pixel of the photograph, with the weights rounded as they are stored.

psnr = field.metrics["quality"]["psnr"]
assert psnr > 33, f"a photograph of this size reaches 33 dB with a field of half as many numbers; got {psnr:.1f} dB"
