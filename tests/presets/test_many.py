import pytest
import torch

from ungrid.fields.stacked import StackedField
from ungrid.presets.auto import EFFORTS, choose
from ungrid.presets.many import LEAST_BATCH, MOST_SAMPLES, can_stack, choose_many
from ungrid.signals.image import from_array


def a_picture(height, width, channels):
    return from_array(torch.rand(height, width, channels, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 1), (100, 3)])
@pytest.mark.parametrize("effort", EFFORTS)
def test_a_member_has_about_as_many_parameters_as_the_default(size, channels, effort):
    picture = a_picture(size, size, channels)
    ours, default = choose_many(picture, effort).field.n_params, choose(picture, effort).field.n_params
    assert 0.8 * default < ours <= 1.05 * default


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 3), (3, 40, 1), (1, 700, 2)])
def test_the_smallest_pictures_have_a_field_that_can_be_stacked(shape):
    choice = choose_many(a_picture(*shape))
    assert StackedField(choice.field, [(1.0, 0.5)] * 2).n_members == 2


def test_batches_grow_with_the_picture():
    batches = [choose_many(a_picture(size, size, 1)).field.recipe.batch_size for size in (8, 28, 64, 128)]
    assert batches[0] == LEAST_BATCH
    assert batches == sorted(batches)


def test_small_whole_signals_can_be_stacked():
    assert can_stack(a_picture(128, 128, 1))
    assert MOST_SAMPLES < 129 * 128
    assert not can_stack(a_picture(129, 128, 1))
