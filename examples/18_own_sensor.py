"""
A sensor of your own
====================

A camera moved while the shutter was open. Its blur is linear, so two methods describe it, and `ug.solve` gives back the picture:
as a field, with the strength of its prior found from the measurements alone.
"""

import argparse

import torch

import ungrid as ug
from ungrid.measurements import OnGrid
from ungrid.signals.image import from_array
from ungrid.signals.sample import sample_photo
from ungrid.testing import check_linear

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="a smaller detail")
side = 96 if options.parse_args().quick else 224

# %%
# The sensor: what it sees, and the way back.


class MotionBlur:
    """Nine pixels along x, averaged."""

    def A(self, values):
        return torch.stack([values.roll(k, dims=1) for k in range(-4, 5)]).mean(dim=0)

    A_adjoint = A


photo = from_array(ug.load(sample_photo()).values[60 : 60 + side, 120 : 120 + side])
check_linear(OnGrid(MotionBlur(), ug.Grid(photo.box, (12, 16))))

# %%
# What it saw, with noise of 1 %, and what comes of it.

noise = 0.01 * torch.randn(photo.values.shape, generator=torch.Generator().manual_seed(0))
seen = MotionBlur().A(photo.values) + noise
field = ug.solve(seen, MotionBlur(), photo.grid, noise=0.01, least=0.0)


def psnr(values):
    return float(-10 * torch.log10((values.clamp(0, 1) - photo.values).square().mean()))


restored = psnr(field.sample(photo.grid))
print(f"blurred {psnr(seen):.1f} dB, restored {restored:.1f} dB; total variation of strength {field.record.fit['strength']:.1e}")
assert restored > psnr(seen) + 3, "what a camera's motion took comes back by 3 dB and more"
