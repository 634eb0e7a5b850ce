"""Exact distances to a surface of triangles, and which points it encloses, through libigl."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ungrid.errors import MissingExtra
from ungrid.signals.shape import Shape
from ungrid.signals.topology import Topology, topology


class Surface:
    """A shape that can be asked for distances, sides, points and normals.

    The side of a point is that of the closest triangle, edge or vertex where the surface is watertight, by angle-weighted
    normals. Where it is not, a point is inside if the winding number there is more than a half, which is right for holes,
    intersections and soups as far as there is an inside. (baerentzen2005signed, barill2018fast)

    Args:
        shape: of triangles that are turned outward, as `oriented` gives.

    Raises:
        MissingExtra: libigl is not installed.
    """

    def __init__(self, shape: Shape):
        self.shape, self.igl = shape, _libigl()
        self.topology: Topology = topology(shape.faces)
        self.vertices, self.faces = shape.vertices.numpy(), shape.faces.numpy()
        a, b, c = shape.vertices[shape.faces].unbind(dim=1)
        crossed = torch.linalg.cross(b - a, c - a)
        self.areas: Tensor = crossed.norm(dim=1) / 2
        self.normals: Tensor = crossed / crossed.norm(dim=1, keepdim=True)

    @property
    def sign(self) -> str:
        """How sides are told: "normals" or "winding number"."""
        return "normals" if self.topology.watertight and self.topology.manifold else "winding number"

    def distance(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
        """Signed distance to the surface, negative inside, in float64 and the shape's unit."""
        if not len(points):
            return torch.zeros(0, dtype=torch.float64)
        kinds = self.igl.SignedDistanceType
        kind = (
            kinds.SIGNED_DISTANCE_TYPE_PSEUDONORMAL if self.sign == "normals" else kinds.SIGNED_DISTANCE_TYPE_FAST_WINDING_NUMBER
        )
        at = np.ascontiguousarray(points.numpy(), dtype=np.float64)
        return torch.from_numpy(np.array(self.igl.signed_distance(at, self.vertices, self.faces, kind)[0]))

    def closest(self, points: Float[Tensor, "n 3"]) -> tuple[Float[Tensor, "n"], Int[Tensor, "n"]]:
        """Distance to the surface, without a side, and the closest triangle."""
        at = np.ascontiguousarray(points.numpy(), dtype=np.float64)
        squared, face, _ = self.igl.point_mesh_squared_distance(at, self.vertices, self.faces)
        return torch.from_numpy(np.sqrt(squared)), torch.from_numpy(np.array(face, dtype=np.int64)).flatten()

    def is_inside(self, points: Float[Tensor, "n 3"]) -> Bool[Tensor, "n"]:
        """Whether the winding number at each point is more than a half."""
        if not len(points):
            return torch.zeros(0, dtype=torch.bool)
        at = np.ascontiguousarray(points.numpy(), dtype=np.float64)
        return torch.from_numpy(np.array(self.igl.fast_winding_number(self.vertices, self.faces, at) > 0.5))

    def sample(self, n: int, rng: torch.Generator) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
        """Points spread evenly over the surface, and the normals of their triangles."""
        ends = self.areas.cumsum(dim=0)
        drawn = torch.rand(n, generator=rng, dtype=torch.float64) * ends[-1]
        face = torch.searchsorted(ends, drawn).clamp_max(len(ends) - 1)
        root, along = torch.rand(n, generator=rng, dtype=torch.float64).sqrt(), torch.rand(n, generator=rng, dtype=torch.float64)
        weights = torch.stack([1 - root, root * (1 - along), root * along], dim=1)
        corners = self.shape.vertices[self.shape.faces[face]]
        return torch.einsum("nk,nkd->nd", weights, corners), self.normals[face]


def _libigl() -> Any:
    try:
        import igl
    except ImportError:
        raise MissingExtra("libigl", "shapes", "measuring distances to a mesh") from None
    return igl
