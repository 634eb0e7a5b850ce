import pytest

from ungrid.errors import InputError
from ungrid.signals.shape_read import read_shape
from ungrid.signals.shape_write import check_mesh_path, write_mesh
from ungrid.testing.surfaces import sphere

pytest.importorskip("trimesh", reason="trimesh is not installed")


def test_another_ending_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(InputError, match=r"cannot write triangles to a\.pyl.*did you mean '\.ply'"):
        check_mesh_path(tmp_path / "a.pyl")


def test_ply_keeps_a_large_offset_that_float32_would_lose(tmp_path):
    ball = sphere(4, center=(5e6, 4e6, 100.0), radius=0.5)
    write_mesh(tmp_path / "a.ply", ball.vertices, ball.faces)
    back = read_shape(tmp_path / "a.ply")
    assert back.volume == pytest.approx(sphere(4, radius=0.5).volume, rel=1e-6)
    assert float((back.bounds - ball.bounds).abs().max()) == 0
