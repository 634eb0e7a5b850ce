"""Surfaces from files: PLY, OBJ, STL, OFF and GLB, through trimesh, with what they say checked before it is believed."""

import hashlib
import io
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ungrid.errors import InputError, MissingExtra, UnreadableInput
from ungrid.signals.first_bytes import first_bytes
from ungrid.signals.shape import Shape

FORMATS = {".ply": "ply", ".obj": "obj", ".stl": "stl", ".off": "off", ".glb": "glb"}
SURFACES = "a surface (PLY, OBJ, STL, OFF, GLB)"
MOST_BYTES = 2**31  # of a file: it is read whole
STL_HEADER, STL_FACE = 84, 50
OBJ_LINE = re.compile(rb"^(v|vn|vt|f|o|g|usemtl|mtllib)\s", re.MULTILINE)
FLAT = 1e-15  # area of a triangle over its longest side squared, below which only rounding is left
UNITS = {"glb": "m"}  # of formats that have one of their own


def recognizes(path: Path, start: bytes) -> bool:
    """Whether a file is a surface, by its first bytes; STL and OBJ, which have none of their own, by their ending, too."""
    return bool(start) and _format(path, start) is not None


def read_shape(path: Path) -> Shape:
    """The triangles of a file, in its own frame; polygons are cut into triangles, and equal vertices are one.

    Raises:
        MissingFile, InputError: no file, or none that can be read; no triangle.
        UnreadableInput: of no known format, cut off, damaged.
        MissingExtra: trimesh is not installed.
    """
    start = first_bytes(path)
    form = _format(path, start)
    if form is None:
        raise UnreadableInput(f"{path.name} is no surface of a known format; expected {' '.join(FORMATS)}")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError(f"{path.name} has {size:,} bytes; surfaces are read whole, up to {MOST_BYTES:,}")
    data = path.read_bytes()
    _check_counts(path.name, form, data)
    vertices, faces = _triangles(path.name, form, data)
    source: dict[str, Any] = {"format": form.upper(), "sha256": hashlib.sha256(data).hexdigest()}
    if form in UNITS:
        source["unit"] = UNITS[form]
    try:
        return cleaned(Shape(vertices, faces, source))
    except InputError as error:
        raise UnreadableInput(f"{path.name} holds {error}") from None


def cleaned(shape: Shape) -> Shape:
    """Equal vertices as one, without triangles that have no area and vertices that none uses, turned outward.

    What was done is said in `source["changes"]`.

    Raises:
        InputError: no triangle is left.
    """
    changes: list[str] = []
    points, index = torch.unique(shape.vertices, dim=0, return_inverse=True)
    faces = index[shape.faces]
    a, b, c = points[faces].unbind(dim=1)
    longest = torch.stack([b - a, c - b, a - c]).norm(dim=2).amax(dim=0)
    flat = torch.linalg.cross(b - a, c - a).norm(dim=1) <= FLAT * longest.square()
    if bool(flat.any()):
        faces = faces[~flat]
        changes.append(f"{int(flat.sum())} triangles without area left out")
    if not len(faces):
        raise InputError("no triangle with an area; expected a surface")
    used, faces = torch.unique(faces, return_inverse=True)
    result = Shape(points[used], faces.reshape(-1, 3), shape.source)
    if result.volume < 0:
        result = Shape(result.vertices, result.faces.flip(1), shape.source)
        changes.append("turned inside out: its triangles faced inward")
    return Shape(result.vertices, result.faces, {**shape.source, "changes": changes} if changes else shape.source)


def _format(path: Path, start: bytes) -> str | None:
    if start.startswith(b"ply"):
        return "ply"
    if start.startswith(b"glTF"):
        return "glb"
    if re.match(rb"\s*(?:#[^\n]*\n\s*)*(?:ST)?C?N?OFF\b", start):
        return "off"
    ending = path.suffix.lower()
    if ending == ".stl" and (start.lstrip().startswith(b"solid") or len(start) >= STL_HEADER):
        return "stl"
    return "obj" if ending == ".obj" and OBJ_LINE.search(start) else None


def _check_counts(name: str, form: str, data: bytes) -> None:
    """Raise UnreadableInput where the header promises more than the file holds: nothing is allocated by its word."""
    promised = []
    if form == "ply":
        header = data[: data.find(b"end_header")]
        promised = [int(count) for count in re.findall(rb"element\s+\w+\s+(\d{1,18})", header)]
    elif form == "off":
        counts = re.match(rb"\s*(?:#[^\n]*\n\s*)*\w*OFF\s+(?:#[^\n]*\n\s*)*(\d{1,18})\s+(\d{1,18})", data)
        promised = [int(count) for count in counts.groups()] if counts else []
    elif form == "stl" and not data.lstrip().startswith(b"solid"):
        (faces,) = struct.unpack_from("<I", data, STL_HEADER - 4) if len(data) >= STL_HEADER else (0,)
        promised = [faces * STL_FACE]
    if sum(promised) > len(data):
        raise UnreadableInput(
            f"{name} announces {max(promised):,} entries in {len(data):,} bytes; it is cut off or damaged: export it again"
        )


def _triangles(name: str, form: str, data: bytes) -> tuple[torch.Tensor, torch.Tensor]:
    """Vertices and triangles of all meshes of a file together, each where the file places it; no other file is opened."""
    try:
        import trimesh
    except ImportError:
        raise MissingExtra("trimesh", "shapes", "reading a mesh") from None
    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=form, process=False, skip_materials=True)
        mesh = scene.to_mesh() if scene.geometry else None
    except Exception as error:  # of many kinds, in a reader of many formats
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnreadableInput(f"{name} cannot be read as {form.upper()}: {reason}; export it again") from None
    if mesh is None or not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise UnreadableInput(f"{name} holds points and no triangles; expected a surface")
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    return torch.from_numpy(vertices.copy()), torch.from_numpy(np.asarray(mesh.faces, dtype=np.int64).copy())
