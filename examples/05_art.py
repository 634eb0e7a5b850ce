"""
Pictures that nobody drew
=========================

A random network from places to colors is a picture. Draw some, breed two of them, and walk around one in a loop.
"""

import argparse
import tempfile
from pathlib import Path

import torch

import ungrid as ug
from ungrid.presets import crossover, latent_walk, mutate
from ungrid.render.animation import write_animation
from ungrid.render.contact_sheet import contact_sheet, thumbnail
from ungrid.signals.image import write_picture

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="draw small")
side, n_frames = (48, 24) if options.parse_args().quick else (160, 90)
shape = (side, side)

# %%
# A seed is a picture: the functions of the units, their weights and the palette are drawn from it.

seeds = [2, 6, 9, 10, 11, 19]
first = [ug.art(seed) for seed in seeds]

# %%
# Children: units mostly from the first parent, palette and symmetry from either, then noise on every weight. Parents with the
# same sizes of network can be crossed, and all pictures of `ug.art` have them.

children = [mutate(crossover(first[3], first[1], seed), 0.25, seed) for seed in range(6)]
pictures = [thumbnail(field, shape) for field in first + children]
names = [*map(str, seeds), *(f"child {seed}" for seed in range(6))]

# %%
# Besides the place, the network sees eight constants. Moving them along a circle moves the picture, back to where it began.

frames = [thumbnail(place, shape) for place in latent_walk(first[3], n_frames, radius=0.2)]

with tempfile.TemporaryDirectory() as folder:
    write_picture(Path(folder, "sheet.png"), contact_sheet(pictures, names, columns=6), bit_depth=8)
    write_animation(Path(folder, "walk.gif"), frames)
    children[0].save(Path(folder, "child.ung"))
    again = ug.load(Path(folder, "child.ung"))
    print(f"{Path(folder, 'child.ung').stat().st_size:,} bytes hold a child that can be drawn at any size")

steps = torch.stack([(frame - before).abs().mean() for before, frame in zip(frames[-1:] + frames[:-1], frames, strict=True)])
contrast = torch.stack([picture.flatten(0, 1).std(dim=0).mean() for picture in pictures])
print(f"steps of the walk {steps.min():.3f} to {steps.max():.3f}, contrast of the pictures {contrast.min():.2f} or more")
assert torch.equal(thumbnail(again, shape), pictures[6]), "a child is a field like any other: saved and loaded, it is the same"
assert contrast.min() > 0.08, "no picture is flat"
assert steps[0] < 2 * steps.mean(), "the loop closes without a jump"
