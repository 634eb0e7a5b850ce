"""Derivatives by automatic differentiation against central differences in float64: the largest relative errors.

    python benchmarks/derivatives.py

A SIREN and a cubic grid are fitted to a zone plate, turned to float64, and differentiated at 500 random points. Errors are
relative to the largest magnitude of the derivative over the points. Differences are of fourth order; their own error, from
truncation and rounding, is what remains.
"""

import json

import torch

import ungrid as ug
from ungrid.encodings.dense_grid import DenseGrid
from ungrid.fields.base import Field
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.networks.mlp import Mlp
from ungrid.signals.phantoms import zone_plate

SIDE, N_POINTS = 64, 500
WEIGHTS = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))  # of the first derivative, fourth order
SECOND = ((-2, -1 / 12), (-1, 16 / 12), (0, -30 / 12), (1, 16 / 12), (2, -1 / 12))


def differences(field: Field, points: torch.Tensor, step: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient [n, d] and Laplacian [n] of a one-channel field by central differences."""
    slopes, bends = [], []
    for axis in torch.eye(points.shape[-1], dtype=points.dtype):
        slopes.append(sum(w * field(points + k * step * axis)[:, 0] for k, w in WEIGHTS) / step)
        bends.append(sum(w * field(points + k * step * axis)[:, 0] for k, w in SECOND) / step**2)
    return torch.stack(slopes, dim=-1), torch.stack(bends).sum(dim=0)


def worst(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest error over the largest magnitude."""
    return float((found - expected).abs().max() / expected.abs().max())


def measure(field: Field, step: float, margin: float) -> dict[str, float]:
    """Relative errors of gradient and Laplacian inside the box; points keep away from grid lines by the step."""
    field = field.double()
    rng = torch.Generator().manual_seed(0)
    points = margin + (SIDE - 2 * margin) * torch.rand(N_POINTS, 2, generator=rng, dtype=torch.float64)
    with torch.no_grad():
        slope, bend = differences(field, points, step)
        gradient = worst(ug.gradient(field, points)[:, 0], slope)
        laplacian = worst(ug.laplacian(field, points)[:, 0], bend)
    return {"gradient": gradient, "laplacian": laplacian}


def main() -> None:
    """Fit, differentiate, print."""
    signal = zone_plate(SIDE, cycles=0.1)
    problem = ug.tasks.represent(signal, heldout=0.0)
    siren = ug.fit(ug.presets.siren(signal.box, 1, width=64), problem, steps=400, callbacks=())
    encoding = DenseGrid(2, ((8, 8), (16, 16)), 4, interpolation="cubic")
    grid = EncodedField(signal.box, encoding, Mlp(encoding.out_dim, 1, 32, depth=1, activation="tanh"))
    grid.recipe = Recipe(learning_rate=1e-2, steps=400)
    grid = ug.fit(grid, ug.tasks.represent(signal, heldout=0.0), callbacks=())
    report = {
        "siren": {"psnr": siren.metrics["quality"]["psnr"]} | measure(siren, 1e-2, 1.0),
        # the spline's third derivative jumps at grid lines: a small step keeps most stencils inside one cell
        "cubic_grid": {"psnr": grid.metrics["quality"]["psnr"]} | measure(grid, 2e-3, 1.0),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
