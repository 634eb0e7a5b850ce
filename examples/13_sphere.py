"""
A field over the globe
======================

A sum of spherical harmonics on a grid of two degrees: fitted on the sphere itself, without a seam at the date line and with one
value at each pole.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

import ungrid as ug

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="fit for a few seconds only")
steps = 300 if options.parse_args().quick else 760


def harmonics(lat, lon):
    """Waves of low degree, smooth everywhere on the sphere."""
    north, east = np.deg2rad(lat), np.deg2rad(lon)
    level = np.cos(north)
    return 250 + 30 * level**2 + 8 * level**3 * np.cos(3 * east) + 5 * level * np.sin(north) * np.sin(east)


# %%
# The file has latitudes from north to south, both poles included, as reanalyses have them.

lat, lon = np.linspace(90, -90, 91), np.arange(-180.0, 180.0, 2.0)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "warmth.npz")
    np.savez(path, latitude=lat, longitude=lon, warmth=harmonics(lat[:, None], lon[None]).astype(np.float32))
    field = ug.fit(path, steps=steps)
    ug.render(field, Path(folder, "again.npz"))
    with np.load(Path(folder, "again.npz")) as again:
        assert (again["latitude"] == lat).all(), "what is written runs from north to south again"

print(f"{field.metrics['quality']['psnr']:.1f} dB, weighted by area")

# %%
# Longitudes a turn apart are one place; at a pole all of them are.

west, east = field([[10.0, -170.0], [45.0, 180.0]]), field([[10.0, 190.0], [45.0, -180.0]])
pole = field([[90.0, longitude] for longitude in range(-180, 180, 30)]).detach()

assert torch.allclose(west, east, rtol=1e-6), "no seam"
assert float(pole.max() - pole.min()) < 1e-3, "one value at the pole"
assert field.metrics["quality"]["psnr"] > 40, "a smooth field reaches 40 dB"
