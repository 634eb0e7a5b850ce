"""Triangles to files: PLY, OBJ, OFF and STL by their specifications, GLB through trimesh."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from ungrid.errors import InputError, MissingExtra, nearest
from ungrid.files import write_beside

STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
PLY_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def write_mesh(path: Path, vertices: Float[Tensor, "v 3"], faces: Int[Tensor, "f 3"]) -> None:
    """Write triangles to a file of the format that its ending says, beside and renamed.

    PLY keeps coordinates in float64, OBJ and OFF 12 digits of them; STL and GLB have float32 alone.

    Raises:
        InputError: no such format.
        MissingExtra: GLB without trimesh.
        MachineError: not writable, disk full.
    """
    check_mesh_path(path)
    data = WRITERS[path.suffix.lower()](vertices.numpy(), faces.numpy())
    with write_beside(path) as temporary:
        temporary.write_bytes(data)


def check_mesh_path(path: Path) -> None:
    """Raise InputError unless the path ends in a format that can be written."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(
            f"cannot write triangles to {path.name}; expected a name ending in {' '.join(WRITERS)}{nearest(path.suffix, WRITERS)}"
        )


def _ply(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\n"
        "property double x\nproperty double y\nproperty double z\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.empty(len(faces), PLY_FACE)
    rows["count"], rows["corners"] = 3, faces
    return header.encode() + vertices.astype("<f8").tobytes() + rows.tobytes()


def _obj(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    lines = [f"v {x:.12g} {y:.12g} {z:.12g}" for x, y, z in vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (faces + 1).tolist()]
    return ("\n".join(lines) + "\n").encode()


def _off(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    lines = ["OFF", f"{len(vertices)} {len(faces)} 0"]
    lines += [f"{x:.12g} {y:.12g} {z:.12g}" for x, y, z in vertices.tolist()]
    lines += [f"3 {a} {b} {c}" for a, b, c in faces.tolist()]
    return ("\n".join(lines) + "\n").encode()


def _stl(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    corners = vertices[faces]
    crossed = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(crossed, axis=1, keepdims=True)
    rows = np.zeros(len(faces), STL_TRIANGLE)
    rows["normal"], rows["corners"] = crossed / np.where(length > 0, length, 1), corners
    return b"binary STL".ljust(80, b"\0") + np.uint32(len(faces)).tobytes() + rows.tobytes()


def _glb(vertices: np.ndarray, faces: np.ndarray) -> bytes:
    try:
        import trimesh
    except ImportError:
        raise MissingExtra("trimesh", "shapes", "writing GLB") from None
    data = trimesh.Trimesh(vertices, faces, process=False).export(file_type="glb")
    assert isinstance(data, bytes)
    return data


WRITERS: dict[str, Callable[[np.ndarray, np.ndarray], bytes]] = {
    ".ply": _ply,
    ".obj": _obj,
    ".stl": _stl,
    ".off": _off,
    ".glb": _glb,
}
