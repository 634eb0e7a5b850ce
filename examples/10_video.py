"""
A film as a function
====================

Fit it, and draw frames that it never had. A pattern that drifts to the right and turns is made by formula, so that the frames in
between are known and can be compared.
"""

import argparse
import math
import tempfile
from pathlib import Path

import torch

import ungrid as ug
from ungrid.metrics.error import psnr
from ungrid.signals.video import from_frames


def pattern(times: torch.Tensor, size: tuple[int, int] = (48, 64)) -> torch.Tensor:
    """Colors [n, h, w, 3] at times in seconds, in 8 bits: waves that drift by 25 pixels a second, half a pixel a frame of 50."""
    y, x = torch.meshgrid(*(torch.arange(n) + 0.5 for n in size), indexing="ij")
    t = times[:, None, None]
    waves = [0.5 + 0.4 * torch.sin(2 * math.pi * ((x - 25 * t) / 32 + (1 + k) * y / 48)) for k in range(3)]
    return (255 * torch.stack(waves, dim=-1)).round().byte()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="half the frames and steps")
quick = parser.parse_args().quick

n, rate = (12, 25.0) if quick else (24, 25.0)
film = from_frames(pattern((torch.arange(n) + 0.5) / rate), rate)  # frame i is shown in the middle of its 1/25 s
print(film.describe())

field = ug.fit(film, steps=400 if quick else 1000)
print(f"at the frames: {field.metrics['quality']['psnr']:.1f} dB, {field.n_params:,} parameters")

# halfway between frames: never seen by the fit
between = torch.arange(2, n - 2) / rate
points = film.grid.points()[: len(between)].clone()
points[..., 0] = between[:, None, None]
with torch.no_grad():
    drawn = field(points).clamp(0, 1)
in_between = psnr(drawn, pattern(between).float() / 255)
print(f"halfway between them: {in_between:.1f} dB")

with tempfile.TemporaryDirectory() as folder:  # .mp4, .mkv, .webm and .gif need the extra "video"; a sheet does not
    shape = ug.render(field, Path(folder) / "sheet.png")
    print(f"drew {shape[0]} frames of {shape[2]}×{shape[1]} pixels on a sheet")

assert in_between > 30, "frames in between are those of the pattern, to 30 dB"
