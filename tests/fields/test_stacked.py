import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.box import Box
from ungrid.errors import InputError
from ungrid.fields.stacked import StackedField
from ungrid.presets.published import dense_grid, siren

AXES = ("z", "y", "x")


def a_template(dim=2, out_dim=3, interpolation="cubic"):
    box = Box(AXES[-dim:], tuple((0.0, 6.0 + axis) for axis in range(dim)), ("px",) * dim)
    return dense_grid(box, out_dim, params_per_value=0.6, n_levels=2, width=8, interpolation=interpolation, seed=3)


def a_stack(n_members=3, **kind):
    """Members of different weights and scales."""
    stack = StackedField(a_template(**kind), [(1.0 + member, 0.5 * member) for member in range(n_members)])
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=rng))
    return stack


def coords_in(box, *shape):
    low, high = torch.tensor(box.bounds).unbind(-1)
    return low + (high - low) * torch.rand(*shape, box.dim, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
@pytest.mark.parametrize(("dim", "out_dim"), [(1, 1), (2, 3), (3, 2)])
def test_a_stack_gives_what_its_members_give_apart(dim, out_dim, interpolation):
    stack = a_stack(dim=dim, out_dim=out_dim, interpolation=interpolation)
    coords = coords_in(stack.box, 5, 7)
    together = stack(coords)
    assert together.shape == (5, 7, 3, out_dim)
    for member in range(3):
        assert_close(stack.member(member)(coords), together[..., member, :], atol=1e-6, rtol=1e-6)


def test_a_stack_of_double_precision_gives_what_its_members_give_apart():
    stack = a_stack().double()
    coords = coords_in(stack.box, 9).double()
    assert_close(stack.member(1).double()(coords), stack(coords)[:, 1], atol=1e-6, rtol=1e-6)


def test_every_member_begins_as_the_template():
    template = a_template()
    stack = StackedField(template, [(1.0, 0.0), (2.0, 1.0)])
    coords = coords_in(template.box, 4)
    raw = (template(coords) - 0.5) / 1.0  # the template's own values lie from 0 to 1
    assert_close(stack(coords)[:, 1], 2 * raw + 1, atol=1e-6, rtol=1e-6)


def test_a_member_has_the_box_that_it_is_given():
    stack = a_stack()
    box = Box(stack.box.axes, ((0.0, 60.0), (0.0, 70.0)), stack.box.units)
    coords = coords_in(stack.box, 4)
    assert_close(stack.member(2, box)(10 * coords), stack(coords)[:, 2], atol=1e-5, rtol=1e-5)


def test_a_member_that_is_no_number_leaves_the_others_as_they_are():
    stack, coords = a_stack(), coords_in(a_template().box, 50)
    stack(coords).square().sum().backward()
    values, grads = stack(coords).detach(), [p.grad.clone() for p in stack.parameters()]
    with torch.no_grad():
        for parameter in stack.parameters():
            parameter[1] = torch.nan
            parameter.grad = None
    stack(coords).square().sum().backward()
    for own, before in zip(stack.parameters(), grads, strict=True):
        assert torch.equal(own.grad[[0, 2]], before[[0, 2]])
    assert torch.equal(stack(coords)[:, [0, 2]], values[:, [0, 2]])


def test_no_coords_give_no_values():
    assert a_stack()(torch.zeros(0, 2)).shape == (0, 3, 3)


def test_a_field_of_other_parts_is_refused():
    with pytest.raises(InputError, match="only a dense grid"):
        StackedField(siren(a_template().box, 1, width=4, depth=1), [(1.0, 0.0)])


def test_a_stack_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least one"):
        StackedField(a_template(), [])
