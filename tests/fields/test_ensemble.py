import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.ensemble import EnsembleField
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box, unit_box


def member(seed, box=None, out_dim=2):
    return FIELD_EXAMPLES["EncodedField"](box or pixel_box(), out_dim, seed)


def test_values_are_the_mean_of_the_members_and_their_variance_is_the_models():
    members = tuple(member(seed) for seed in range(3))
    field, coords = EnsembleField(members, (1.0, 1.0)), torch.rand(7, 2)
    each = torch.stack([one.values_at(coords) for one in members])
    torch.testing.assert_close(field.values_at(coords), each.mean(dim=0))
    torch.testing.assert_close(field.model_variance_at(coords), (each - each.mean(dim=0)).square().sum(dim=0) / 2)
    grid = Grid(pixel_box(), (3, 4))
    torch.testing.assert_close(field.on(grid), field(grid.points()))


def test_it_is_as_smooth_as_its_least_smooth_member_and_counts_the_memory_of_all():
    smooth, kinked = member(0), FIELD_EXAMPLES["ConvolutionalField"](pixel_box(), 2, 0)
    field = EnsembleField((smooth, kinked), (1.0, 1.0))
    assert field.smoothness == kinked.smoothness < smooth.smoothness
    assert field.width_sum() > max(smooth.width_sum(), kinked.width_sum())
    assert field.chunk_points(10**5) <= smooth.chunk_points(10**5)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([0], "2 to 64 members; got 1"),
        (range(65), "2 to 64 members; got 65"),
        ([0, (unit_box(2), 2)], "one box and number of channels"),
        ([0, (pixel_box(), 3)], "one box and number of channels"),
    ],
)
def test_members_that_do_not_go_together_are_refused(members, message):
    made = tuple(member(0, *one) if isinstance(one, tuple) else member(one) for one in members)
    with pytest.raises(InputError, match=message):
        EnsembleField(made, (1.0, 1.0))
