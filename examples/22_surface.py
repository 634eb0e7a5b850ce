"""
A surface as a function of distance
===================================

A knotted tube of triangles: fitted as signed distance, asked for distances and slopes anywhere, and turned into triangles
again, closed and with the same handle.
"""

import argparse
import math

import torch

import ungrid as ug

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="a coarser field")
preset = "fast" if options.parse_args().quick else "balanced"

# %%
# A tube around a trefoil knot, closed in both directions: its Euler number is 0. Lengths are in whatever unit the vertices are.

n, m, tube = 300, 36, 0.35
t = torch.arange(n, dtype=torch.float64) * (2 * math.pi / n)
curve = torch.stack([t.sin() + 2 * (2 * t).sin(), t.cos() - 2 * (2 * t).cos(), -(3 * t).sin()], dim=1)
along = torch.nn.functional.normalize(curve.roll(-1, 0) - curve.roll(1, 0), dim=1)
side = torch.nn.functional.normalize(torch.linalg.cross(along, torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)), dim=1)
up = torch.linalg.cross(side, along)
angle = torch.arange(m, dtype=torch.float64) * (2 * math.pi / m)
around = side[:, None] * angle.cos()[:, None] + up[:, None] * angle.sin()[:, None]
vertices = (curve[:, None] + tube * around).reshape(-1, 3)
i, j = torch.meshgrid(torch.arange(n), torch.arange(m), indexing="ij")
a, b, c, d = ((((i + di) % n) * m + (j + dj) % m).flatten() for di, dj in ((0, 0), (1, 0), (1, 1), (0, 1)))
faces = torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)])

# %%
# What is wrong with a surface is told before it is fitted; here nothing is.

assert ug.inspect((vertices, faces))["findings"] == []
field = ug.fit((vertices, faces), preset=preset)
print({name: round(value, 5) for name, value in field.metrics["quality"].items()})

# %%
# The middle of the tube lies one radius inside, and the gradient of a distance has length 1.

inside = field(curve.float()[::10]).detach()
slope = ug.gradient(field, vertices.float()[::50]).detach().norm(dim=-1)
assert float((inside + tube).abs().mean()) < 0.05, "the field knows the distance within, even at the crease in the middle"
assert float((slope - 1).abs().mean()) < 0.02, "and is a distance near the surface"

# %%
# Triangles come back in the same frame. Another level is an offset surface: a thicker tube.

knot, thick = ug.mesh(field), ug.mesh(field, level=0.1)
told = ug.compare((knot.vertices, knot.faces), (vertices, faces))
assert ug.inspect((knot.vertices, knot.faces))["euler"] == 0, "the handle is there, and nothing else"
assert ug.inspect((thick.vertices, thick.faces))["watertight"]
assert told["chamfer_relative"] < 1e-3, "within a thousandth of the diagonal"
