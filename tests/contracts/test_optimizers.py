import pytest
import torch
from torch import nn

from ungrid.fields.record import Recipe
from ungrid.fit.optimizers import OPTIMIZERS


def descend(name, steps, *, weights=None, dtype=torch.float64, **settings):
    """Weights after some steps on Σ i·(wᵢ − 1)², from zero or from given ones."""
    weights = nn.Parameter(torch.zeros(4, dtype=dtype)) if weights is None else weights
    optimizer = OPTIMIZERS[name]([weights], Recipe(optimizer=name, learning_rate=0.1, **settings))
    curvature = torch.arange(1, 5, dtype=dtype)

    def loss():
        optimizer.zero_grad()
        value = (curvature * (weights - 1).square()).sum()
        value.backward()
        return float(value.detach())

    losses = [optimizer.step(loss) for _ in range(steps)]
    return weights, losses


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_descends_a_quadratic_and_keeps_its_dtype(name, dtype):
    weights, losses = descend(name, 200, dtype=dtype)
    assert losses[-1] < 1e-3 * losses[0]
    assert weights.dtype == dtype


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_the_same_path_twice(name):
    assert torch.equal(descend(name, 7)[0], descend(name, 7)[0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_its_rate_from_the_recipe(name):
    optimizer = OPTIMIZERS[name]([nn.Parameter(torch.zeros(1))], Recipe(learning_rate=0.25))
    assert {group["lr"] for group in optimizer.param_groups} == {0.25}
