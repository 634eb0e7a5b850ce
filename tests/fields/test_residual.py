import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.differentiate import gradient
from ungrid.domain.grid import Grid
from ungrid.encodings.combine import CoarseToFine
from ungrid.encodings.fourier_features import FourierFeatures
from ungrid.errors import InputError
from ungrid.fields.record import Recipe
from ungrid.fields.residual import ResidualField
from ungrid.fit.callbacks import Callback
from ungrid.tasks.represent import represent
from ungrid.testing.analytic_fields import MM_BOX, WaveField, places
from ungrid.testing.examples import encoded_field, wave_field
from ungrid.testing.toys import plane_wave, tiny_picture

K, L = (1.0, 0.5), (-0.3, 2.0)
PICTURE = tiny_picture(16, 16)


def a_stack():
    return ResidualField(wave_field(PICTURE.box, 3, 0), wave_field(PICTURE.box, 3, 1), 0.1)


def state_of(field):
    return {name: tensor.clone() for name, tensor in field.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_values_and_slopes_are_those_of_the_coarse_field_plus_scaled_detail():
    stack, x = ResidualField(WaveField((K,)), WaveField((L,)), 0.25), places()
    assert_close(stack(x), plane_wave(K)(x) + 0.25 * plane_wave(L)(x))
    assert_close(gradient(stack, x), plane_wave(K).gradient(x) + 0.25 * plane_wave(L).gradient(x))
    grid = Grid(MM_BOX, (3, 4))
    assert_close(stack.on(grid), stack(grid.points(dtype=torch.float64)))
    assert stack.coarse.asked == stack.detail.asked == [grid]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon", "lbfgs"])
def test_a_fit_moves_the_detail_alone(optimizer):
    stack = a_stack()
    stack.recipe = Recipe(optimizer=optimizer, learning_rate=1e-2, weight_decay=0.1, clip=1.0)
    coarse, detail = state_of(stack.coarse), state_of(stack.detail)
    ug.fit(stack, represent(PICTURE), steps=3, callbacks=[])
    assert same(state_of(stack.coarse), coarse)
    assert not same(state_of(stack.detail), detail)


def test_a_loaded_stack_is_fitted_on_with_its_coarse_field_still_frozen(tmp_path):
    a_stack().save(tmp_path / "a.ung")
    stack = ug.load(tmp_path / "a.ung")
    coarse, detail = state_of(stack.coarse), state_of(stack.detail)
    ug.fit(stack, represent(PICTURE), steps=3, callbacks=[])
    assert same(state_of(stack.coarse), coarse)
    assert not same(state_of(stack.detail), detail)


def test_a_stack_of_stacks_fits_its_last_detail():
    stack = ResidualField(a_stack(), wave_field(PICTURE.box, 3, 2))
    before = state_of(stack.coarse)
    ug.fit(stack, represent(PICTURE), steps=2, callbacks=[])
    assert same(state_of(stack.coarse), before)


def test_slopes_by_the_coords_go_through_the_frozen_field():
    field = wave_field(PICTURE.box, 3, 0)
    x = torch.tensor([[3.0, 4.0]])
    slope = gradient(field, x).detach()
    detail = encoded_field(FourierFeatures(2, 2), 3, box=PICTURE.box)
    for parameter in detail.parameters():
        parameter.data.zero_()
    assert_close(gradient(ResidualField(field, detail), x).detach(), slope)


def test_the_coarse_field_stays_at_rest_while_the_detail_is_fitted():
    fine = CoarseToFine(FourierFeatures(2, 4, bandwidth=2.0), 0.2, 0.8)
    stack = ResidualField(encoded_field(fine, 3, box=PICTURE.box), encoded_field(FourierFeatures(2, 4), 3, box=PICTURE.box))
    seen = []

    class Watch(Callback):
        def __call__(self, state, losses):
            seen.append(float(fine.progress))

    ug.fit(stack, represent(PICTURE), steps=4, callbacks=[Watch()])
    assert set(seen) == {1.0}
    stack.train()
    assert stack.training
    assert stack.detail.training
    assert not stack.coarse.training


def test_the_recipe_is_the_details():
    detail = wave_field(PICTURE.box, 3, 1)
    detail.recipe = Recipe(steps=7)
    assert ResidualField(wave_field(PICTURE.box, 3, 0), detail).recipe == Recipe(steps=7)


def test_fields_that_do_not_go_together_are_refused():
    with pytest.raises(InputError, match="the coarse field has 3 channels, the detail 1; expected as many"):
        ResidualField(wave_field(PICTURE.box, 3, 0), wave_field(PICTURE.box, 1, 1))
    for scale in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="scale is"):
            ResidualField(wave_field(PICTURE.box, 3, 0), wave_field(PICTURE.box, 3, 1), scale)


def test_a_field_that_is_frozen_as_a_whole_is_refused_by_a_fit():
    with pytest.raises(InputError, match="all of the field's parameters are frozen"):
        ug.fit(wave_field(PICTURE.box, 3, 0).requires_grad_(False), represent(PICTURE), steps=1, callbacks=[])
