import torch
from torch.testing import assert_close

from ungrid.terms.regression import LOSSES, absolute_error, half_squared_error, relative_squared_error, squared_error

PREDICTION, TARGET = torch.tensor([[1.0], [0.0], [3.0]]), torch.tensor([[0.0], [0.0], [1.0]])


def test_losses_by_hand():
    assert_close(squared_error(PREDICTION, TARGET), torch.tensor((1 + 0 + 4) / 3))
    assert_close(half_squared_error(PREDICTION, TARGET), torch.tensor((1 + 0 + 4) / 6))
    assert_close(absolute_error(PREDICTION, TARGET), torch.tensor((1 + 0 + 2) / 3))
    assert_close(relative_squared_error(PREDICTION, TARGET), torch.tensor((1 / 1.01 + 0 + 4 / 9.01) / 3))


def test_the_denominator_of_the_relative_error_is_held_fixed():
    prediction = PREDICTION.clone().requires_grad_(True)
    relative_squared_error(prediction, TARGET).backward()
    assert_close(prediction.grad, 2 * (PREDICTION - TARGET) / (PREDICTION.square() + 0.01) / 3)


def test_losses_are_named_as_they_are_called():
    assert all(loss.__name__ == name for name, loss in LOSSES.items())
