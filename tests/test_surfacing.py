import numpy as np
import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.signals.topology import topology
from ungrid.testing.surfaces import sphere, torus

trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed")
pytest.importorskip("igl", reason="libigl is not installed")


@pytest.fixture(scope="module")
def ring():
    return ug.fit(torus(64), preset="fast", callbacks=[])


def test_a_surface_is_fitted_saved_and_meshed_in_its_own_frame(ring, tmp_path):
    ring.save(tmp_path / "ring.ung")
    field = ug.load(tmp_path / "ring.ung")
    found = ug.mesh(field, tmp_path / "ring.ply", resolution=96)
    told = topology(found.faces)
    assert (told.watertight, told.manifold, told.euler) == (True, True, 0)
    back = ug.load(tmp_path / "ring.ply")
    assert back.volume == pytest.approx(torus(64).volume, rel=3e-3)
    torch.testing.assert_close(back.bounds, torus(64).bounds, atol=5e-3, rtol=0)


def test_the_record_says_what_it_was_and_how_good_it_is(ring):
    assert (ring.record.kind, ring.record.channels) == ("sdf", ("distance",))
    assert ring.record.source["n_faces"] == len(torus(64).faces)
    quality, heldout = ring.metrics["quality"], ring.metrics["heldout"]
    assert quality["iou"] > 0.99
    assert heldout["psnr"] == pytest.approx(quality["psnr"], abs=2)


def test_arrays_pairs_and_meshes_of_another_library_are_surfaces(ring):
    shape = torus(64)
    pair = (shape.vertices.numpy(), shape.faces.numpy().astype(np.int32))
    for source in (pair, trimesh.Trimesh(*pair, process=False)):
        again = ug.fit(source, preset="fast", callbacks=[])
        assert again.n_params == ring.n_params


@pytest.mark.parametrize("option", [{"mask": np.ones((2, 2), bool)}, {"start": "winner"}, {"tune": True}])
def test_options_of_signals_are_refused(option):
    with pytest.raises(InputError, match="for signals on a grid"):
        ug.fit(torus(16), **option)


def test_faces_that_are_no_indices_are_refused():
    with pytest.raises(InputError, match="indices of vertices"):
        ug.inspect((np.zeros((3, 3)), np.zeros((1, 3))))
    with pytest.raises(InputError, match="cannot be taken as a surface"):
        ug.inspect([1, 2, 3])


def test_inspecting_tells_what_is_wrong():
    whole = ug.inspect(sphere(8))
    assert (whole["watertight"], whole["euler"], whole["n_components"], whole["findings"]) == (True, 2, 1, [])
    assert whole["volume"] == pytest.approx(4.19, abs=0.1)
    ball = sphere(8)
    holed = ug.inspect((ball.vertices, ball.faces[2:]))
    assert holed["volume"] is None
    assert holed["sides_by"] == "winding number"
    assert "holes" in holed["findings"][0]


def test_a_surface_is_no_signal_on_a_grid(tmp_path):
    ug.mesh(ug.fit(sphere(6), preset="fast", callbacks=[]), tmp_path / "a.obj", resolution=16)
    with pytest.raises(InputError, match="is a surface; expected a signal"):
        ug.restore(tmp_path / "a.obj", upscale=2)
