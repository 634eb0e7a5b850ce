import itertools
import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ungrid.presets.published import dense_grid, fourier_mlp, grid_levels, hash_grid, relu_pe_mlp, siren
from ungrid.testing.toys import pixel_box


def test_siren_is_that_of_the_authors_notebook():
    field = siren(pixel_box(256, 256), 1)
    assert field.n_params == 198_401
    assert (field.recipe.learning_rate, field.recipe.steps, field.recipe.batch_size) == (1e-4, 500, None)
    assert (field.value_scale, field.value_offset) == ((0.5,), (0.5,))


def test_fourier_features_are_those_of_the_authors_picture_experiment():
    field = fourier_mlp(pixel_box(256, 256), 3)
    assert field.encoding.out_dim == 512
    assert field.encoding.bandwidth == 5.0  # 10 on [0, 1)
    assert (field.network.width, field.network.depth, field.network.output_activation) == (256, 3, "sigmoid")
    assert (field.recipe.loss, field.recipe.learning_rate, field.recipe.steps) == ("half_squared_error", 1e-3, 2000)
    assert 0 < float(field([[3.0, 3.0]]).detach().min()) < 1


def test_positional_encoding_has_128_frequencies_for_each_axis():
    assert relu_pe_mlp(pixel_box(), 3).encoding.out_dim == 2 * 2 * 128


def test_hash_grid_is_that_of_the_authors_picture_sample():
    field = hash_grid(pixel_box(), 3)
    encoding = field.encoding
    assert (encoding.n_levels, encoding.n_features_per_level, encoding.log2_hashmap_size) == (16, 2, 15)
    assert (encoding.base_resolution, encoding.per_level_scale) == (16, 1.5)
    assert (field.network.width, field.network.depth) == (64, 2)
    assert (field.recipe.epsilon, field.recipe.betas, field.recipe.loss) == (1e-15, (0.9, 0.99), "relative_squared_error")


@settings(deadline=None, max_examples=40)
@given(height=st.integers(16, 400), width=st.integers(16, 400), share=st.floats(0.1, 2.0))
def test_grid_levels_double_and_hold_the_share_of_the_values(height, width, share):
    levels = grid_levels((height, width), 3, share, 4)
    assert len(levels) == 4
    for coarse, fine in itertools.pairwise(levels):
        assert all(abs(f - 2 * c) <= 2 for c, f in zip(coarse, fine, strict=True))
    nodes = sum(2 * math.prod(n + 1 for n in cells) for cells in levels)
    most = share * height * width * 3
    assert 0.7 * most - 200 <= nodes <= most


def test_grid_levels_have_at_least_one_cell_along_each_axis():
    assert grid_levels((1, 1000), 1, 1e-6, 4) == ((1, 1),) * 4


def test_a_dense_grid_starts_in_the_middle_of_the_values_range():
    field = dense_grid(pixel_box(), 1, value_range=(10.0, 30.0))
    assert (field.value_scale, field.value_offset) == ((20.0,), (20.0,))


def test_a_dense_grid_takes_one_sample_per_unit_of_the_box_where_no_shape_is_given():
    same = dense_grid(pixel_box(40, 60), 3, shape=(40, 60))
    assert dense_grid(pixel_box(40, 60), 3).encoding.resolutions == same.encoding.resolutions


def test_settings_reach_the_field():
    field = siren(pixel_box(), 3, width=8, depth=2, first_omega=10.0, seed=4)
    assert (field.network.width, field.network.depth, field.network.first_omega, field.network.seed) == (8, 2, 10.0, 4)
    assert not torch.equal(field.network.layers[0].weight, siren(pixel_box(), 3, width=8, depth=2).network.layers[0].weight)
