"""
Derivatives of a fitted field
=============================

Fit two fields to samples of a function whose derivatives are known in closed form, and compare: a SIREN, which is smooth
to every order, and a grid with cubic B-splines, which is smooth to the second.
"""

import argparse
import math

import torch

import ungrid as ug
from ungrid.signals.image import from_array

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="fit for a few seconds only")
steps = 400 if options.parse_args().quick else 2000

# %%
# f(y, x) = ½ + ½ sin(ay) cos(bx), sampled at the centers of 48 × 48 pixels; so ∇f and Δf = −(a² + b²)(f − ½) are known.

a, b, n = 2 * math.pi / 32, 2 * math.pi / 24, 48
centers = torch.arange(n) + 0.5
wave = from_array(0.5 + 0.5 * torch.outer(torch.sin(a * centers), torch.cos(b * centers)))

torch.manual_seed(0)
at = 4 + (n - 8) * torch.rand(500, 2)  # between the pixels; derivatives at the very edge are seen from one side only
y, x = at.unbind(-1)
gradient = torch.stack([a * torch.cos(a * y) * torch.cos(b * x), -b * torch.sin(a * y) * torch.sin(b * x)], dim=-1) / 2
laplacian = -(a**2 + b**2) * torch.sin(a * y) * torch.cos(b * x) / 2

# %%
# ω = 30 is the paper's for photographs; this function has two periods in the box, and a lower ω keeps the second
# derivatives calm between the samples.

siren = ug.presets.siren(wave.box, 1, width=64, depth=2, first_omega=8.0, hidden_omega=8.0)
spline = ug.EncodedField(
    wave.box,
    ug.encodings.DenseGrid(2, ((12, 12),), 1, interpolation="cubic"),
    ug.networks.Mlp(1, 1, 1, depth=0),  # one linear map: the field stays a sum of splines
)
errors = {}
for name, field, rate in (("siren", siren, 2e-3), ("spline", spline, 3e-2)):
    field.recipe = ug.Recipe(learning_rate=rate, schedule="cosine")  # no batch size: all samples at once, they are few
    ug.fit(field, ug.tasks.represent(wave, heldout=0.0), steps=steps)
    with torch.no_grad():
        first = (ug.gradient(field, at)[:, 0] - gradient).norm() / gradient.norm()
        second = (ug.laplacian(field, at)[:, 0] - laplacian).norm() / laplacian.norm()
    errors[name] = float(first), float(second)
    print(f"{name}: relative error of the gradient {first:.2%}, of the Laplacian {second:.2%}")

assert max(map(max, errors.values())) < 0.1, f"derivatives are within a tenth of the closed form; got {errors}"
