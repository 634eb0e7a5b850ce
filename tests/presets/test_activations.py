import pytest
import torch

from ungrid.differentiate import gradient, laplacian
from ungrid.networks.finer import Finer
from ungrid.presets.activations import finer, finer_gauss, finer_wire, gauss, hosc, incode, sinc, wire
from ungrid.testing.toys import pixel_box

ZERO_MEAN = [finer, finer_gauss, finer_wire, gauss, sinc, hosc]


def test_wire_is_that_of_the_authors_script_with_its_advice_for_pictures():
    field = wire(pixel_box(), 3)
    assert field.n_params == 133_403
    assert (field.network.first_omega, field.network.hidden_omega, field.network.scale) == (20.0, 20.0, 30.0)
    recipe = field.recipe
    assert (recipe.learning_rate, recipe.schedule, recipe.steps, recipe.batch_size) == (5e-3, "exponential", 2000, 2**16)
    assert (field.value_scale, field.value_offset) == ((1.0,), (0.0,))


@pytest.mark.parametrize("preset", ZERO_MEAN)
def test_what_finers_authors_fit_takes_zero_mean_values_all_samples_and_5000_steps(preset):
    field = preset(pixel_box(), 3)
    assert (field.value_scale, field.value_offset) == ((0.5,), (0.5,))
    assert (field.recipe.schedule, field.recipe.steps, field.recipe.batch_size) == ("exponential", 5000, None)
    assert (field.network.width, field.network.depth) == (256, 4)


@pytest.mark.parametrize(("preset", "rate"), [(finer, 5e-4), (finer_gauss, 1e-3), (finer_wire, 1e-3), (gauss, 5e-3)])
def test_rates_are_those_of_the_scripts_of_finers_authors(preset, rate):
    assert preset(pixel_box(), 3).recipe.learning_rate == rate


def test_finer_has_as_many_parameters_as_the_authors_siren():
    field = finer(pixel_box(), 3)
    assert isinstance(field.network, Finer)
    assert field.n_params == 198_915


@pytest.mark.parametrize("preset", [finer, finer_gauss, finer_wire])
def test_the_variable_periods_are_fitted_as_in_the_authors_code(preset):
    field, exact = preset(pixel_box(), 1, width=8, depth=2), preset(pixel_box(), 1, width=8, depth=2, alpha_gradient=True)
    coords = torch.tensor([[3.0, 4.0], [7.0, 1.0]])
    assert torch.equal(field(coords), exact(coords))
    for each in (field, exact):
        each(coords).square().sum().backward()
    assert not torch.equal(field.network.layers[0].weight.grad, exact.network.layers[0].weight.grad)


def test_gauss_has_the_scale_of_30_that_finers_authors_give_it():
    assert abs(1 / (gauss(pixel_box(), 3).network.std * 2**0.5) - 30) < 0.05


def test_incode_is_that_of_the_authors_notebook():
    field = incode(pixel_box(), 3)
    assert field.network.harmonizer_widths == (64, 32)
    assert (field.recipe.learning_rate, field.recipe.schedule, field.recipe.batch_size) == (9e-4, "exponential", 2**16)
    assert (field.value_scale, field.value_offset) == ((1.0,), (0.0,))


def test_the_sharpness_of_hosc_may_be_fitted_along():
    assert hosc(pixel_box(), 3, learn_beta=True).n_params == hosc(pixel_box(), 3).n_params + 4


@pytest.mark.parametrize("preset", [wire, *ZERO_MEAN, incode])
def test_every_preset_learns_a_picture(preset):
    field = preset(pixel_box(), 3, width=32, depth=2)
    rng = torch.Generator().manual_seed(0)
    coords = torch.rand(64, 2, generator=rng) * torch.tensor([12.0, 16.0])
    target = 0.5 + 0.4 * torch.sin(coords.sum(dim=-1, keepdim=True) / 3 + torch.arange(3))
    optimizer = torch.optim.Adam(field.parameters(), lr=field.recipe.learning_rate)
    losses = []
    for _ in range(60):
        loss = (field(coords) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.25 * losses[0]


@pytest.mark.parametrize("preset", [finer, finer_gauss, finer_wire])
def test_derivatives_of_a_field_are_exact_however_it_is_fitted(preset):
    field, exact = preset(pixel_box(), 1, width=8, depth=2), preset(pixel_box(), 1, width=8, depth=2, alpha_gradient=True)
    coords = torch.tensor([[3.0, 4.0], [7.0, 1.0]])
    assert torch.equal(gradient(field, coords), gradient(exact, coords))
    assert torch.equal(laplacian(field, coords), laplacian(exact, coords))
