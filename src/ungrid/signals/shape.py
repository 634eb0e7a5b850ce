"""The shape: a surface of triangles in the frame of its file, and what its file knew."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.errors import InputError, ShapeError


@dataclass(frozen=True, eq=False)
class Shape:
    """A surface of triangles.

    Args:
        vertices: [v, 3] in float64, x, y, z in the unit of the file.
        faces: [f, 3] in int64, indices of vertices, counterclockwise as seen from outside.
        source: plain values (JSON) that the file knew: format, unit, SHA-256, and what was left out while it was read.

    Raises:
        ShapeError: arrays of another shape or type.
        InputError: no face, an index that is no vertex, a coordinate that is not finite.
    """

    kind: ClassVar[str] = "sdf"
    channels: ClassVar[tuple[str, ...]] = ("distance",)

    vertices: Float[Tensor, "v 3"]
    faces: Int[Tensor, "f 3"]
    source: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        vertices, faces = self.vertices, self.faces
        if vertices.dim() != 2 or vertices.shape[1] != 3 or vertices.dtype != torch.float64:
            raise ShapeError(f"vertices have {vertices.dtype} of shape {tuple(vertices.shape)}; expected float64 [v, 3]")
        if faces.dim() != 2 or faces.shape[1] != 3 or faces.dtype != torch.int64:
            raise ShapeError(f"faces have {faces.dtype} of shape {tuple(faces.shape)}; expected int64 [f, 3]")
        if not len(faces):
            raise InputError(f"a surface of {len(vertices)} vertices and no face; expected triangles")
        if int(faces.min()) < 0 or int(faces.max()) >= len(vertices):
            raise InputError(f"a face names vertex {int(faces.max())}, of {len(vertices)}; expected indices from 0")
        wrong = int((~vertices.isfinite().all(dim=1)).sum())
        if wrong:
            raise InputError(f"{wrong} of {len(vertices)} vertices are NaN or infinite; expected finite coordinates")

    @property
    def n_values(self) -> int:
        """Coordinates of all vertices."""
        return self.vertices.numel()

    @property
    def unit(self) -> str:
        """Of the coordinates; "" where the file does not say."""
        return str(self.source.get("unit", ""))

    @property
    def bounds(self) -> Float[Tensor, "2 3"]:
        """Lowest and highest coordinates of the triangles."""
        used = self.vertices[self.faces.flatten()]
        return torch.stack([used.amin(dim=0), used.amax(dim=0)])

    @property
    def diagonal(self) -> float:
        """Of the bounds, in the unit of the file."""
        low, high = self.bounds
        return float((high - low).norm())

    @property
    def volume(self) -> float:
        """Enclosed by the triangles, in cubic units; negative where they are turned inside out."""
        a, b, c = (self.vertices - self.bounds.mean(dim=0))[self.faces].unbind(dim=1)
        return float((a * torch.linalg.cross(b, c)).sum() / 6)

    def describe(self) -> str:
        """One line for a person."""
        sizes = " × ".join(f"{size:.4g}" for size in (self.bounds[1] - self.bounds[0]).tolist())
        origin = f", {self.source['format']}" if "format" in self.source else ""
        unit = f" {self.unit}" if self.unit else ""
        return f"surface of {len(self.vertices):,} vertices and {len(self.faces):,} triangles, {sizes}{unit}{origin}"
