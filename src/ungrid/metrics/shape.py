"""How near two surfaces are to each other."""

from typing import Any

import torch
from torch import Tensor

from ungrid.signals.surface import Surface

THRESHOLDS = {"0.5%": 0.005, "1%": 0.01}  # of the reference's diagonal
AROUND = 0.05  # of each side: how far around the bounds points of the volumes lie


def surface_metrics(found: Surface, reference: Surface, *, n: int = 100_000, seed: int = 0) -> dict[str, Any]:
    """Measures of a surface against a reference, at random points.

    chamfer: mean distance from points of each surface to the other, averaged over both, in the unit of the shapes.
    chamfer_relative: the same as a fraction of the reference's diagonal.
    hausdorff: largest of those distances.
    fscore: harmonic mean of the shares of points that lie nearer to the other surface than 0.5 % and 1 % of the diagonal.
    iou: shared volume over joint volume, by winding numbers.
    normal_consistency: mean |cosine| between the normal at a point and that of the closest triangle of the other surface.

    Args:
        found: what is judged.
        reference: what it is judged against.
        n: points of each surface, and of the space around.
        seed: of the points.
    """
    rng = torch.Generator().manual_seed(seed)
    (out, out_cosine), (back, back_cosine) = (_seen(a, b, n, rng) for a, b in ((found, reference), (reference, found)))
    diagonal = reference.shape.diagonal
    chamfer = float(out.mean() + back.mean()) / 2
    return {
        "chamfer": chamfer,
        "chamfer_relative": chamfer / diagonal,
        "hausdorff": float(torch.maximum(out.max(), back.max())),
        "fscore": {name: _fscore(out, back, share * diagonal) for name, share in THRESHOLDS.items()},
        "iou": _iou(found, reference, n, rng),
        "normal_consistency": float(out_cosine + back_cosine) / 2,
        "n_points": n,
    }


def _seen(one: Surface, other: Surface, n: int, rng: torch.Generator) -> tuple[Tensor, float]:
    """Distances of points of one surface to the other, and the mean |cosine| of the normals."""
    points, normals = one.sample(n, rng)
    distances, face = other.closest(points)
    return distances, float((normals * other.normals[face]).sum(dim=1).abs().mean())


def _fscore(out: Tensor, back: Tensor, reach: float) -> float:
    precision, recall = (float((distances < reach).double().mean()) for distances in (out, back))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _iou(found: Surface, reference: Surface, n: int, rng: torch.Generator) -> float:
    """At points of the bounds of both, and a little around them; 1 where neither encloses one."""
    bounds = torch.stack([found.shape.bounds, reference.shape.bounds])
    low, high = bounds[:, 0].amin(dim=0), bounds[:, 1].amax(dim=0)
    margin = AROUND * (high - low)
    points = low - margin + (high - low + 2 * margin) * torch.rand(n, 3, generator=rng, dtype=torch.float64)
    one, other = found.is_inside(points), reference.is_inside(points)
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
