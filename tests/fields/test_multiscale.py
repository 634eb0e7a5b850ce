import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.fields.multiscale import MultiscaleField
from ungrid.fields.record import Recipe, Record
from ungrid.networks.bacon import Bacon
from ungrid.shapes import MultiscaleFieldLike
from ungrid.testing.examples import FIELD_EXAMPLES
from ungrid.testing.toys import pixel_box

SHARES = (0.125, 0.125, 0.25, 0.25, 0.25)


def a_field(level=None, n=32):
    """Of n × n pixels, with a quarter, a half and all of their Nyquist frequency."""
    network = Bacon(2, 3, 8, bandwidth=(n / 4,), layer_shares=SHARES, output_layers=(2, 3, 5))
    return MultiscaleField(pixel_box(n, n), network, level).double()


def coords_of(field, n=5):
    rng = torch.Generator().manual_seed(0)
    return field.box.denormalize(2 * torch.rand(n, 2, generator=rng, dtype=torch.float64) - 1)


def test_levels_are_the_views_of_the_field_at_each_level_and_the_last_is_the_field():
    field = a_field()
    coords = coords_of(field)
    levels = field.levels(coords)
    assert levels.shape == (5, 3, 3)
    for level in range(3):
        assert_close(field.at_level(level)(coords), levels[:, level])
        assert_close(a_field(level)(coords), levels[:, level])
    assert torch.equal(field(coords), field.at_level(2)(coords))


def test_a_view_shares_the_weights_and_leaves_the_field_as_it_was():
    field = a_field()
    view = field.at_level(0)
    assert field.level is None
    assert all(mine is its for mine, its in zip(field.parameters(), view.parameters(), strict=True))


def test_a_view_keeps_what_the_field_knows_but_not_what_was_measured_at_another_level():
    field = a_field()
    field.recipe, field.record = Recipe(steps=7), Record("image", (32, 32), ("r", "g", "b"), metrics={"quality": {"psnr": 30.0}})
    view = field.at_level(1)
    assert view.recipe == field.recipe
    assert view.grid() == field.grid()
    assert view.metrics == {}
    assert field.at_level(None).metrics == field.metrics == {"quality": {"psnr": 30.0}}


@pytest.mark.parametrize(("n", "level"), [(8, 0), (15, 0), (16, 1), (31, 1), (32, 2), (100, 2)])
def test_a_grid_is_drawn_at_the_finest_level_that_its_samples_hold(n, level):
    field = a_field()
    assert field.without_aliasing(Grid(field.box, (n, n))).level == level


def test_a_part_of_a_grid_is_drawn_at_the_level_of_the_whole():
    field = a_field()
    grid = Grid(field.box, (16, 16)).part((slice(3, 6), slice(0, 2)))
    assert field.without_aliasing(grid).level == 1


def test_a_drawing_without_aliasing_keeps_the_mean_of_its_level():
    # a picture that aliases has some of its waves in the mean; one that does not has the constant term alone
    field = a_field()
    view = field.without_aliasing(Grid(field.box, (9, 9)))
    small, fine = (view.sample(Grid(field.box, (n, n))).mean(dim=(0, 1)) for n in (9, 64))
    assert_close(small, fine)
    aliased = field.sample(Grid(field.box, (9, 9))).mean(dim=(0, 1))
    assert (aliased - field.sample(Grid(field.box, (64, 64))).mean(dim=(0, 1))).abs().max() > 1e-4


def test_a_grid_too_coarse_for_every_level_is_refused():
    field = a_field()
    with pytest.raises(InputError, match="too few for the coarsest output"):
        field.without_aliasing(Grid(field.box, (7, 8)))


@pytest.mark.parametrize("level", [-1, 3])
def test_levels_that_are_none_and_boxes_of_other_axes_are_refused(level):
    with pytest.raises(InputError, match=f"level is {level}, expected one from 0 to 2"):
        a_field().at_level(level)
    with pytest.raises(InputError, match="the box has 2 axes and the network takes 3"):
        MultiscaleField(pixel_box(), Bacon(3, 1, 4))


def test_only_a_field_of_levels_counts_as_one():
    assert isinstance(a_field(), MultiscaleFieldLike)
    assert not isinstance(FIELD_EXAMPLES["EncodedField"](pixel_box(), 3, 0), MultiscaleFieldLike)
