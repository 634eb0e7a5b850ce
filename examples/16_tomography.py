"""
A slice from twenty views
=========================

A head phantom seen by a parallel beam from twenty directions: back projection leaves streaks, the field does not.
"""

import argparse
import math

import torch

import ungrid as ug
from ungrid.classical.filtered_back_projection import filtered_back_projection
from ungrid.signals.phantoms import shepp_logan

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="a smaller slice")
size, finer = (48 if options.parse_args().quick else 96), 4

# %%
# The phantom is drawn four times finer than any picture below, so that none of them could hold it exactly.

box = ug.Box(("y", "x"), ((0.0, float(size)),) * 2, ("px", "px"))
head = shepp_logan(finer * size).values[..., :1].float()
angles = torch.arange(20) * (math.pi / 20)
scanner = ug.domain.ParallelBeam(angles.tolist(), size, (size // 2 + 0.5, size // 2 + 0.5))
sinogram = ug.measurements.LineIntegral(ug.Grid(box, (finer * size,) * 2), scanner).A(head)[..., 0]

field = ug.tomography(sinogram, angles)  # no setting: views that are kept out say how strong the prior should be

# %%
# The field lives on a lattice twice as fine as the pixels. Here are its means over them, and what filtered back projection gives.

truth = head[..., 0].unflatten(0, (size, -1)).unflatten(2, (size, -1)).mean(dim=(1, 3))
found = field.samples.detach()[..., 0].unflatten(0, (size, -1)).unflatten(2, (size, -1)).mean(dim=(1, 3))
streaky = filtered_back_projection(sinogram, scanner, ug.Grid(box, (size, size)), window="hann")


def psnr(values):
    """dB of values in [0, 1]."""
    return -10 * math.log10(float((values.clamp(0, 1) - truth).square().mean()))


print(f"filtered back projection {psnr(streaky):.1f} dB, field {psnr(found):.1f} dB")
assert psnr(found) > psnr(streaky) + 10, "a prior of few edges makes up for the views that are missing"
