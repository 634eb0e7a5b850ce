"""
A field of your own
===================

A field is an encoding, then a network. Put two parts together, say how to fit them, and everything else works as it does
for a preset: the fit, derivatives, the file.
"""

import argparse
import tempfile
from pathlib import Path

import torch

import ungrid as ug
from ungrid.encodings import DenseGrid
from ungrid.networks import Mlp
from ungrid.signals.image import from_array
from ungrid.signals.sample import sample_photo

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="fit for a few seconds only")
steps = 300 if options.parse_args().quick else 1500

# %%
# The cat's eyes, 96 × 128 pixels.

photo = from_array(ug.load(sample_photo()).values[72:168, 148:276])

# %%
# Cubic B-splines have continuous second derivatives and GELU has them too, so the field has a curvature everywhere; with
# "linear" and "relu" it would be zero almost everywhere. 32 × 43 cells are one for nine pixels; with 3 features on each
# node and two coarser levels, the field has less than a quarter as many numbers as the picture.

grid = DenseGrid(2, ((8, 11), (16, 22), (32, 43)), 3, interpolation="cubic")
field = ug.EncodedField(photo.box, grid, Mlp(grid.out_dim, 3, 32, depth=2, activation="gelu"))

# %%
# Grids start near zero and take a rate ten times that of networks; 2,048 samples a step are a sixth of the picture.

field.recipe = ug.Recipe(learning_rate=1e-2, schedule="cosine", batch_size=2048, betas=(0.9, 0.99), epsilon=1e-15)
field = ug.fit(field, ug.tasks.represent(photo), steps=steps)
psnr = field.metrics["quality"]["psnr"]
print(f"{psnr:.1f} dB with {field.n_params:,} numbers for a picture of {photo.values.numel():,}")

# %%
# The file holds the parts' names and arguments beside the weights, so it opens without this program.

with tempfile.TemporaryDirectory() as folder:
    field.save(Path(folder, "eyes.ung"))
    again = ug.load(Path(folder, "eyes.ung"))

places = torch.tensor([[20.0, 40.0], [20.0, 40.001]])
curvature = ug.laplacian(again, places)
print("Laplacian at two places a thousandth of a pixel apart:", curvature.tolist())
assert torch.equal(again(places), field(places)), "what is loaded is what was saved"
assert psnr > 28, f"a quarter as many numbers as the picture has give 28 dB; got {psnr:.1f} dB"
