import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError
from ungrid.measurements.multiscale import MultiscaleValues
from ungrid.presets.filters import bacon, fourier_filter, gabor_filter, spline_network
from ungrid.presets.plan import plan_signal
from ungrid.tasks.represent import represent
from ungrid.terms.misfit import Misfit
from ungrid.testing.toys import pixel_box, tiny_picture


@pytest.mark.parametrize("preset", [fourier_filter, gabor_filter])
def test_filter_networks_have_the_settings_of_the_authors_picture_script(preset):
    field = preset(pixel_box(256, 256), 1)
    network, recipe = field.network, field.recipe
    assert (network.width, network.depth, network.input_scale, network.weight_scale) == (256, 4, 256.0, 1.0)
    assert (recipe.optimizer, recipe.learning_rate, recipe.steps, recipe.batch_size) == ("adam", 1e-2, 10_000, None)
    assert (field.value_scale, field.value_offset) == ((0.5,), (0.5,))


def test_bacon_has_the_settings_of_the_authors_picture_script():
    field = bacon(pixel_box(256, 256), 1)
    network, recipe = field.network, field.recipe
    assert (network.width, network.depth) == (256, 5)
    assert [bands[0] for bands in network.layer_bands] == [16, 16, 32, 32, 32]  # π · 256 · (1/8, 1/8, 1/4, 1/4, 1/4) / 2π
    assert network.band_limits == ((16.0,) * 2, (32.0,) * 2, (64.0,) * 2)
    assert (recipe.optimizer, recipe.learning_rate, recipe.steps, recipe.batch_size) == ("adam", 5e-3, 5001, None)


def test_bacon_reaches_the_nyquist_frequency_of_each_axis():
    assert bacon(pixel_box(24, 64), 1).network.band_limits[-1] == (6.0, 16.0)
    assert bacon(pixel_box(24, 64), 1, shape=(48, 48)).network.band_limits[-1] == (12.0, 12.0)
    with pytest.raises(InputError, match="one for each axis of the box"):
        bacon(pixel_box(), 1, shape=(48,))


def test_the_spline_network_is_twice_continuously_differentiable():
    assert spline_network(pixel_box(), 1).smoothness == 2


def test_a_plan_for_bacon_fits_every_level_and_for_others_the_one_they_have():
    picture = tiny_picture()
    assert type(plan_signal(picture, "bacon").problem.terms[0].measurement) is MultiscaleValues
    assert type(plan_signal(picture, "siren").problem.terms[0]) is Misfit
    with pytest.raises(InputError, match="tiles were asked for"):
        represent(picture, order="tiles", every_level=True)


def test_every_level_of_a_fitted_bacon_comes_closer_to_what_its_band_holds():
    picture = tiny_picture(16, 16)
    field = bacon(picture.box, 3, width=16)

    def errors():
        levels = field.levels(picture.grid.points())
        return (levels - picture.values[..., None, :]).square().mean(dim=(0, 1, 3)).detach()

    before = errors()
    ug.fit(field, represent(picture, every_level=True, heldout=0.0), steps=40)
    assert (errors() < 0.2 * before).all()


@pytest.mark.parametrize("preset", ["fourier_filter", "gabor_filter", "bacon", "spline_network"])
def test_a_short_fit_by_the_presets_recipe_brings_a_picture_closer(preset):
    picture = tiny_picture(16, 16)
    builders = {"fourier_filter": fourier_filter, "gabor_filter": gabor_filter, "bacon": bacon, "spline_network": spline_network}
    small = {"width": 16} if preset in ("bacon", "spline_network") else {"width": 32, "input_scale": 16.0}
    field = builders[preset](picture.box, 3, **small)
    with torch.no_grad():
        before = (field(picture.grid.points()) - picture.values).square().mean()
    field = ug.fit(field, represent(picture, heldout=0.0, every_level=preset == "bacon"), steps=30)
    with torch.no_grad():
        assert (field(picture.grid.points()) - picture.values).square().mean() < 0.3 * before
