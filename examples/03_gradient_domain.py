"""
A picture from its gradients
============================

The data are slopes only, no brightness anywhere. A field whose gradient agrees with them is the picture, up to one
constant: a Poisson equation, solved by the same verb as everything else.
"""

import argparse

import matplotlib.pyplot as plt
import torch

import ungrid as ug
from ungrid.fit.orders import Shuffled
from ungrid.fit.samplers import IndexSampler, PointObservations
from ungrid.measurements import Gradient
from ungrid.signals.image import from_array
from ungrid.signals.sample import sample_photo
from ungrid.terms import Misfit

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="fit for a few seconds only")
steps = 600 if options.parse_args().quick else 1200

# %%
# A gray detail of the photograph, 4 × 4 pixels averaged into one: finite differences are slopes only where little happens
# between two neighbors.

cat = ug.load(sample_photo()).values[:256, 80:336].mean(dim=-1)
photo = from_array(cat.unflatten(0, (64, 4)).unflatten(2, (64, 4)).mean(dim=(1, 3)))
slopes = torch.stack(torch.gradient(photo.values[..., 0]), dim=-1)[:, :, None]  # central differences [y, x, 1, 2], per pixel

# %%
# A sine network has a gradient that is again smooth; a ReLU network's is constant by pieces and fits slopes badly.
# The slopes are a hundredth per pixel, so the error is multiplied to be of the order of one.

field = ug.presets.siren(photo.box, 1, width=96, depth=3)
field.recipe = ug.Recipe(learning_rate=1e-3, schedule="cosine", batch_size=1024)
known = IndexSampler(PointObservations(photo.grid.points().reshape(-1, 2), slopes.reshape(-1, 1, 2)), Shuffled())
field = ug.fit(field, ug.Problem((Misfit(Gradient(), known, weight=1e3),)), steps=steps)

# %%
# The constant that slopes cannot tell is taken from the mean.

found = field.sample(photo.grid)
found = (found + (photo.values - found).mean()).clamp(0, 1)
shown = {"seen: slope along x": slopes[..., 0, 1], "found": found[..., 0], "the truth": photo.values[..., 0]}
_, panels = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for panel, (title, picture) in zip(panels, shown.items(), strict=True):
    panel.imshow(picture, cmap="gray")
    panel.set(title=title, xticks=[], yticks=[])

psnr = ug.metrics.psnr(found, photo.values)
print(f"{psnr:.1f} dB from gradients alone")
assert psnr > 30, f"central differences of a smooth picture give it back to 30 dB; got {psnr:.1f} dB"
