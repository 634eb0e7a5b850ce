import pytest

import ungrid as ug
from ungrid.domain.grid import Grid
from ungrid.presets.convolutional import conv_fourier, conv_grid, conv_inr, one_per_unit
from ungrid.tasks.draws import TILES
from ungrid.testing.toys import pixel_box, tiny_picture, unit_box


def test_conv_inr_has_ten_layers_of_32_channels_on_bare_coordinates():
    field = conv_inr(pixel_box(12, 16), 3)
    first, hidden, last = 9 * 2 * 32, 9 * (9 * 32 * 32), 9 * 32 * 3 + 3
    assert field.n_params == first + hidden + 10 * 2 * 32 + last
    assert (field.network.width, field.network.depth, field.network.branches) == (32, 10, ("full",))
    assert field.network.normalize
    assert type(field.encoding).__name__ == "Identity"


def test_its_branches_fold_to_the_parameters_of_plain_convolutions():
    field = conv_inr(pixel_box(12, 16), 3, branches=("full", "point", "identity"))
    folded = field.fold()
    assert folded.n_params == 9 * 2 * 32 + 9 * (9 * 32 * 32) + 10 * 32 + 9 * 32 * 3 + 3
    assert field.n_params > folded.n_params


def test_hybrids_decode_fourier_features_and_a_coarse_grid():
    assert conv_fourier(pixel_box(), 3, n_frequencies=7).network.in_dim == 14
    field = conv_grid(pixel_box(40, 80), 3)
    assert field.encoding.resolutions == ((10, 20),)
    assert field.network.in_dim == field.encoding.out_dim == 8


@pytest.mark.parametrize("preset", [conv_inr, conv_fourier, conv_grid])
def test_a_field_has_a_sample_for_each_pixel_and_is_fitted_to_all_of_them_at_once(preset):
    field = preset(pixel_box(12, 16), 3)
    assert field.shape == (12, 16)
    assert (field.recipe.order, field.recipe.batch_size) == (TILES, None)
    assert preset(unit_box(2), 1, shape=(7, 9)).shape == (7, 9)
    assert one_per_unit(unit_box(3)) == (4, 2, 3)


@pytest.mark.parametrize("preset", ["conv_inr", "conv_fourier", "conv_grid"])
def test_a_picture_is_fitted_by_name_and_drawn_at_another_size(preset):
    picture = tiny_picture()
    field = ug.fit(picture, preset=preset, steps=3, callbacks=[])
    assert field.metrics["quality"]["psnr"] > 0
    assert field.sample(Grid(field.box, (5, 30)), max_memory=100_000).shape == (5, 30, 3)
