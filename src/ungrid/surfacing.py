"""The public functions for surfaces: what is known of one, and the triangles of a field."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ungrid.errors import InputError
from ungrid.fields.base import Field
from ungrid.render.contour import Contour, contour
from ungrid.signals.first_bytes import first_bytes
from ungrid.signals.shape import Shape
from ungrid.signals.shape_read import cleaned, read_shape, recognizes
from ungrid.signals.shape_write import check_mesh_path, write_mesh
from ungrid.signals.surface import Surface
from ungrid.signals.topology import topology

SDF = "sdf"


def is_shape(source: Any, kind: str | None = None) -> bool:
    """Whether something is a surface: a `Shape`, a pair (vertices, faces), a mesh with both, or a file of one."""
    if isinstance(source, Shape) or kind == SDF:
        return True
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return kind is None and path.is_file() and recognizes(path, first_bytes(path))
    return _arrays(source) is not None


def as_shape(source: Any) -> Shape:
    """A surface from a `Shape`, a path, a pair (vertices [v, 3], faces [f, 3]), or a mesh of another library that has both.

    Raises:
        InputError: something else, or arrays of other shapes.
        MissingFile, UnreadableInput, MissingExtra: as `read_shape`.
    """
    if isinstance(source, Shape):
        return source
    if isinstance(source, str | os.PathLike):
        return read_shape(Path(source))
    arrays = _arrays(source)
    if arrays is None:
        raise InputError(f"a {type(source).__name__} cannot be taken as a surface; expected a path, or vertices and faces")
    vertices, faces = (torch.as_tensor(np.asarray(each)) for each in arrays)
    if faces.is_floating_point():
        raise InputError(f"faces have {faces.dtype}; expected indices of vertices, which are integers")
    return cleaned(Shape(vertices.double(), faces.long()))


def mesh(
    field: Field,
    path: str | os.PathLike[str] | None = None,
    *,
    resolution: int | None = None,
    level: float = 0.0,
    max_memory: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Contour:
    """The surface on which a field on three axes has the value `level`, as triangles in the frame of its source.

    Args:
        field: of signed distance, or any other field on three axes.
        path: of a file to write: .ply, .obj, .stl, .off, .glb; None for none.
        resolution: cells along the longest side of the box; None for as many as the field has nodes, at least 256.
        level: the value; for distances, how far outside the surface lies.
        max_memory: bytes that evaluating may take.
        progress: called with the fraction done.

    Raises:
        InputError: no such surface, another ending, a field on other axes.

    Example:
        >>> import torch, ungrid as ug
        >>> corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
        >>> field = ug.fit((corners, [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]), preset="fast")
        >>> ug.mesh(field, resolution=32).faces.shape[1]
        3
    """
    if path is not None:
        check_mesh_path(Path(path))
    found = contour(field, level=level, resolution=resolution, max_memory=max_memory, progress=progress)
    if path is not None:
        write_mesh(Path(path), found.vertices, found.faces)
    return found


def mesh_report(found: Contour, seconds: float) -> dict[str, Any]:
    """What is known of a field's triangles, in plain values."""
    return {**asdict(topology(found.faces)), "leaves_box": found.leaves_box, "evaluations": found.evaluations, "seconds": seconds}


def inspect(source: Any) -> dict[str, Any]:
    """What is known of a surface before it is fitted: whether it is closed, its pieces, handles, size, and what is wrong with it.

    Args:
        source: as of `as_shape`.

    Returns:
        `Topology`'s entries; bounds, diagonal, area and volume in the unit of the file; how a fit would tell its sides; what
        was changed while it was read; and findings, each with its remedy, in words.
    """
    start = time.monotonic()
    shape = as_shape(source)
    surface = Surface(shape)
    found = surface.topology
    return {
        **asdict(found),
        "unit": shape.unit,
        "bounds": shape.bounds.T.tolist(),
        "diagonal": shape.diagonal,
        "area": float(surface.areas.sum()),
        "volume": shape.volume if found.watertight else None,
        "sides_by": surface.sign,
        "changes": shape.source.get("changes", []),
        "findings": _findings(surface),
        "seconds": time.monotonic() - start,
    }


def _findings(surface: Surface) -> list[str]:
    found = surface.topology
    findings = []
    if found.n_open_edges:
        findings.append(
            f"{found.n_open_edges} edges have one triangle: there are holes; a fit closes them where the winding number says so"
        )
    if found.n_crowded_edges:
        findings.append(
            f"{found.n_crowded_edges} edges have more than two triangles: sheets meet there, and the result will not have "
            f"the source's topology"
        )
    elif not found.manifold:
        findings.append("pieces touch in single vertices: the result will not have the source's topology")
    if found.n_flipped_edges:
        findings.append(f"{found.n_flipped_edges} edges join triangles that are turned differently: sides may be wrong there")
    if found.n_components > 1:
        findings.append(f"{found.n_components} pieces")
    return findings


def _arrays(source: Any) -> tuple[Any, Any] | None:
    """Vertices and faces of a pair, or of a mesh object that has both."""
    if isinstance(source, Sequence) and not isinstance(source, str) and len(source) == 2:
        pair = tuple(getattr(each, "shape", np.shape(each)) for each in source)
        return (source[0], source[1]) if all(len(shape) == 2 and shape[1] == 3 for shape in pair) else None
    if hasattr(source, "vertices") and hasattr(source, "faces"):
        return source.vertices, source.faces
    return None
