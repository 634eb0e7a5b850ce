"""Pictures of surfaces: rays marched through a field of distance, shaded by its gradient."""

import math
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ungrid.differentiate import gradient
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.render.volume_picture import save_picture

LEAST_SIDE = 640  # pixels
MOST_SIDE = 8_192
OVERSAMPLED = 2  # rays for a pixel along each side
AZIMUTH, ELEVATION = math.radians(35.0), math.radians(20.0)  # of the eye, from the front to the right, and upward
UPWARD = {"STL": 2}  # axis that points up, by the source's format; y for all others, as graphics has it
STEP = 0.9  # of the distance, that a ray is marched at once: a spline's slope may be a little more than 1
MOST_STEPS = 128
ROUGHNESS = 2e-4  # of the box's diagonal, that counts as having arrived
LIGHTS = (
    ((0.5, 0.8, 0.6), 0.75),
    ((-0.8, 0.2, 0.3), 0.22),
    ((0.1, -0.6, -0.7), 0.12),
)  # (direction by right, up, to the eye; power)
AMBIENT = 0.12
COLOR = (0.62, 0.55, 0.47)  # share of light that is given back
OCCLUSION = ((0.01, 0.5), (0.025, 0.3), (0.05, 0.2))  # (distance from the surface in diagonals, weight)


class Eye(NamedTuple):
    """Parallel rays: unit vectors to the right, upward and to the eye, in the box's frame."""

    right: Float[Tensor, "3"]
    up: Float[Tensor, "3"]
    toward: Float[Tensor, "3"]


def draw_shape(field: Field, path: Path, grid: Grid, *, max_memory: int | None = None) -> None:
    """The surface on which a field of distance is zero, from the front and from behind, a little from the right and above.

    Rays are parallel, so lengths in the picture are in proportion. They are marched by nine tenths of the distance at a time
    (hart1996sphere), and what they hit is shaded by the gradient, darker where the surface is close around it.

    Args:
        field: of signed distance.
        path: of the picture.
        grid: says the part, and by its longest axis the side of each view in pixels, at least 640: from `drawing_grid`.
        max_memory: bytes that evaluating may take.

    Raises:
        InputError: a side of more than 8,192 pixels.
        MachineError: not writable, disk full.
    """
    side = max(LEAST_SIDE, *grid.shape)
    if side > MOST_SIDE:
        raise InputError(f"a picture of {side} pixels a side is larger than {MOST_SIDE}; take a smaller --size or --scale")
    size = field.chunk_points(max_memory) // 2
    up = UPWARD.get(str(field.record.source.get("format")) if field.record else "", 1)
    screen = _screen(side * OVERSAMPLED)
    views = []
    for azimuth in (AZIMUTH, AZIMUTH + math.pi):
        shade = _Shader(field, grid, eye_at(up, azimuth), size)
        rays = torch.cat([shade.row(rows) for rows in screen.split(max(1, size // len(screen)))])
        views.append(rays.reshape(side, OVERSAMPLED, side, OVERSAMPLED, 3).mean(dim=(1, 3)))
    save_picture(torch.cat(views, dim=1), path)


def eye_at(up_axis: int, azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> Eye:
    """An eye that looks at the middle, from the front (z where y is up, −y where z is up) turned by two angles in radians."""
    up = torch.zeros(3)
    up[up_axis] = 1.0
    front = torch.tensor([0.0, 0.0, 1.0]) if up_axis == 1 else torch.tensor([0.0, -1.0, 0.0])
    side = torch.linalg.cross(up, front)
    level = math.cos(azimuth) * front + math.sin(azimuth) * side
    toward = math.cos(elevation) * level + math.sin(elevation) * up
    right = torch.nn.functional.normalize(torch.linalg.cross(up, toward), dim=0)
    return Eye(right, torch.linalg.cross(toward, right), toward)


def _screen(n: int) -> Float[Tensor, "n n 2"]:
    """Places of rays on a square from −1 to 1: (to the right, upward), the upper row first."""
    along = (torch.arange(n) * 2 + 1) / n - 1
    up, right = torch.meshgrid(-along, along, indexing="ij")
    return torch.stack([right, up], dim=-1)


class _Shader:
    """What a ray sees.

    Args:
        field: of distance.
        grid: whose box is looked at.
        eye: from where.
        size: points at once.
    """

    def __init__(self, field: Field, grid: Grid, eye: Eye, size: int):
        self.field, self.eye, self.size = field, eye, size
        bounds = torch.tensor(grid.box.bounds, dtype=torch.float32)
        self.low, self.high = bounds.T
        self.middle, self.diagonal = bounds.mean(dim=1), float((self.high - self.low).norm())
        half = (self.high - self.low) / 2
        self.reach = max(float((half * axis.abs()).sum()) for axis in (eye.right, eye.up))  # of the box on the screen

    def row(self, places: Tensor) -> Tensor:
        """Colors [*, 3] at places [*, 2] of the screen; white where nothing is."""
        flat = places.reshape(-1, 2) * self.reach
        start = self.middle + flat[:, :1] * self.eye.right + flat[:, 1:] * self.eye.up
        colors = torch.ones(len(flat), 3)
        for part in torch.arange(len(flat)).split(self.size):
            hit, points = self._march(start[part])
            colors[part[hit]] = self._shade(points)
        return colors.reshape(*places.shape[:-1], 3)

    @torch.no_grad()
    def _march(self, start: Tensor) -> tuple[Tensor, Tensor]:
        """Of rays that start in the plane through the middle: which arrive, and where."""
        enter, leave = self._through(start)
        alive = (enter < leave).nonzero().squeeze(-1)
        along, arrived = enter[alive], torch.zeros(len(start), dtype=torch.bool)
        place = torch.zeros_like(start)
        for _ in range(MOST_STEPS):
            if not len(alive):
                break
            points = start[alive] - along[:, None] * self.eye.toward
            distance = self.field(points.to(self.field.coords_dtype))[:, 0].float()
            near = distance < ROUGHNESS * self.diagonal
            arrived[alive[near]], place[alive[near]] = True, points[near]
            along = along + STEP * distance
            going = ~near & (along < leave[alive])
            alive, along = alive[going], along[going]
        return arrived.nonzero().squeeze(-1), place[arrived]

    def _through(self, start: Tensor) -> tuple[Tensor, Tensor]:
        """Where rays enter and leave the box, as lengths along −toward; entering after leaving for those that miss it."""
        direction = -self.eye.toward
        direction = torch.where(direction.abs() < 1e-9, 1e-9, direction)
        ends = torch.stack([(self.low - start) / direction, (self.high - start) / direction])
        return ends.amin(dim=0).amax(dim=1), ends.amax(dim=0).amin(dim=1)

    def _shade(self, points: Tensor) -> Tensor:
        """Colors of points of the surface [n, 3], sRGB."""
        if not len(points):
            return points
        at = points.to(self.field.coords_dtype)
        normals = torch.nn.functional.normalize(gradient(self.field, at)[:, 0].detach().float(), dim=1)
        frame = torch.stack([self.eye.right, self.eye.up, self.eye.toward])
        light = torch.full((len(points),), AMBIENT)
        for direction, power in LIGHTS:
            toward = torch.nn.functional.normalize(torch.tensor(direction), dim=0) @ frame
            light += power * (normals @ toward).clamp_min(0)
        open_ = torch.zeros(len(points))
        with torch.no_grad():
            for reach, weight in OCCLUSION:
                distance = reach * self.diagonal
                found = self.field(at + distance * normals.to(at))[:, 0].float()
                open_ += weight * (found / distance).clamp(0, 1)
        linear = torch.tensor(COLOR) * (light * (0.35 + 0.65 * open_))[:, None]
        return linear.clamp(0, 1) ** (1 / 2.2)
