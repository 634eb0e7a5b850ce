import struct
import sys

import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import MissingExtra, UngridError, UnreadableInput
from ungrid.signals.shape import Shape
from ungrid.signals.shape_read import cleaned, read_shape, recognizes
from ungrid.signals.shape_write import WRITERS, write_mesh
from ungrid.testing.surfaces import sphere, torus

trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")

SQUARE_OBJ = (
    b"# two squares of a box's side\nv 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\nv 1 1 3\nf 4 3 2 1\nf 1 2 5\nf 2 3 5\nf 3 4 5\nf 4 1 5\n"
)


@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_gives_back_the_same_surface_in_the_same_frame(tmp_path, ending):
    shape, path = torus(24), tmp_path / f"a{ending}"
    moved = shape.vertices * 7 + torch.tensor([100.0, -50, 3], dtype=torch.float64)
    write_mesh(path, moved, shape.faces)
    back = read_shape(path)
    assert back.source["format"] == ending[1:].upper()
    tolerance = 1e-5 if ending in (".stl", ".glb") else 1e-9  # float32 there
    corners = [mesh.vertices[mesh.faces].mean(dim=1) for mesh in (Shape(moved, shape.faces), back)]
    ordered = [each[np.lexsort(each.numpy().round(3).T)] for each in corners]
    torch.testing.assert_close(*ordered, atol=tolerance, rtol=0)
    assert back.volume == pytest.approx(Shape(moved, shape.faces).volume, rel=1e-4)


def test_polygons_are_cut_into_triangles_and_materials_are_left_alone(tmp_path):
    (tmp_path / "a.obj").write_bytes(b"mtllib /etc/passwd\nusemtl none\n" + SQUARE_OBJ)
    shape = read_shape(tmp_path / "a.obj")
    assert len(shape.faces) == 6
    assert shape.volume == pytest.approx(4)


def test_equal_vertices_are_one_and_what_is_left_out_is_said():
    ball = sphere(4)
    corners = ball.vertices[ball.faces].reshape(-1, 3)  # as STL has them
    faces = torch.arange(len(corners)).reshape(-1, 3)
    flat = torch.tensor([[0, 0, 1]])
    clean = cleaned(Shape(corners, torch.cat([faces, flat]).flip(1)))
    assert len(clean.vertices) == len(ball.vertices)
    assert clean.volume == pytest.approx(ball.volume)
    assert clean.source["changes"] == ["1 triangles without area left out", "turned inside out: its triangles faced inward"]


def stl(n_faces: int, body: bytes) -> bytes:
    return b"x".ljust(80, b"\0") + struct.pack("<I", n_faces) + body


PLY = (
    b"ply\nformat ascii 1.0\nelement vertex %d\nproperty float x\nproperty float y\nproperty float z\n"
    b"element face %d\nproperty list uchar int vertex_indices\nend_header\n"
)
BAD = {
    "nothing.ply": b"",
    "header.ply": b"ply\nformat ascii 1.0\n",
    "huge.ply": PLY % (10**9, 10**9) + b"0 0 0\n",
    "cut.ply": PLY % (3, 1) + b"0 0 0\n1 0 0\n",
    "points.ply": PLY % (3, 0) + b"0 0 0\n1 0 0\n0 1 0\n",
    "nan.ply": PLY % (3, 1) + b"0 0 0\nnan 0 0\n0 1 0\n3 0 1 2\n",
    "index.ply": PLY % (3, 1) + b"0 0 0\n1 0 0\n0 1 0\n3 0 1 9\n",
    "flat.ply": PLY % (3, 1) + b"0 0 0\n1 0 0\n2 0 0\n3 0 1 2\n",
    "huge.stl": stl(2**31, b"\0" * 50),
    "cut.stl": stl(2, b"\0" * 60),
    "none.stl": stl(0, b""),
    "huge.off": b"OFF\n2000000000 1000000000 0\n0 0 0\n",
    "cut.off": b"OFF\n4 4 0\n0 0 0\n1 0 0\n",
    "word.off": b"OFF\n3 1 0\n0 0 zero\n1 0 0\n0 1 0\n3 0 1 2\n",
    "vertices.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\n",
    "index.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 7\n",
    "word.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 zero\nf 1 2 3\n",
    "cut.glb": b"glTF\x02\0\0\0\xff\xff\0\0",
    "empty.glb": b"glTF\x02\0\0\0\x14\0\0\0\0\0\0\0JSON",
    "other.stl": b"short",
    "text.obj": b"dear reader\n",
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_file_is_told_in_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(BAD[name])
    with pytest.raises(UngridError) as error:
        ug.load(tmp_path / name)
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def test_files_are_known_by_their_content(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
    assert isinstance(ug.load(tmp_path / "a.txt"), ug.Shape)
    assert not recognizes(tmp_path / "a.csv", b"t,v\n0,1\n")
    assert not recognizes(tmp_path / "a.png", b"\x89PNG\r\n\x1a\n")


def test_without_trimesh_the_install_line_is_told(tmp_path, monkeypatch):
    (tmp_path / "a.obj").write_bytes(SQUARE_OBJ)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(MissingExtra, match=r"ungrid\[shapes\]"):
        read_shape(tmp_path / "a.obj")


def test_a_name_of_no_known_format_is_refused(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"\0" * 100)
    with pytest.raises(UnreadableInput, match="no surface of a known format"):
        read_shape(tmp_path / "a.bin")


def test_a_file_of_no_kind_is_told_that_surfaces_are_read_too(tmp_path):
    (tmp_path / "cloud.xyz").write_text("0 0 0\n1 0 0\n")
    with pytest.raises(UnreadableInput, match="a surface"):
        ug.load(tmp_path / "cloud.xyz")
