"""
Undo a blur that is not known
=============================

A photograph shaken along a line, of which nothing is said: the blur is found in the picture itself, checked, and undone.
"""

import argparse

import torch
from torch.nn import functional

import ungrid as ug
from ungrid.measurements.footprint import motion_psf
from ungrid.signals.sample import sample_photo

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="a smaller part of the picture")
side = 160 if options.parse_args().quick else 224

# %%
# The truth is the head of the cat that ships with ungrid, in gray; what is seen of it moved by 11 pixels, with 0.5 % of noise.

photo = ug.load(sample_photo()).values.mean(dim=-1)[20 : 20 + side, 110 : 110 + side]
kernel = motion_psf(11.0, 20.0)
reach = kernel.shape[0] // 2
seen = functional.conv2d(photo[None, None], kernel.flip((0, 1))[None, None])[0, 0]
seen = seen + 0.005 * torch.randn(seen.shape, generator=torch.Generator().manual_seed(0))
truth = photo[reach:-reach, reach:-reach]

# %%
# The kernel, and what speaks for it without the truth: how well the blur found in one half explains the other half's spectrum.

found = ug.find_blur(seen, 21)
print(found.describe())

# %%
# A picture and its blur may lie shifted against each other, so the best of a few shifts counts.

field = ug.restore(seen, deblur=found)
sharp = field.sample(field.grid())[..., 0]


def best_psnr(picture):
    """Over shifts of up to two pixels, off the border."""
    inside = slice(12, -12)
    shifted = [picture.roll((down, across), (0, 1)) for down in range(-2, 3) for across in range(-2, 3)]
    return max(ug.metrics.psnr(each[inside, inside].clamp(0, 1), truth[inside, inside]) for each in shifted)


before, after = best_psnr(seen), best_psnr(sharp)
print(f"blurred {before:.1f} dB, restored {after:.1f} dB; the motion is seen at {found.describe()['degrees']} degrees")
assert after > before + 1.5, f"a motion found in the picture gives back more than 1.5 dB; got {before:.1f} and {after:.1f} dB"
