import copy

import pytest
import torch
from torch.testing import assert_close

import ungrid as ug
from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.residual import ResidualField
from ungrid.presets.residual import detail_of
from ungrid.tasks.represent import represent
from ungrid.testing.examples import wave_field
from ungrid.testing.toys import pixel_box, tiny_picture

PICTURE = tiny_picture(24, 32)


def a_field(out_dim=3, box=PICTURE.box):
    return wave_field(box, out_dim, 0)


def test_a_stack_starts_as_the_coarse_field_is_and_leaves_that_one_alone():
    field = a_field()
    stack = detail_of(field, PICTURE)
    assert isinstance(stack, ResidualField)
    assert torch.equal(stack.sample(PICTURE.grid), field.sample(PICTURE.grid))
    assert all(parameter.requires_grad for parameter in field.parameters())
    assert stack.coarse is not field


def test_the_scale_is_the_size_of_what_is_left():
    field = a_field()
    left = PICTURE.values - field.sample(PICTURE.grid)
    assert detail_of(field, PICTURE).scale == pytest.approx(left.square().mean().sqrt().item(), rel=1e-5)


def test_a_fit_of_the_detail_comes_nearer_to_the_signal():
    field = ug.fit(PICTURE, preset="fast", steps=5, callbacks=[])
    coarse = copy.deepcopy(field.state_dict())
    stack = ug.fit(detail_of(field, PICTURE), represent(PICTURE), steps=60, callbacks=[])
    before, after = field.metrics["quality"]["psnr"], stack.metrics["quality"]["psnr"]
    assert after > before + 6
    assert all(torch.equal(tensor, coarse[name]) for name, tensor in stack.coarse.state_dict().items())


def test_a_detail_of_ones_own_is_taken_with_its_recipe_and_precision():
    detail = ug.presets.siren(PICTURE.box, 3, width=8, depth=2)
    stack = detail_of(a_field().double(), PICTURE, detail=detail)
    assert stack.detail is detail
    assert stack.recipe == detail.recipe
    assert next(detail.parameters()).dtype == torch.float64


def test_a_finer_signal_in_the_same_box_sizes_the_detail():
    fine = ug.Signal(torch.rand(48, 64, 3), Grid(PICTURE.box, (48, 64)), "image", ("r", "g", "b"))
    small, large = (detail_of(a_field(), signal).detail.n_params for signal in (PICTURE, fine))
    assert large > 2 * small


def test_signals_of_another_box_or_without_detail_are_refused():
    with pytest.raises(InputError, match=r"the signal has 3 channels in .*Fit the coarse field to the signal's box"):
        detail_of(a_field(box=pixel_box(7, 7)), PICTURE)
    with pytest.raises(InputError, match="the signal has 3 channels"):
        detail_of(a_field(1), PICTURE)
    field = a_field()
    with pytest.raises(InputError, match="there is no detail left to fit"):
        detail_of(field, PICTURE.with_values(field.sample(PICTURE.grid)))


def test_the_seed_is_the_details():
    first, again, other = (detail_of(a_field(), PICTURE, seed=seed).detail.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
    assert_close(list(first.values())[-1].sum(), torch.tensor(0.0))
