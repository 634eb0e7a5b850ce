"""Represent a surface: the field's value is the signed distance, measured at points near the surface and in the whole box."""

import math
from typing import Any

import torch
from torch import Tensor

from ungrid.differentiate import gradient
from ungrid.domain.box import Box
from ungrid.fields.base import Field
from ungrid.fit.orders import Shuffled
from ungrid.fit.problem import Problem
from ungrid.fit.samplers import IndexSampler, PointObservations
from ungrid.measurements.values import PointValues
from ungrid.signals.surface import Surface
from ungrid.terms.misfit import Misfit

NEAR = 0.01  # of the diagonal: standard deviation of points near the surface from it
AROUND = 0.05  # of each side: how far beyond the bounds points of the whole lie
SHARES = (0.4, 0.4, 0.2)  # of points on the surface, near it, and in the whole box
JUDGED = 50_000  # points of each measure
WATCHED = 4_096
JUDGE_SEED = 1


def represent_surface(surface: Surface, box: Box, *, n_points: int, seed: int = 0) -> Problem:
    """The problem of fitting a field to signed distances.

    Args:
        surface: what to represent.
        box: of the field.
        n_points: at which distances are measured: two fifths on the surface, two fifths near it (normal offsets of 1 % of the
            diagonal), a fifth anywhere in the box.
        seed: of the points.
    """
    rng = torch.Generator().manual_seed(seed)
    on, near, anywhere = (int(n_points * share) for share in SHARES)
    points = torch.cat([surface.sample(on, rng)[0], near_points(surface, near, rng), box_points(box, anywhere, rng)])
    distances = surface.distance(points)
    distances[:on] = 0.0
    sampler = IndexSampler(PointObservations(points.float(), distances.float()[:, None]), Shuffled())
    return Problem((Misfit(PointValues(), sampler),), SurfaceJudge(surface))


def near_points(surface: Surface, n: int, rng: torch.Generator) -> Tensor:
    """Points [n, 3] off the surface by normal offsets of 1 % of the diagonal in each direction of space."""
    on, _ = surface.sample(n, rng)
    return on + NEAR * surface.shape.diagonal * torch.randn(n, 3, generator=rng, dtype=torch.float64)


def box_points(box: Box, n: int, rng: torch.Generator) -> Tensor:
    """Points [n, 3] spread evenly over a box."""
    low, high = torch.tensor(box.bounds, dtype=torch.float64).T
    points: Tensor = low + (high - low) * torch.rand(n, 3, generator=rng, dtype=torch.float64)
    return points


class SurfaceJudge:
    """Measures a field of signed distance against the surface, at points that no fit has seen.

    Args:
        surface: the truth.
    """

    def __init__(self, surface: Surface):
        self.surface = surface
        rng = torch.Generator().manual_seed(JUDGE_SEED)
        self._watched = near_points(surface, WATCHED, rng)
        self._distances = surface.distance(self._watched)

    def monitor(self, field: Field) -> float:
        """PSNR [dB] at 4,096 fixed points near the surface."""
        return self._psnr(field, self._watched, self._distances)

    def quality(self, field: Field) -> dict[str, Any]:
        """What is measured of a surface:

        psnr: of distances near the surface, in dB of the bounds' diagonal.
        iou: shared volume over joint volume, at points spread over the bounds and 5 % around them.
        iou_near: the same at points near the surface.
        distance_error: mean distance that the field gives at points of the surface, in the unit of the shape.
        normal_error_degrees: mean angle between the field's gradient there and the normal of the triangle.
        """
        surface, rng = self.surface, torch.Generator().manual_seed(JUDGE_SEED + 1)
        near = near_points(surface, JUDGED, rng)
        on, normals = surface.sample(JUDGED, rng)
        low, high = surface.shape.bounds
        reach = AROUND * (high - low)
        anywhere = low - reach + (high - low + 2 * reach) * torch.rand(JUDGED, 3, generator=rng, dtype=torch.float64)
        distances = surface.distance(near)
        psnr = self._psnr(field, near, distances)
        return {
            "psnr": None if psnr == math.inf else psnr,
            "iou": _iou(values_at(field, anywhere) < 0, surface.is_inside(anywhere)),
            "iou_near": _iou(values_at(field, near) < 0, distances < 0),
            "distance_error": float(values_at(field, on).abs().mean()),
            "normal_error_degrees": float(torch.rad2deg(_angles(field, on, normals)).mean()),
        }

    def heldout(self, field: Field) -> dict[str, Any] | None:
        """PSNR of distances near the surface: all points of the judge are held out."""
        return {"psnr": self.monitor(field), "n_samples": WATCHED}

    def give_back(self) -> None:
        """Nothing: the judge's points are no observations."""

    def _psnr(self, field: Field, points: Tensor, distances: Tensor) -> float:
        error = float((values_at(field, points) - distances).square().mean())
        return 20 * math.log10(self.surface.shape.diagonal / math.sqrt(error)) if error > 0 else math.inf


@torch.no_grad()
def values_at(field: Field, points: Tensor) -> Tensor:
    """The field's first channel [n] at points [n, 3], in float64, in chunks."""
    device = next(field.parameters()).device
    parts = [field(part.to(device, field.coords_dtype))[:, 0].double().cpu() for part in points.split(field.chunk_points())]
    return torch.cat(parts)


def _angles(field: Field, points: Tensor, normals: Tensor) -> Tensor:
    """Between the field's gradient and normals [n], in radians."""
    device, size = next(field.parameters()).device, max(1, field.chunk_points() // 8)
    slopes = [gradient(field, part.to(device, field.coords_dtype))[:, 0].detach().double().cpu() for part in points.split(size)]
    along = torch.nn.functional.normalize(torch.cat(slopes), dim=1)
    return (along * normals).sum(dim=1).clamp(-1, 1).arccos()


def _iou(found: Tensor, truth: Tensor) -> float:
    """Intersection over union of two sets of points; 1 where both are empty."""
    union = int((found | truth).sum())
    return int((found & truth).sum()) / union if union else 1.0
