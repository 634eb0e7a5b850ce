import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ungrid.domain.box import Box
from ungrid.fields.record import Recipe
from ungrid.presets.factored import coordx, k_planes, plane_levels, tensorf_cp, tensorf_vm, tri_plane
from ungrid.presets.published import siren
from ungrid.tasks.represent import represent
from ungrid.testing.toys import pixel_box, tiny_picture
from ungrid.verbs import fit


def box_of(axes, shape):
    return Box(axes, tuple((0.0, float(n)) for n in shape))


def test_coordx_is_that_of_the_authors_script():
    field = coordx(pixel_box(512, 512), 1)
    assert (field.encoding.width, field.encoding.depth, field.encoding.n_terms, field.encoding.fusion) == (256, 3, 1, "product")
    assert (field.network.width, field.network.depth, field.network.layer_omegas) == (256, 1, (30.0,))
    assert (field.recipe.learning_rate, field.recipe.steps, field.recipe.batch_size) == (1e-4, 10_000, 512**2)
    assert field.n_params == siren(pixel_box(512, 512), 1).n_params + 256


def test_the_tail_of_coordx_starts_as_the_layers_before_it():
    field = coordx(pixel_box(), 1, width=400)
    bound = math.sqrt(6 / 400) / 30
    assert 0.98 * bound < field.network.layers[0].weight.abs().max() <= bound
    assert not torch.equal(field.network.layers[0].weight, field.encoding.shared[0]["weight"])


def test_coordx_is_fitted_to_lattices_of_the_grid():
    signal = tiny_picture(24, 32)
    field = coordx(signal.box, 3, width=32, first_omega=10.0)
    field.recipe = Recipe(learning_rate=2e-3, steps=60, batch_size=256, order="lattices")
    field = fit(field, represent(signal, order="lattices"), callbacks=())
    assert field.metrics["quality"]["psnr"] > 32


def test_k_planes_are_those_of_the_authors_hybrid_model():
    field = k_planes(box_of(("z", "y", "x"), (512, 512, 512)), 1)
    planes = field.encoding
    assert (planes.n_features_per_level, planes.fusion, planes.init_range, planes.time_axis) == (32, "product", (0.1, 0.5), None)
    assert [fine[0] // coarse[0] for coarse, fine in zip(planes.resolutions, planes.resolutions[1:], strict=False)] == [2, 2, 2]
    assert (field.recipe.learning_rate, field.recipe.schedule) == (1e-2, "cosine")


def test_k_planes_of_a_film_keep_time_at_half_its_frames_and_start_without_change():
    field = k_planes(box_of(("t", "y", "x"), (30, 40, 60)), 3, width=8)
    assert field.encoding.time_axis == 0
    assert [cells[0] for cells in field.encoding.resolutions] == [15, 15, 15, 15]
    assert torch.allclose(field([[1.0, 5.0, 5.0]]), field([[29.0, 5.0, 5.0]]))


def test_tri_planes_are_summed_and_have_one_level():
    field = tri_plane(box_of(("x", "y", "z"), (64, 64, 64)), 1)
    assert (field.encoding.fusion, len(field.encoding.resolutions), field.encoding.n_features_per_level) == ("sum", 1, 32)
    assert (field.network.width, field.network.depth, field.network.activation) == (64, 1, "softplus")


def test_tensorf_has_the_authors_components_and_network():
    box = box_of(("x", "y", "z"), (40, 50, 60))
    cp, vm = tensorf_cp(box, 1), tensorf_vm(box, 1)
    assert (cp.encoding.n_components, cp.encoding.init_scale, cp.encoding.resolution) == (96, 0.2, (40, 50, 60))
    assert (vm.encoding.n_components, vm.encoding.init_scale, vm.encoding.out_dim) == (48, 0.1, 144)
    for field in (cp, vm):
        assert (field.network.width, field.network.depth) == (128, 2)
        assert (field.recipe.schedule, field.recipe.betas) == ("exponential", (0.9, 0.99))


@pytest.mark.parametrize("preset", [k_planes, tri_plane, tensorf_cp, tensorf_vm])
@pytest.mark.parametrize("axes", [("y", "x"), ("z", "y", "x"), ("t", "z", "y", "x")])
def test_presets_take_two_to_four_axes_and_the_shape_of_the_signal(preset, axes):
    shape = (9, 12, 10, 8)[: len(axes)]
    box = Box(axes, ((0.0, 1.0),) * len(axes))
    field, same = preset(box, 1, shape=shape, width=8), preset(box_of(axes, shape), 1, width=8)
    assert field([[0.5] * len(axes)]).shape == (1, 1)
    assert field.n_params == same.n_params


@settings(deadline=None, max_examples=40)
@given(shape=st.lists(st.integers(8, 300), min_size=2, max_size=4), share=st.floats(0.2, 3.0), n_levels=st.integers(1, 4))
def test_plane_levels_hold_at_most_the_share_and_a_cell_for_each_sample(shape, share, n_levels):
    levels = plane_levels(tuple(shape), share, n_levels, 4, None)
    assert len(levels) == n_levels
    assert all(cells <= n for level in levels for cells, n in zip(level, shape, strict=True))
    pairs = [(a, b) for a in range(len(shape)) for b in range(a)]
    numbers = 4 * sum((level[a] + 1) * (level[b] + 1) for level in levels for a, b in pairs)
    assert numbers <= share * math.prod(shape) or max(levels[-1]) == 1
