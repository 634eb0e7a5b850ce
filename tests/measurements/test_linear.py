import pytest
import torch

from ungrid.domain.grid import Grid
from ungrid.errors import InputError, ShapeError
from ungrid.measurements.linear import Chain, Combined, OnGrid, Samples, Stack
from ungrid.testing import check_linear
from ungrid.testing.examples import Doubled
from ungrid.testing.toys import unit_box

GRID = Grid(unit_box(2), (4, 5))
VALUES = torch.arange(40.0, dtype=torch.float64).reshape(4, 5, 2)


class Batched:
    """As deepinv has it: [b, c, y, x] in, the same out."""

    def A(self, x):
        assert x.shape == (1, 2, 4, 5)
        return x.flip(-1)

    A_adjoint = A


class Shifted(Doubled):
    def A_adjoint(self, seen):
        return 2 * seen + seen.roll(1, 0)


def test_an_operator_of_batches_sees_channels_first():
    measurement = OnGrid(Batched(), GRID, batched=True)
    assert torch.equal(measurement.A(VALUES), VALUES.movedim(-1, 0).flip(-1))
    check_linear(measurement)


def test_a_wrong_adjoint_is_found():
    with pytest.raises(AssertionError, match="not the adjoint"):
        check_linear(OnGrid(Shifted(), GRID))


def test_a_chain_sees_one_sensor_through_another():
    known = torch.zeros(4, 5, dtype=torch.bool)
    known[0] = True
    chain = Chain(Doubled(), Samples(GRID, known))
    assert torch.equal(chain.A(VALUES)[1], VALUES[0])
    assert torch.equal(chain.A(VALUES)[2], torch.zeros(5, 2))


def test_a_stack_can_be_taken_apart_and_a_sum_weighs():
    parts = [Samples(GRID), OnGrid(Doubled(), GRID)]
    stack = Stack(parts, [(4, 5, 2)] * 2)
    first, second = stack.split(stack.A(VALUES))
    assert torch.equal(first, VALUES)
    assert torch.equal(second, Doubled().A(VALUES))
    assert torch.equal(Combined(parts, [1.0, 0.5]).A(VALUES), VALUES + 0.5 * Doubled().A(VALUES))


def test_parts_that_do_not_go_together_are_refused(unchecked_types):
    with pytest.raises(InputError, match="methods A and A_adjoint"):
        OnGrid(object(), GRID)
    with pytest.raises(InputError, match="same grid"):
        Combined([Samples(GRID), Samples(GRID.refine(2.0))])
    with pytest.raises(InputError, match="shape of what each sees"):
        Stack([Samples(GRID)], [])
    with pytest.raises(ShapeError, match="expected booleans"):
        Samples(GRID, torch.ones(4, 4, dtype=torch.bool))
    with pytest.raises(ShapeError, match="A_adjoint gave"):
        OnGrid(Batched(), GRID.refine(2.0), batched=True).A_adjoint(torch.zeros(2, 4, 5))
