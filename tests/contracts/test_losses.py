import pytest
import torch
from torch.testing import assert_close

from ungrid.terms import LOSSES


def pair(n=8, dtype=torch.float64):
    rng = torch.Generator().manual_seed(0)
    return torch.rand(n, 3, generator=rng, dtype=dtype), torch.rand(n, 3, generator=rng, dtype=dtype)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_zero_for_an_exact_prediction_and_positive_otherwise(name):
    prediction, target = pair()
    assert LOSSES[name](target, target) == 0
    assert LOSSES[name](prediction, target) > 0


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_a_mean_over_samples_so_that_a_batch_may_be_evaluated_in_parts(name):
    prediction, target = pair()
    whole = LOSSES[name](prediction, target)
    assert whole.shape == ()
    parts = [len(p) / len(prediction) * LOSSES[name](p, t) for p, t in zip(prediction.split(3), target.split(3), strict=True)]
    assert_close(sum(parts), whole)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_pulls_the_prediction_towards_the_target(name):
    prediction, target = pair()
    prediction.requires_grad_(True)
    LOSSES[name](prediction, target).backward()
    assert torch.equal(prediction.grad.sign(), (prediction - target).sign())
    assert target.grad is None


@pytest.mark.parametrize("shape", [(5,), (5, 2), (5, 2, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_takes_predictions_of_any_shape_and_keeps_the_dtype(name, dtype, shape):
    assert LOSSES[name](torch.ones(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)).dtype == dtype
