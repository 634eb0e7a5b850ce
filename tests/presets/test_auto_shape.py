import math

import pytest
import torch

from ungrid.errors import InputError
from ungrid.fields.refinement import block_shape, level_shapes
from ungrid.presets.auto_shape import BAND, MARGIN, banded, box_around, choose_shape, nodes_for
from ungrid.signals.shape import Shape
from ungrid.signals.surface import Surface
from ungrid.testing.surfaces import sphere, torus

pytest.importorskip("igl", reason="libigl is not installed")


def test_the_box_has_a_margin_and_evenly_spaced_nodes():
    box, shape = box_around(Surface(torus(32)), 100)
    assert shape == (100, 100, 37)
    pitch = [extent / n for extent, n in zip(box.extent, shape, strict=True)]
    assert pitch == pytest.approx([pitch[0]] * 3)
    assert box.bounds[0][1] >= 1.4 + MARGIN * 2.8 - pitch[0]
    assert box.axes == ("x", "y", "z")


def test_fine_levels_keep_just_the_blocks_near_the_surface_with_their_exact_distances():
    surface = Surface(sphere(32))
    field, levels = banded(surface, 96)
    finest, shape = levels[0], field.shape
    assert finest is not None
    blocks = finest.kept.reshape(block_shape(shape)).nonzero()
    pitch = field.box.extent[0] / shape[0]
    low = torch.tensor([bound[0] for bound in field.box.bounds], dtype=torch.float64)
    first = surface.distance(low + (blocks * 2 + 0.5) * pitch)
    torch.testing.assert_close(finest.distances.reshape(-1, 8)[:, 0], first, atol=1e-6, rtol=0)
    assert float(finest.distances.reshape(-1, 8).abs().amin(dim=1).max()) < BAND * pitch
    expected = 4 * math.pi * 2 * BAND * pitch / (2 * pitch) ** 3  # blocks in a shell
    assert expected < len(blocks) < 1.7 * expected
    assert levels[-1] is None
    assert field.n_blocks[-1] == math.prod(block_shape(level_shapes(shape)[-1]))


def test_a_slender_shape_has_its_nodes_closer_together():
    ball = sphere(16)
    slender = Surface(Shape(ball.vertices * torch.tensor([1.0, 0.2, 0.2], dtype=torch.float64), ball.faces))
    round_, long = nodes_for(Surface(ball), 200_000), nodes_for(slender, 200_000)
    assert long > 1.5 * round_
    for surface, nodes in ((Surface(ball), round_), (slender, long)):
        assert banded(surface, nodes)[0].n_params == pytest.approx(200_000, rel=0.25)


def test_the_file_is_kept_below_a_size():
    surface = Surface(torus(32))
    choice = choose_shape(surface, "fast", max_bytes=120_000)
    assert 2 * choice.field.n_params < 120_000
    with pytest.raises(InputError, match="max_bytes is 1000"):
        choose_shape(surface, "fast", max_bytes=1000)


def test_a_sheet_encloses_nothing():
    sheet = Shape(torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=torch.float64), torch.tensor([[0, 1, 2]]))
    with pytest.raises(InputError, match="encloses nothing"):
        choose_shape(Surface(sheet), "fast")


def test_an_open_surface_is_fitted_with_a_word_of_warning():
    ball = sphere(16)
    assert "open" not in choose_shape(Surface(ball), "fast", max_bytes=120_000).reason
    told = choose_shape(Surface(Shape(ball.vertices, ball.faces[2:])), "fast", max_bytes=120_000).reason
    assert "sides told by winding number; 6 edges are open" in told
