"""Small surfaces and fields of known distance, for tests."""

import itertools
import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ungrid.domain.box import Box
from ungrid.fields.base import Field
from ungrid.fields.record import Record
from ungrid.signals.shape import Shape


def torus(n: int = 48, *, radius: float = 1.0, tube: float = 0.4) -> Shape:
    """A ring around the z axis, of n × n/2 quadrilaterals in two triangles each: Euler number 0."""
    m = n // 2
    u, v = torch.meshgrid(torch.arange(n) * (2 * math.pi / n), torch.arange(m) * (2 * math.pi / m), indexing="ij")
    ring = radius + tube * v.double().cos()
    points = torch.stack([ring * u.double().cos(), ring * u.double().sin(), tube * v.double().sin()], dim=-1)
    i, j = torch.meshgrid(torch.arange(n), torch.arange(m), indexing="ij")
    a, b, c, d = (((i + di) % n) * m + (j + dj) % m for di, dj in ((0, 0), (1, 0), (1, 1), (0, 1)))
    faces = torch.stack([torch.stack([a, b, c], -1), torch.stack([a, c, d], -1)], dim=2).reshape(-1, 3)
    return Shape(points.reshape(-1, 3), faces)


def sphere(n: int = 24, *, radius: float = 1.0, center: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Shape:
    """A cube of 6 · n² · 2 triangles blown up to a sphere: Euler number 2."""
    steps = torch.linspace(-1, 1, n + 1, dtype=torch.float64) * (math.pi / 4)
    u, v = torch.meshgrid(steps.tan(), steps.tan(), indexing="ij")
    points: list[Tensor] = []
    faces: list[Tensor] = []
    i, j = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
    quad = [((i + di) * (n + 1) + j + dj).flatten() for di, dj in ((0, 0), (1, 0), (1, 1), (0, 1))]
    for axis, side in itertools.product(range(3), (-1.0, 1.0)):
        face = torch.empty(n + 1, n + 1, 3, dtype=torch.float64)
        face[..., axis], face[..., (axis + 1) % 3], face[..., (axis + 2) % 3] = side, u, v
        a, b, c, d = quad if side > 0 else quad[::-1]
        start = len(points) * (n + 1) ** 2
        faces.append(torch.cat([torch.stack([a, b, c], -1), torch.stack([a, c, d], -1)]) + start)
        points.append(face.reshape(-1, 3))
    vertices = nn.functional.normalize(torch.cat(points).round(decimals=12), dim=1)
    unique, index = torch.unique(vertices.round(decimals=9), dim=0, return_inverse=True)
    return Shape(unique * radius + torch.tensor(center, dtype=torch.float64), index[torch.cat(faces)])


class KnownDistance(Field):
    """A field of one channel that is a function of the coordinates, as a field of kind "sdf".

    Args:
        distance: points [*, 3] → [*].
        half: of each side of the box around the origin.
    """

    def __init__(self, distance: Callable[[Tensor], Tensor], half: float = 1.5, *, kind: str = "sdf"):
        super().__init__()
        self.box, self.out_dim, self.distance = Box(("x", "y", "z"), ((-half, half),) * 3), 1, distance
        self.register_parameter("unused", nn.Parameter(torch.zeros(1)))
        self.record = Record(kind, (8, 8, 8), ("distance",))

    def values_at(
        self, coords: Float[Tensor, "*batch d"], inputs: Mapping[str, Tensor] | None = None
    ) -> Float[Tensor, "*batch c"]:
        """Of normalized coords."""
        half = self.box.bounds[0][1]
        return self.distance(coords * half)[..., None]
