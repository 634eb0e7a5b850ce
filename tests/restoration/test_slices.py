import math

import pytest
import torch

import ungrid as ug
from ungrid.errors import InputError, UnknownName
from ungrid.restoration.slice_losses import ThickSlices
from ungrid.restoration.slices import SLICE_CANDIDATES, restore_slices
from ungrid.signals.volume import from_array

N = 18


def ball():
    """A ball with a hollow in it, softly edged, values of 0 to 1."""
    at = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, N)] * 3, indexing="ij"))
    radius = at.square().sum(dim=0).sqrt()
    hollow = (at - torch.tensor([0.2, 0.1, 0.0])[:, None, None, None]).square().sum(dim=0).sqrt()
    return torch.sigmoid((0.8 - radius) * 30) - 0.6 * torch.sigmoid((0.3 - hollow) * 30)


def stack(axis, factor=3):
    seen = ball().unflatten(axis, (-1, factor)).mean(dim=axis + 1)
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = float(factor)
    return from_array(seen, spacing=spacing)


def decibels(values):
    return -10 * math.log10(float((values[..., 0] - ball()).square().mean()))


def test_thick_slices_become_a_volume_that_beats_interpolation():
    found = restore_slices(stack(0), [ThickSlices(1.0)])
    cubic = restore_slices(stack(0), [ThickSlices(1.0)], "cubic_slices")
    assert found.grid.shape == (N, N, N)
    assert found.grid.spacing == (1.0, 1.0, 1.0)
    assert decibels(found.values) > decibels(cubic.values) + 1
    assert found.heldout[next(iter(found.shares))] == max(found.heldout.values())
    assert found.losses == "slices:3->1 mm along z, 3 mm thick"
    again = found.values.unflatten(0, (-1, 3)).mean(dim=1)
    assert float((again - stack(0).values).square().mean().sqrt()) < 0.02, "the slices are what was seen"


@pytest.mark.parametrize("turned", [(1, 0, 2), (1, 2, 0)])
def test_a_volume_that_is_turned_is_restored_as_the_one_that_is_not(turned):
    seen = ball()[::3, 2::2, 2::2]
    spacing = torch.tensor([3.0, 1.0, 1.0])
    straight = restore_slices(from_array(seen, spacing=spacing), [ThickSlices(1.0)], "oriented_slices").values[..., 0]
    other = from_array(seen.permute(turned).contiguous(), spacing=spacing[list(turned)])
    found = restore_slices(other, [ThickSlices(1.0)], "oriented_slices").values[..., 0]
    torch.testing.assert_close(found, straight.permute(turned), atol=5e-3, rtol=0)  # as near as the solver comes


def test_three_stacks_know_more_than_one():
    one = restore_slices(stack(0), [ThickSlices(1.0)], "smooth_slices")
    loss = ThickSlices(1.0, stacks=(stack(1), stack(2)))
    three = restore_slices(stack(0), [loss])
    assert decibels(three.values) > decibels(one.values) + 5
    assert "oriented_slices" not in three.heldout
    assert three.losses.endswith("3 stacks")


def test_plain_interpolations_are_what_they_say():
    nearest = restore_slices(stack(0), [ThickSlices(1.0)], "nearest_slices").values
    assert torch.equal(nearest, stack(0).values.repeat_interleave(3, 0))
    linear = restore_slices(stack(0), [ThickSlices(1.0)], "linear_slices").values
    torch.testing.assert_close(linear[2], 2 / 3 * stack(0).values[0] + 1 / 3 * stack(0).values[1])


def test_the_first_candidate_is_taken_where_nothing_can_be_hidden():
    short = from_array(torch.rand(4, 8, 8, generator=torch.Generator().manual_seed(0)), spacing=(4, 1, 1))
    found = restore_slices(short, [ThickSlices()])
    assert list(found.shares) == [next(iter(SLICE_CANDIDATES))]
    assert "nothing could be hidden" in found.reason
    assert found.grid.spacing == (1.0, 1.0, 1.0)


def test_methods_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="expected one, with the other stacks in it"):
        restore_slices(stack(0), [ThickSlices(1.0), ThickSlices(1.0)])
    with pytest.raises(UnknownName, match="did you mean 'cubic_slices'"):
        restore_slices(stack(0), [ThickSlices(1.0)], "cubic_slice")
    with pytest.raises(InputError, match="for one stack"):
        restore_slices(stack(0), [ThickSlices(1.0, stacks=(stack(1),))], "oriented_slices")


def test_the_verb_gives_a_field_in_the_world_of_the_slices():
    field = ug.restore(stack(0), ug.ThickSlices(1.0), method="cubic_slices")
    assert field.box == stack(0).box
    assert field.record.fit["shares"] == {"cubic_slices": 1.0}
