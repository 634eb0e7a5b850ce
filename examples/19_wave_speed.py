"""
The speed of a wave
===================

A string swings; at forty places and moments its height is known. The field that moves as the wave equation says, and passes
through them, is found together with the speed in the equation.
"""

import argparse
import math

import torch

import ungrid as ug
from ungrid.domain.regions import Faces, Inside
from ungrid.fields import WithUnknowns
from ungrid.terms import Equation, wave

options = argparse.ArgumentParser()
options.add_argument("--quick", action="store_true", help="fewer points and steps")
quick = options.parse_args().quick

# %%
# The truth, of which the fit sees forty numbers.

SPEED = 0.7
box = ug.Box(("t", "x"), ((0.0, 2.0), (0.0, 1.0)), ("s", "m"))
places = Inside(box).draw(40, torch.Generator().manual_seed(1), torch.float64)


def height(x):
    return torch.sin(math.pi * x[:, 1:]) * torch.cos(math.pi * SPEED * x[:, :1])


class Places:
    """Always the same forty."""

    def draw(self, n, rng, dtype):
        return places.to(dtype)


# %%
# A small sine network, the speed unknown; the string's ends are held.

network = ug.presets.siren(box, 1, width=12 if quick else 20, depth=2, first_omega=5.0, hidden_omega=5.0)
field = WithUnknowns(network, ("speed",), (1.2,))
motion = Equation(wave(box.axes, "speed"), Inside(box), n_points=600 if quick else 1500, strength=0.01, name="motion")
ends = Equation(lambda u, x: u(x), Faces(box, (("x", "low"), ("x", "high"))), n_points=200, name="ends")
seen = Equation(lambda u, x: u(x) - height(x), Places(), n_points=40, name="seen")
field = ug.fit(field, ug.Problem((motion, ends, seen)), steps=40 if quick else 120)

speed = float(field.unknown("speed").detach())
print(f"the speed is {SPEED} m/s; found {speed:.7f} after {field.record.fit['steps']} steps")
assert abs(abs(speed) - SPEED) < 1e-3, f"forty numbers tell the speed to a thousandth; got {speed}"
